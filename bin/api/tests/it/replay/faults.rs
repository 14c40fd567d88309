//! What goes wrong in the middle is told at its position, and is no end.

use serde_json::json;

use super::{Play, Said, Writer, position, system};

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
