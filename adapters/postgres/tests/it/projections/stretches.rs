//! The self-check of stretches of the log, over clocks that go wrong: what they say is a sum over all
//! events, and one that is wrong makes none of its neighbours wrong.

use adapter_postgres::{AuditListProjection, consumers::Pace};
use fastrand::Rng;
use testkit::TestDatabase;

use super::check::check;
use crate::{
    audit::seed,
    rig::{Node, QUICK},
};

const AUDITS: &str = "audit_list.v1";
/// So many events a batch, so that stretches end.
const BATCH: usize = 100;
/// Pieces of each kind in a round: all stretches there are.
const PIECES: usize = 12;
/// Rounds until chance has found whatever is wrong.
const ROUNDS: usize = 20;

/// What to do to the stretch in the middle.
const TO_THE_MIDDLE: [&str; 7] = [
    "UPDATE audit_spans SET low_position = 0",
    "UPDATE audit_spans SET high_position = high_position + 4000",
    "UPDATE audit_spans SET earliest = earliest + interval '2 hours'",
    "UPDATE audit_spans SET earliest = earliest - interval '2 hours'",
    "UPDATE audit_spans SET latest = latest + interval '2 hours'",
    "UPDATE audit_spans SET latest = latest - interval '2 hours'",
    "UPDATE audit_spans SET events = 1",
];
const MIDDLE: &str = "WHERE (from_tx, from_position) = (SELECT from_tx, from_position FROM audit_spans \
     ORDER BY from_tx, from_position OFFSET 2 LIMIT 1)";

async fn spans(database: &TestDatabase) -> Vec<String> {
    let sql = "SELECT s::text FROM audit_spans s ORDER BY from_tx, from_position";
    let rows = database.owner().await.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// A database with several stretches.
async fn long_log() -> (TestDatabase, Node) {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    seed(&database, &mut Rng::with_seed(0x5ba2)).await;
    let running = node.run_at(AuditListProjection, Pace { batch: BATCH, ..QUICK });
    node.caught_up(AUDITS, &["todo", "tag", "tenant", "widget"]).await;
    running.stop().await;
    (database, node)
}

#[tokio::test]
async fn a_stretch_that_is_wrong_is_mended_and_its_neighbours_stay_as_they_are() {
    let (database, node) = long_log().await;
    let right = spans(&database).await;
    assert!(right.len() >= 5, "{right:?}");
    let (check, _) = check(&node);
    let quiet = check.round(Some(AUDITS), PIECES).await.unwrap();
    assert!(quiet.mended.is_empty() && quiet.left_out == 0, "{quiet:?}");

    for sql in TO_THE_MIDDLE {
        database.owner().await.batch_execute(&format!("{sql} {MIDDLE}")).await.unwrap();
        assert_ne!(spans(&database).await, right, "{sql}");
        let mut rounds = 0;
        while spans(&database).await != right {
            let checked = check.round(Some(AUDITS), PIECES).await.unwrap();
            assert!(checked.mended.len() <= 1 && checked.left_out == 0, "{sql}: {checked:?}");
            rounds += 1;
            assert!(rounds < ROUNDS, "{sql}: {checked:?}");
        }
    }
    assert!(check.round(Some(AUDITS), PIECES).await.unwrap().mended.is_empty());
}

/// Every event is in one stretch, and what the stretch says of positions and times holds.
const WRONG: &str = "SELECT count(*) FROM events AS e WHERE (SELECT count(*) FROM audit_spans AS s \
       WHERE (e.tx_id, e.position) >= (s.from_tx, s.from_position) \
       AND (e.tx_id, e.position) <= (s.to_tx, s.to_position) \
       AND e.position BETWEEN s.low_position AND s.high_position \
       AND e.recorded_at BETWEEN s.earliest AND s.latest) <> 1";

#[tokio::test]
async fn stretches_that_overlap_or_leave_a_gap_come_to_hold_each_event_once() {
    let (database, node) = long_log().await;
    let (check, _) = check(&node);
    let owner = database.owner().await;
    for sql in [
        "DELETE FROM audit_spans",
        "UPDATE audit_spans SET to_position = to_position - 50",
        "UPDATE audit_spans SET to_tx = (SELECT max(to_tx::text::bigint)::text::xid8 FROM audit_spans)",
        "UPDATE audit_spans SET from_position = from_position + 1",
    ] {
        owner.batch_execute(&format!("{sql} {MIDDLE}")).await.unwrap();
        let mut quiet = 0;
        // Nothing was found for so long that chance has looked everywhere.
        while quiet < 5 {
            let checked = check.round(Some(AUDITS), PIECES).await.unwrap();
            assert!(checked.broken.is_empty() && checked.left_out == 0, "{sql}: {checked:?}");
            quiet = if checked.mended.is_empty() { quiet + 1 } else { 0 };
        }
        let wrong: i64 = owner.query_one(WRONG, &[]).await.unwrap().get(0);
        assert_eq!(wrong, 0, "{sql}: {:?}", spans(&database).await);
    }
}
