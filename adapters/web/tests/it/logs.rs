//! The line a request leaves in the log.

use std::{
    collections::BTreeMap,
    fmt::{Debug, Write},
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::fixture::surface;

type Line = BTreeMap<&'static str, String>;

/// Keeps the lines of the request log, and the text of all others.
#[derive(Clone, Default)]
struct Kept {
    requests: Arc<Mutex<Vec<Line>>>,
    all: Arc<Mutex<String>>,
}

#[derive(Default)]
struct Fields(Line);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl Subscriber for Kept {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let _ = write!(self.all.lock().expect("unharmed"), "{:?}", fields.0);
        if event.metadata().target() == "http" {
            self.requests.lock().expect("unharmed").push(fields.0);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_request_leaves_one_line_and_no_secret() {
    let kept = Kept::default();
    let guard = tracing::subscriber::set_default(kept.clone());
    let surface = surface().await;
    let headers = [("Authorization", "Bearer good"), ("X-Request-Id", "id-1")];
    let reply = surface.post("query Whoami { me }", &headers).await;
    assert_eq!(reply.status, 200);
    surface.request("GET", "/v1/todos?token=hidden", &[], "").await;
    drop(guard);

    let lines = kept.requests.lock().expect("unharmed").clone();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let first = &lines[0];
    for (field, value) in [
        ("request_id", "id-1"),
        ("method", "POST"),
        ("path", "/graphql"),
        ("operation", "Whoami"),
        ("status", "200"),
    ] {
        assert_eq!(first.get(field).map(String::as_str), Some(value), "{first:?}");
    }
    assert!(first["ms"].parse::<f64>().is_ok_and(|ms| ms >= 0.0), "{first:?}");
    assert_eq!((lines[1]["path"].as_str(), lines[1]["operation"].as_str()), ("/v1/todos", "-"));
    let all = kept.all.lock().expect("unharmed").clone();
    assert!(!all.contains("good") && !all.contains("hidden"), "{all}");
}
