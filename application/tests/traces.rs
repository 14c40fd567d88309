//! Spans of a process that records. It records from the first test on, so that each looks only at
//! traces of its own.

use std::{
    sync::{LazyLock, Mutex},
    time::Duration,
};

use application::trace::{self, Attribute, Finished, Incoming, Kind, Roots, Sampler, Span};
use tokio::sync::mpsc::Receiver;

/// Room for all spans of this file but one test's.
const WAITING: usize = 64;

static SPANS: LazyLock<Mutex<(Receiver<Finished>, Vec<Finished>)>> = LazyLock::new(|| {
    let parents_decide = Sampler { roots: Roots::Never, asks_parent: true };
    let spans = trace::record(parents_decide, WAITING).expect("nobody records yet");
    assert!(trace::record(Sampler::default(), WAITING).is_none(), "once is enough");
    Mutex::new((spans, Vec::new()))
});

/// One test at a time: they share the queue.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The caller that a trace begins with.
fn caller(trace: u8, sampled: bool) -> Option<Incoming> {
    LazyLock::force(&SPANS);
    Incoming::read(&format!("00-{trace:032x}-b7ad6b7169203331-{:02x}", u8::from(sampled)))
}

/// What has ended of a trace.
fn ended(trace: u8) -> Vec<Finished> {
    let mut spans = SPANS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (receiver, all) = &mut *spans;
    while let Ok(span) = receiver.try_recv() {
        all.push(span);
    }
    let trace = format!("{trace:032x}");
    all.iter().filter(|span| span.place.trace.to_string() == trace).cloned().collect()
}

#[tokio::test]
async fn what_is_not_sampled_is_not_recorded_nor_is_anything_below_it() {
    let _turn = TURN.lock().await;
    let root = Span::root(Kind::Server, format_args!("GET /"), caller(1, false));
    assert_eq!(root.place(), None);
    let below = root.scope(async { Span::child(Kind::Internal, format_args!("below")).place() }).await;
    assert_eq!((below, trace::current()), (None, None));
    drop(root);
    assert_eq!(
        Span::root(Kind::Server, format_args!("GET /"), None).place(),
        None,
        "roots are never sampled"
    );
    assert_eq!(ended(1), []);
}

#[tokio::test]
async fn a_child_knows_its_parent_across_tasks_when_it_is_told() {
    let _turn = TURN.lock().await;
    let root = Span::root(Kind::Server, format_args!("POST {}", "/graphql"), caller(2, true));
    let place = root.place().expect("it is sampled");
    let inner = root.scope(async {
        let child = Span::child(Kind::Internal, format_args!("command"));
        let spawned = tokio::spawn(child.scope(async { trace::current() }));
        (spawned.await.unwrap(), child.place())
    });
    let (inside, child) = inner.await;
    assert_eq!(inside, child);
    assert_eq!(trace::current(), None, "outside of it there is none");
    drop(root);
    let spans = ended(2);
    let names: Vec<&str> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["command", "POST /graphql"], "in the order in which they ended");
    assert_eq!(spans[0].parent, Some(place.span));
    assert_eq!(spans[1].parent.map(|span| span.to_string()).as_deref(), Some("b7ad6b7169203331"));
    assert!(spans[1].begun <= spans[0].begun && spans[0].ended <= spans[1].ended);
}

#[tokio::test]
async fn a_span_says_what_is_known_of_it_and_how_it_ended() {
    let _turn = TURN.lock().await;
    let mut span = Span::root(Kind::Client, format_args!("ask"), caller(3, true))
        .since(std::time::Instant::now().checked_sub(Duration::from_secs(3)).expect("a while ago"));
    span.word("db.system.name", "postgresql");
    span.text("of.two", &format!("{} words", 2));
    span.whole("count", 7);
    span.fail("CONFLICT");
    for _ in 0..100 {
        span.whole("again", 1);
    }
    drop(span);
    let [span] = &ended(3)[..] else { panic!("one span") };
    let took = span.ended.duration_since(span.begun).unwrap();
    assert!((Duration::from_secs(3)..Duration::from_mins(1)).contains(&took), "{took:?}");
    assert_eq!(span.attributes[1], ("of.two", Attribute::Text("2 words".into())));
    assert_eq!(span.attributes[2], ("count", Attribute::Whole(7)));
    assert_eq!((span.attributes.len(), span.error.as_deref()), (16, Some("CONFLICT")));
}

#[tokio::test]
async fn a_full_queue_drops_spans_and_counts_them_and_nobody_waits() {
    let _turn = TURN.lock().await;
    let told = caller(4, true);
    for _ in 0..3 * WAITING {
        drop(Span::root(Kind::Internal, format_args!("one of many"), told));
    }
    let shown = application::meter::render().unwrap();
    let line =
        shown.lines().find(|line| line.starts_with("enterprise_todo_trace_spans_total{outcome=\"dropped\"}"));
    let dropped: usize = line.and_then(|line| line.rsplit_once(' ')).map_or(0, |(_, n)| n.parse().unwrap());
    let kept = ended(4).len();
    assert!((1..=WAITING).contains(&kept) && dropped >= 3 * WAITING - kept, "{kept} kept, {dropped} dropped");
}
