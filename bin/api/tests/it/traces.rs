//! One trace from the request to the delivery, over four processes, as a collector sees it; and what a
//! collector that is away costs.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{Collector, Conduct, SeenSpan};

use crate::{
    client::Client,
    database::Database,
    documents::{CREATE, TODOS, create},
    metrics::{measured, scrape},
    person::{LOGIN, PASSWORD, Person, REGISTER, fresh_name, input, mailed_token},
    process,
    service::{Service, Settings},
    socket::Socket,
    wait::until,
};

/// Traces that a caller began.
const FIRST: u32 = 0x0a11_0000;
/// The caller's own span.
const CALLER: &str = "b7ad6b7169203331";

fn traced(settings: Settings, collector: &Collector) -> Settings {
    settings
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
        .with("OTEL_BSP_SCHEDULE_DELAY", "20")
        .with("OTEL_EXPORTER_OTLP_TIMEOUT", "500")
}

/// Two nodes, of which the first believes its proxy, and a worker.
struct Deployment {
    collector: Collector,
    database: Database,
    a: Service,
    b: Service,
    worker: Service,
}

impl Deployment {
    async fn start() -> Self {
        let (database, collector) = (Database::migrated().await, Collector::start().await);
        let user = || traced(Settings::user(&database), &collector).with("WORKERS", "external");
        let behind_a_proxy = user().with("TRUSTED_PROXIES", "1").with("TRUSTED_TRACEPARENT", "true");
        let worker = Service::start("worker", &traced(Settings::common(&database), &collector));
        let mut a = Service::start("api", &behind_a_proxy);
        let mut b = Service::start("api", &user());
        a.is_ready().await;
        b.is_ready().await;
        Self { collector, database, a, b, worker }
    }

    /// The spans of a trace, the oldest first.
    fn spans(&self, trace: &str) -> Vec<SeenSpan> {
        let mut spans: Vec<SeenSpan> =
            self.collector.spans().into_iter().filter(|span| span.trace == trace).collect();
        spans.sort_by_key(|span| span.time.0);
        spans
    }
}

/// A client that is in a trace, and the trace.
fn within(client: &Client, number: u32) -> (Client, String) {
    let trace = format!("{:032x}", FIRST + number);
    (client.with("traceparent", format!("00-{trace}-{CALLER}-01")), trace)
}

fn named<'a>(spans: &'a [SeenSpan], name: &str) -> Option<&'a SeenSpan> {
    spans.iter().find(|span| span.name == name)
}

/// The way from a request to a delivery: each is part of the one before it, in that process.
const WAY: [(&str, i32, &str); 5] = [
    ("POST /graphql", 2, "api"),
    ("command todo.create", 1, "api"),
    ("process todo_changes.v1", 5, "worker"),
    ("publish hints", 4, "worker"),
    ("deliver todoChanged", 5, "api"),
];

#[tokio::test]
async fn one_trace_goes_from_the_request_over_all_processes_to_the_delivery() {
    let deployment = Deployment::start().await;
    let Deployment { a, b, .. } = &deployment;
    let person = Person::new(a).await;
    let mut socket = Socket::following(b, &person.access, &person.cursor).await;
    create(&person.at(a), "the socket is there").await;
    socket.change().await;

    // A hint that is late is overtaken by the look at the database, which no trace leads to.
    let mut whole = None;
    for number in 0..5 {
        let (client, trace) = within(&person.at(a), number);
        create(&client, "traced").await;
        socket.change().await;
        let (begun, last) = (Instant::now(), WAY[WAY.len() - 1].0);
        while begun.elapsed() < Duration::from_secs(5) && whole.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let spans = deployment.spans(&trace);
            let complete = [last, "process todo_list.v1", "POST /graphql", "INSERT events"];
            whole = complete.iter().all(|name| named(&spans, name).is_some()).then_some(spans);
        }
        if whole.is_some() {
            break;
        }
    }
    let spans = whole.expect("a whole trace");

    let mut parent = CALLER.to_owned();
    for (name, kind, service) in WAY {
        let span = named(&spans, name).unwrap_or_else(|| panic!("no {name} in {spans:#?}"));
        assert_eq!(
            (&span.parent, span.kind, &*span.resource["service.name"]),
            (&parent, kind, service),
            "{name}"
        );
        assert!(span.time.0 <= span.time.1 && !span.failed, "{span:?}");
        parent.clone_from(&span.span);
    }
    let of = |name: &str| named(&spans, name).unwrap();
    let command = &of("command todo.create").span;
    assert_eq!((&of("INSERT events").parent, &of("process todo_list.v1").parent), (command, command));
    let node = |name: &str| &of(name).resource["service.instance.id"];
    assert_ne!(node("POST /graphql"), node("deliver todoChanged"), "it was delivered by the other node");
    assert!(of("deliver todoChanged").time.0 >= of("POST /graphql").time.0);

    let request = of("POST /graphql");
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/graphql"),
        ("http.response.status_code", "200"),
        ("enterprise_todo.operation", "createTodo"),
    ] {
        assert_eq!(request.attributes[name], value);
    }
    let insert = of("INSERT events");
    assert_eq!((insert.kind, &*insert.attributes["db.system.name"]), (3, "postgresql"));
    assert_eq!(request.resource["deployment.environment.name"], "test");
    // The log leads to the trace.
    a.process.says(&format!("trace_id={}", request.trace)).await;
    deployment.worker.process.says("traces are sent to http://localhost:").await;
    let named = "SELECT count(*) FROM events WHERE metadata->>'traceparent' IS NULL";
    assert_eq!(deployment.database.number(named).await, 0, "each event names the trace that led to it");
}

#[tokio::test]
async fn a_mail_is_in_the_trace_of_what_caused_it() {
    let deployment = Deployment::start().await;
    let (client, trace) = within(&deployment.a.client(), 100);
    let username = fresh_name();
    client.ask(REGISTER, json!({"input": input(&username)})).await;
    mailed_token(&deployment.a.client(), &format!("{username}@people.test")).await;
    let job = "process email:send-email-verification";
    until("the span of the mail", async || {
        let spans = deployment.spans(&trace);
        named(&spans, job).is_some() && named(&spans, "process mails.v1").is_some()
    })
    .await;
    let spans = deployment.spans(&trace);
    let of = |name: &str| named(&spans, name).unwrap_or_else(|| panic!("no {name} in {spans:#?}"));
    let command = of("command user.register");
    assert_eq!(command.parent, of("POST /graphql").span);
    assert_eq!((&of(job).parent, &*of(job).resource["service.name"]), (&command.span, "worker"));
    assert_eq!((&of("send mail").parent, of("send mail").kind), (&of(job).span, 3));
}

#[tokio::test]
async fn nothing_personal_and_nothing_that_a_client_made_up_is_in_a_trace() {
    let deployment = Deployment::start().await;
    let Deployment { collector, a, b, .. } = &deployment;
    let person = Person::new(a).await;
    let mut socket = Socket::following(b, &person.access, &person.cursor).await;
    let client = person.at(a).with("user-agent", "Canary-agent").with("x-request-id", "canary-request");
    let named = CREATE.replacen("mutation(", "mutation Canary_operation(", 1);
    // The first may come before the socket listens, and is read then: no trace leads to its delivery.
    for number in 0..3 {
        let key = format!("canary-key-{number}");
        client.ask(&named, json!({"input": {"text": format!("canary text {number}")}, "key": key})).await;
        socket.change().await;
    }
    client.ask(TODOS, json!({"filter": {"text": {"like": "%canary%"}}})).await;
    client.get("/v1/todos/canary-id?canary=query").await.unwrap();
    client.get("/canary/path").await.unwrap();
    client.call("PUT", "/graphql", None).await;
    let wrong = json!({"identifier": person.email, "password": "Canary7Password"});
    a.client().refused(LOGIN, wrong).await;
    // A node that nobody stands in front of believes no caller.
    let (stranger, trace) = within(&b.client(), 200);
    stranger.graphql("{ health }", json!({})).await.unwrap();
    until("all spans", async || {
        let names: Vec<String> = collector.spans().into_iter().map(|span| span.name).collect();
        let some = [
            "deliver todoChanged",
            "query todo.list",
            "GET /v1/*",
            "GET",
            "PUT /graphql",
            "command user.login",
        ];
        some.iter().all(|name| names.iter().any(|own| own == name))
    })
    .await;

    let seen = collector.bodies().concat();
    let seen = String::from_utf8_lossy(&seen).to_lowercase();
    for secret in [
        "canary",
        PASSWORD,
        "people.test",
        &person.username,
        &person.email,
        &person.id,
        &person.tenant,
        &person.access,
        &person.refresh,
        &format!("Person {}", person.username),
    ] {
        assert!(!seen.contains(&secret.to_lowercase()), "a trace shows {secret}");
    }
    assert!(collector.spans().iter().all(|span| span.trace != trace && span.parent != CALLER));
}

#[tokio::test]
async fn a_collector_that_does_not_answer_slows_nothing_and_costs_only_spans() {
    let (database, collector) = (Database::migrated().await, Collector::start().await);
    collector.behave(Conduct::Stall);
    let (settings, metrics) = measured(traced(Settings::user(&database), &collector));
    let settings = settings.with("OTEL_BSP_MAX_QUEUE_SIZE", "8").with("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8");
    let mut api = Service::ready("api", &settings).await;
    let person = Person::new(&api).await;
    let client = person.at(&api);
    let mut slowest = Duration::ZERO;
    for number in 0..20 {
        let begun = Instant::now();
        create(&client, &format!("number {number}")).await;
        slowest = slowest.max(begun.elapsed());
    }
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    let outcomes =
        async |outcome: &str| scrape(&metrics).await.value("trace_spans_total", &[("outcome", outcome)]);
    until("spans that were dropped", async || outcomes("dropped").await.is_some_and(|spans| spans >= 1.0))
        .await;
    until("spans that were lost", async || outcomes("lost").await.is_some_and(|spans| spans >= 1.0)).await;
    api.process.says("traces cannot be sent; spans are lost until they can").await;
    let said = api.process.log().matches("traces cannot be sent").count();
    assert_eq!(said, 1, "it is said once");

    collector.behave(Conduct::Take);
    until("spans again", async || !collector.spans().is_empty()).await;
    api.process.says("traces are sent again").await;
    collector.behave(Conduct::Stall);
    api.process.signal("TERM");
    let (code, took) = api.process.end().await;
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(15), "{took:?}");
}

#[tokio::test]
async fn without_a_collector_nothing_is_traced_and_events_name_no_trace() {
    const NAMED: &str = "SELECT count(*) FROM events WHERE metadata ? 'traceparent'";
    let database = Database::migrated().await;
    let trusting =
        |settings: Settings| settings.with("TRUSTED_PROXIES", "1").with("TRUSTED_TRACEPARENT", "true");
    let off = Service::ready("api", &trusting(Settings::user(&database))).await;
    let said = off.process.log().matches("nothing is traced: OTEL_EXPORTER_OTLP_ENDPOINT is not set").count();
    assert_eq!(said, 1);
    let person = Person::new(&off).await;
    create(&within(&person.at(&off), 300).0, "not traced").await;
    assert_eq!(database.number(NAMED).await, 0);
    assert!(!off.process.log().contains("trace_id"));

    // A trace that is not sampled leaves none behind either.
    let collector = Collector::start().await;
    let seldom = traced(trusting(Settings::user(&database)), &collector);
    let seldom = seldom.with("OTEL_TRACES_SAMPLER", "parentbased_always_off");
    let seldom = Service::ready("api", &seldom).await;
    create(&person.at(&seldom), "not sampled").await;
    assert_eq!((database.number(NAMED).await, collector.tries()), (0, 0));
    let (sampled, trace) = within(&person.at(&seldom), 301);
    create(&sampled, "sampled by who asks").await;
    assert_eq!(database.number(NAMED).await, 1);
    until("spans", async || collector.spans().iter().any(|span| span.name == "INSERT events")).await;
    assert!(collector.spans().iter().all(|span| span.trace == trace));
}

#[tokio::test]
async fn settings_of_traces_that_cannot_work_end_the_start() {
    let database = Database::migrated().await;
    let user = || Settings::user(&database).with("OTEL_EXPORTER_OTLP_ENDPOINT", "https://localhost:4318");
    for (name, value, said) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317", "must look like http://collector:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "must be http/protobuf"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file", "/no/such/file cannot be read"),
        ("TRUSTED_TRACEPARENT", "true", "needs a proxy of ours in front"),
    ] {
        let ended = process::run(user().with(name, value).command("api", &[])).await;
        assert_eq!(ended.status.code(), Some(1), "{name}");
        let all =
            String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
        assert!(all.contains(&format!("\"{name}\"")) && all.contains(said), "{name}: {all}");
    }
}
