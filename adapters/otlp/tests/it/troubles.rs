//! A collector that is away, slow, or says no.

use std::time::{Duration, Instant};

use testkit::{Collector, Conduct, eventually};

use crate::{WAITING, counted, exporter, settings, span};

#[tokio::test]
async fn a_collector_that_says_no_is_not_asked_again() {
    let collector = Collector::start().await;
    collector.behave(Conduct::Say(400));
    let before = counted("lost");
    let (sender, exporter) = exporter(settings(&collector));
    sender.send(span(1)).await.unwrap();
    eventually("a refusal", || async { counted("lost") > before }).await;
    assert_eq!(collector.tries(), 1);
    collector.behave(Conduct::Take);
    sender.send(span(2)).await.unwrap();
    eventually("the next span", || async { !collector.spans().is_empty() }).await;
    assert_eq!(collector.spans()[0].name, "number 2");
    exporter.close().await;
}

#[tokio::test]
async fn a_collector_that_is_busy_is_asked_again_when_it_wants_to_be() {
    let collector = Collector::start().await;
    collector.behave(Conduct::Busy(1));
    let (sender, exporter) = exporter(settings(&collector));
    let begun = Instant::now();
    sender.send(span(1)).await.unwrap();
    eventually("a try", || async { collector.tries() == 1 }).await;
    collector.behave(Conduct::Take);
    eventually("the span", || async { !collector.spans().is_empty() }).await;
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!((collector.spans().len(), collector.tries()), (1, 2));
    exporter.close().await;
}

#[tokio::test]
async fn what_a_collector_did_not_take_is_counted() {
    let collector = Collector::start().await;
    collector.behave(Conduct::Reject(2));
    let before = (counted("sent"), counted("lost"));
    let (sender, exporter) = exporter(settings(&collector));
    for number in 0..3 {
        sender.send(span(number)).await.unwrap();
    }
    exporter.close().await;
    assert!(counted("sent") > before.0 && counted("lost") >= before.1 + 2);
}

#[tokio::test]
async fn a_collector_that_hangs_up_gets_the_same_spans_again() {
    let collector = Collector::start().await;
    collector.behave(Conduct::HangUp);
    let (sender, exporter) = exporter(settings(&collector));
    sender.send(span(1)).await.unwrap();
    eventually("a try", || async { collector.tries() == 1 }).await;
    collector.behave(Conduct::Take);
    eventually("the span", || async { collector.spans().len() == 1 }).await;
    exporter.close().await;
}

#[tokio::test]
async fn one_that_never_answers_costs_spans_and_not_those_who_record_them() {
    let collector = Collector::start().await;
    collector.behave(Conduct::Stall);
    let (sender, exporter) = exporter(settings(&collector));
    sender.send(span(0)).await.unwrap();
    eventually("a try", || async { collector.tries() == 1 }).await;
    let begun = Instant::now();
    let refused = (0..4 * WAITING as u64).filter(|number| sender.try_send(span(*number)).is_err()).count();
    assert!(refused >= 2 * WAITING, "the queue is bounded: {refused}");
    assert!(begun.elapsed() < Duration::from_secs(1), "nobody waits: {:?}", begun.elapsed());
    collector.behave(Conduct::Take);
    eventually("spans again", || async { !collector.spans().is_empty() }).await;
    exporter.close().await;
}

#[tokio::test]
async fn a_collector_that_is_away_does_not_hold_up_an_end() {
    let collector = Collector::start().await;
    let told = settings(&collector);
    drop(collector);
    let before = counted("lost");
    let (sender, exporter) = exporter(told);
    sender.send(span(1)).await.unwrap();
    let begun = Instant::now();
    exporter.close().await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(counted("lost") > before);
}
