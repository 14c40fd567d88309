//! Speeds: events keep their distance, and long gaps are not silent.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Play, Said, Writer, id, system};

/// How far apart the events are.
const APART: Duration = Duration::from_millis(400);
const EVENTS: u32 = 6;
/// How much later than due things may be on a busy machine.
const LATE_MAX: Duration = Duration::from_secs(2);

#[tokio::test]
async fn events_come_as_far_apart_as_they_happened_divided_by_the_speed() {
    let system = system().await;
    let writer = Writer::alone(&system).await;
    writer.create(i32::try_from(EVENTS).unwrap(), 400).await;
    let whole = APART * (EVENTS - 1);
    for (speed, expected) in [(Some(1.0), whole), (Some(4.0), whole / 4), (None, Duration::ZERO)] {
        let mut play = Play::of(&system, json!({"filter": writer.filter(), "speed": speed})).await;
        play.event().await;
        let begun = Instant::now();
        for n in 1..EVENTS {
            play.event().await;
            let due = expected / (EVENTS - 1) * n;
            // The first one may have been late on its way, which makes the others seem early.
            let took = begun.elapsed() + Duration::from_millis(100);
            assert!(took >= due, "speed {speed:?}: event {n} after {took:?}, due after {due:?}");
            assert!(took <= due + LATE_MAX, "speed {speed:?}: event {n} after {took:?}, due after {due:?}");
        }
    }
}

#[tokio::test]
async fn in_a_long_gap_it_says_when_the_next_event_happened_and_how_long_that_is() {
    let system = system().await;
    let writer = Writer::alone(&system).await;
    writer.create(2, 55_000).await;
    let mut play = Play::of(&system, json!({"filter": writer.filter(), "speed": 1})).await;
    play.event().await;
    for _ in 0..2 {
        let Said::Progress(item) = play.next().await else { panic!("nothing happened for 55 seconds") };
        assert!(item["progress"]["nextEventAt"].is_string(), "{item}");
        assert!(item["progress"]["secondsLeft"].as_f64().unwrap() > 45.0, "{item}");
        assert_eq!(item["progress"]["caughtUp"], false);
    }
}

#[tokio::test]
async fn a_filter_that_nothing_passes_is_not_silent_and_ends_in_the_present() {
    let system = system().await;
    let writer = Writer::alone(&system).await;
    writer.create(3_000, 1).await;
    let nobody = id();
    let mut play = Play::of(&system, json!({"filter": {"tenantId": nobody}})).await;
    let Said::Progress(first) = play.next().await else { panic!("the first item tells how much there is") };
    let caught_up = play.caught_up().await;
    let done = caught_up["progress"]["done"].as_f64().unwrap();
    assert!(done >= first["progress"]["total"].as_f64().unwrap() && done >= 3_000.0, "{first} {caught_up}");
    assert_ne!(first["cursor"], caught_up["cursor"], "what was looked at counts, not only what passed");
}
