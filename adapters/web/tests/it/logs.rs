//! The line a request leaves in the log.

use std::{
    collections::BTreeMap,
    fmt::{Debug, Write},
    sync::{Mutex, MutexGuard, OnceLock},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::fixture::surface;

type Line = BTreeMap<&'static str, String>;

/// Everything that was logged by all tests.
static LOG: OnceLock<Mutex<Log>> = OnceLock::new();

/// The lines of the request log, and the text of all others.
#[derive(Default)]
struct Log {
    requests: Vec<Line>,
    all: String,
}

/// Keeps the log from now on; every surface of these tests begins with it.
pub(crate) fn keep() {
    LOG.get_or_init(|| {
        tracing::subscriber::set_global_default(Keeper).expect("the only one");
        Mutex::default()
    });
}

fn kept() -> MutexGuard<'static, Log> {
    LOG.get_or_init(Mutex::default).lock().expect("unharmed")
}

struct Keeper;

#[derive(Default)]
struct Fields(Line);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl Subscriber for Keeper {
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
        let mut log = kept();
        let _ = write!(log.all, "{:?}", fields.0);
        if event.metadata().target() == "http" {
            log.requests.push(fields.0);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_request_leaves_one_line_and_no_secret() {
    let surface = surface().await;
    let headers = [("Authorization", "Bearer hidden-token"), ("X-Request-Id", "log-1")];
    surface.post("query Whoami { me }", &headers).await;
    let headers = [("Authorization", "Bearer good"), ("X-Request-Id", "log-2")];
    surface.post("query Whoami { me }", &headers).await;
    surface.request("GET", "/v1/todos?code=hidden-code", &[("X-Request-Id", "log-3")], "").await;

    let log = kept();
    let of = |id| log.requests.iter().filter(|line| line["request_id"] == id).collect::<Vec<_>>();
    let [refused, answered, rest] = [of("log-1"), of("log-2"), of("log-3")];
    assert!(
        [&refused, &answered, &rest].iter().all(|lines| lines.len() == 1),
        "{refused:?} {answered:?} {rest:?}"
    );
    assert_eq!((refused[0]["status"].as_str(), refused[0]["operation"].as_str()), ("401", "-"));
    for (field, value) in
        [("method", "POST"), ("path", "/graphql"), ("operation", "Whoami"), ("status", "200")]
    {
        assert_eq!(answered[0][field], value, "{answered:?}");
    }
    assert!(answered[0]["ms"].parse::<f64>().is_ok_and(|ms| ms >= 0.0), "{answered:?}");
    assert_eq!((rest[0]["path"].as_str(), rest[0]["operation"].as_str()), ("/v1/todos", "-"));
    assert!(!log.all.contains("hidden-"));
}
