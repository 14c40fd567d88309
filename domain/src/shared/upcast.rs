//! Old shapes of events, brought to today's before anyone decodes them.
//!
//! To change a stored shape: raise the version in `event_version`, keep the old golden file, and
//! add the step here. Every reader (rehydration, the tail, exports) goes through [`upcast`].

use cqrs_es::persist::{EventUpcaster, SemanticVersionEventUpcaster, SerializedEvent};
use serde_json::Value;

use crate::tag::Colour;

/// All steps, oldest first.
pub fn upcasters() -> Vec<Box<dyn EventUpcaster>> {
    vec![Box::new(SemanticVersionEventUpcaster::new("tag.created", "2", Box::new(tag_created_v2)))]
}

/// Brings one event to today's shape.
pub fn upcast(steps: &[Box<dyn EventUpcaster>], event: SerializedEvent) -> SerializedEvent {
    steps.iter().fold(event, |event, step| {
        if step.can_upcast(&event.event_type, &event.event_version) { step.upcast(event) } else { event }
    })
}

/// Version 1 knew no colour: such tags were all drawn in the default one.
fn tag_created_v2(mut payload: Value) -> Value {
    if let Some(fields) = payload.as_object_mut() {
        fields.entry("colour").or_insert_with(|| Value::from(Colour::default().as_str()));
    }
    payload
}
