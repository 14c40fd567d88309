//! What goes wrong in the middle is told at its position, and is no end.

use serde_json::{Value, json};

use super::{Cut, Play, Said, Writer, position, positions, system};
use crate::{operators::colleague, system::System};

#[tokio::test]
async fn an_event_that_cannot_be_read_is_an_error_at_its_position_and_the_next_one_follows() {
    let system = system().await;
    let writer = Writer::alone(&system).await;
    writer.create(8, 1).await;
    let stored = writer.stored().await;
    // As somebody would who has stolen the owner's password.
    let corrupt = |position: i64, payload: &str| {
        format!(
            "BEGIN; ALTER TABLE events DISABLE TRIGGER events_no_change; \
             UPDATE events SET payload = '{payload}' WHERE position = {position}; \
             ALTER TABLE events ENABLE TRIGGER events_no_change; COMMIT"
        )
    };
    let broken = [
        (0, r#"{"type": "todo.created"}"#),
        (3, r#""no object""#),
        (4, r#"{"type": "todo.completed", "at": "2026-01-01T00:00:00Z"}"#),
        (7, "null"),
    ];
    for (n, payload) in broken {
        writer.session.batch_execute(&corrupt(stored[n], payload)).await.unwrap();
    }

    let mut play = Play::of(&system, json!({"filter": writer.filter()})).await;
    let mut seen = Vec::new();
    while seen.len() < stored.len() {
        match play.next().await {
            Said::Event(item) => seen.push((position(&item), "read")),
            Said::Fault(code, at, cursor) => {
                assert_eq!(code, "INTERNAL");
                assert!(cursor.is_string());
                seen.push((at.parse().unwrap(), "told"));
            }
            Said::Progress(_) => {}
            other => panic!("{other:?}"),
        }
    }
    let told = |n: usize| if broken.iter().any(|(of, _)| *of == n) { "told" } else { "read" };
    let expected: Vec<_> = stored.iter().enumerate().map(|(n, position)| (*position, told(n))).collect();
    assert_eq!(seen, expected);
    writer.create(1, 1).await;
    assert_eq!(position(&play.event().await), writer.stored().await[8], "and it goes on");

    let mut again = Play::of(&system, json!({"filter": writer.filter()})).await;
    let cursor = loop {
        if let Said::Fault(_, _, cursor) = again.next().await {
            break cursor;
        }
    };
    let mut behind = Play::of(&system, json!({"filter": writer.filter(), "from": cursor})).await;
    assert_eq!(position(&behind.event().await), stored[1], "resumed behind what cannot be read");
}

#[tokio::test]
async fn a_database_that_goes_away_is_told_once_and_the_replay_goes_on_when_it_is_back() {
    // A system of its own: nobody can work with it for a while.
    let system = System::start().await;
    let writer = Writer::alone(&system).await;
    writer.create(600, 1).await;
    let (_, _, operator) = colleague(&system, "SUPPORT").await;
    let wanted = json!({"filter": writer.filter()});
    let mut play = Play::begin(&system.portal, &operator.token(), wanted).await;
    let before = positions(&play.events(600).await);
    play.caught_up().await;

    let cut = Cut::of(&system).await;
    let mut faults = Vec::new();
    let mut silent_items = 0;
    while silent_items < 3 {
        match play.next().await {
            Said::Fault(code, at, cursor) => faults.push((code, at, cursor)),
            Said::Progress(item) if faults.is_empty() => drop(item),
            Said::Progress(item) => {
                assert_eq!(item["progress"]["caughtUp"], false, "nobody knows: {item}");
                silent_items += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    cut.mend().await;
    let writer = Writer::new(&system, &writer.tenant).await;
    writer.create(5, 1).await;
    let after = positions(&play.events(5).await);
    play.caught_up().await;
    let [(code, at, cursor)] = faults.as_slice() else { panic!("told once: {faults:?}") };
    assert_eq!(code, "UNAVAILABLE");
    assert!(at.parse::<i64>().unwrap() >= *before.last().unwrap(), "{at}");
    assert_eq!([before, after.clone()].concat(), writer.stored().await, "none lost, none twice");

    // The cursor of the fault is as good as that of an event.
    let Value::String(cursor) = cursor else { panic!("a fault has a cursor: {cursor}") };
    let wanted = json!({"filter": writer.filter(), "from": cursor});
    let mut resumed = Play::begin(&system.portal, &operator.token(), wanted).await;
    assert_eq!(positions(&resumed.events(5).await), after, "resumed where it went away");
}
