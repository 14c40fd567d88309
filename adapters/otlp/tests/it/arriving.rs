//! A collector that takes what it is given.

use std::collections::BTreeMap;

use adapter_otlp::{Endpoint, Exporter};
use application::trace::{Attribute, Finished, Incoming, Kind};
use testkit::{Collector, SeenSpan, eventually};

use crate::{exporter, settings, span};

#[tokio::test]
async fn a_span_arrives_as_it_was_with_what_is_true_of_its_process() {
    let collector = Collector::start().await;
    let mut told = settings(&collector);
    told.headers.push(("api-key".parse().unwrap(), "a key".parse().unwrap()));
    let (sender, exporter) = exporter(told);
    let parent = Incoming::read("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap().place;
    let sent = Finished {
        parent: Some(parent.span),
        name: "POST /graphql".into(),
        kind: Kind::Server,
        attributes: vec![
            ("http.request.method", Attribute::Text("POST".into())),
            ("http.response.status_code", Attribute::Whole(503)),
            ("nothing", Attribute::Whole(0)),
            ("below", Attribute::Whole(-1)),
        ],
        error: Some("503".into()),
        ..span(6)
    };
    sender.send(sent).await.unwrap();
    eventually("a span", || async { !collector.spans().is_empty() }).await;
    exporter.close().await;

    let text = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let expected = SeenSpan {
        resource: BTreeMap::from([("service.name", "a test")].map(text)),
        trace: "0af7651916cd43dd8448eb211c80319c".to_owned(),
        span: "0000000000000007".to_owned(),
        parent: "b7ad6b7169203331".to_owned(),
        name: "POST /graphql".to_owned(),
        kind: 2,
        time: (1_800_000_000_123_456_789, 1_800_000_000_128_456_789),
        attributes: BTreeMap::from(
            [
                ("http.request.method", "POST"),
                ("http.response.status_code", "503"),
                ("nothing", "0"),
                ("below", "-1"),
                ("error.type", "503"),
            ]
            .map(text),
        ),
        failed: true,
    };
    assert_eq!(collector.spans(), [expected]);
    assert_eq!(collector.header("api-key").as_deref(), Some("a key"));
}

#[tokio::test]
async fn many_spans_go_in_few_requests_none_of_them_too_large() {
    let collector = Collector::start().await;
    let (sender, exporter) = exporter(settings(&collector));
    for number in 0..250 {
        sender.send(span(number)).await.unwrap();
    }
    eventually("all spans", || async { collector.spans().len() == 250 }).await;
    exporter.close().await;
    let requests = collector.bodies().len();
    assert!((3..20).contains(&requests), "{requests} requests");
    let names: Vec<String> = collector.spans().into_iter().map(|span| span.name).collect();
    let in_order: Vec<String> = (0..250).map(|number| format!("number {number}")).collect();
    assert_eq!(names, in_order);
}

#[tokio::test]
async fn what_waits_at_the_end_is_sent() {
    let collector = Collector::start().await;
    let mut patient = settings(&collector);
    patient.every = std::time::Duration::from_mins(1);
    let (sender, exporter) = exporter(patient);
    for number in 0..150 {
        sender.send(span(number)).await.unwrap();
    }
    exporter.close().await;
    assert_eq!(collector.spans().len(), 150);
}

#[tokio::test]
async fn with_tls_the_collector_must_be_one_that_is_trusted() {
    let collector = Collector::encrypted().await;
    let mut trusting = settings(&collector);
    trusting.ca_file = Some(collector.authority());
    let (sender, trusted) = exporter(trusting.clone());
    sender.send(span(1)).await.unwrap();
    eventually("a span over TLS", || async { collector.spans().len() == 1 }).await;
    trusted.close().await;

    // The certificate is for `localhost`.
    let endpoint = collector.endpoint().replace("localhost", "127.0.0.1");
    trusting.endpoint = Endpoint::read(&endpoint, "/v1/traces").unwrap();
    let (sender, other_name) = exporter(trusting);
    sender.send(span(2)).await.unwrap();
    other_name.close().await;
    let (sender, stranger) = exporter(settings(&collector));
    sender.send(span(3)).await.unwrap();
    stranger.close().await;
    assert_eq!((collector.spans().len(), collector.tries()), (1, 1));
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_ends_the_start() {
    let collector = Collector::encrypted().await;
    let mut wrong = settings(&collector);
    wrong.ca_file = Some("/no/such/file.pem".into());
    let (_sender, spans) = tokio::sync::mpsc::channel(1);
    let refused = Exporter::start(wrong, spans).err().unwrap().to_string();
    assert!(
        refused.starts_with("\"OTEL_EXPORTER_OTLP_CERTIFICATE\": /no/such/file.pem cannot be read"),
        "{refused}"
    );
}
