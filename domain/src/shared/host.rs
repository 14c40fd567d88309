//! How our pure aggregates are hosted by cqrs-es.

use std::error::Error;

use serde::{Serialize, de::DeserializeOwned};

use super::{Claim, Issued};

/// An aggregate: state that decides on commands and evolves by events, both pure.
pub trait Root:
    cqrs_es::Aggregate<Services = ()> + Clone + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// What can be asked of it.
    type Intent: Send + Sync + 'static;
    /// Why it refuses.
    type Refusal: Error + Clone + PartialEq + Send + Sync + 'static;

    /// The version of the snapshot's shape. A snapshot of another version is ignored and replaced.
    const SNAPSHOT_SCHEMA: i32;

    /// What happens next, or why nothing may. No events: what was asked holds already.
    fn decide(&self, issued: Issued<Self::Intent>) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// Records what happened. It decides nothing and cannot fail.
    fn evolve(&mut self, event: Self::Event);

    /// The unique values this state holds.
    fn claims(&self) -> Vec<Claim> {
        Vec::new()
    }

    /// The refusal that says `claim` is held by another stream.
    fn taken(claim: &Claim) -> Self::Refusal;

    /// The running number an event wants, named by its series. The store assigns it while it
    /// appends, because only there is it unique and without a gap; it replaces the event's
    /// `number` field.
    fn series(event: &Self::Event) -> Option<String> {
        let _ = event;
        None
    }

    /// The event with the running number that the store assigned.
    fn numbered(event: Self::Event, number: i64) -> Self::Event {
        let _ = number;
        event
    }
}

/// The only lines that know cqrs-es: `decide` runs once, on the state before any of its events.
macro_rules! hosted_by_cqrs_es {
    ($aggregate:ty, $intent:ty, $event:ty, $error:ty, $name:literal) => {
        impl cqrs_es::Aggregate for $aggregate {
            const TYPE: &'static str = $name;
            type Command = $crate::Issued<$intent>;
            type Event = $event;
            type Error = $error;
            type Services = ();

            async fn handle(
                &mut self,
                command: Self::Command,
                (): &(),
                sink: &cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), $error> {
                for event in $crate::Root::decide(self, command)? {
                    sink.write(event, self).await;
                }
                Ok(())
            }

            fn apply(&mut self, event: $event) {
                $crate::Root::evolve(self, event);
            }
        }
    };
}
pub(crate) use hosted_by_cqrs_es;
