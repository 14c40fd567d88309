//! A37: a superuser edits, deletes, swaps and inserts rows, and the verifier names the position.

use application::{
    Caller, Platform,
    proofs::{Checkpoint, Finding, SealSource, SealingKey, VerifyAudit, Wrong},
};
use tokio_postgres::Client;

use super::office::Office;

const EVENTS: usize = 120;
const TAMPERINGS: u64 = 400;
/// Events of one transaction.
const TOGETHER: usize = 5;

/// The rows as they were, to be put back.
const KEEP: &str = "CREATE TABLE events_kept AS SELECT * FROM events; \
     ALTER TABLE events ALTER position DROP IDENTITY";
const PUT_BACK: &str = "DELETE FROM events; INSERT INTO events SELECT * FROM events_kept";

/// Columns that are edited, and to what.
const EDITS: [&str; 8] = [
    "recorded_at = recorded_at + interval '1 microsecond'",
    "aggregate_type = aggregate_type || 'x'",
    "aggregate_id = aggregate_id || 'x'",
    "sequence = sequence + 1000",
    "event_type = event_type || 'x'",
    "event_version = event_version || '0'",
    "payload = payload || '{\"at\": null}'",
    "metadata = metadata || '{\"actor_id\": \"somebody else\"}'",
];
/// All that is stored of an event, but where it stands.
const CONTENT: &str =
    "recorded_at, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata";

async fn office() -> (Office, Client, Vec<i64>) {
    let office = Office::open().await;
    office.write(EVENTS).await;
    office.seal().await;
    office.sign().await;
    let superuser = office.superuser().await;
    superuser.batch_execute(KEEP).await.unwrap();
    let leaves = office.seals.leaves(0, EVENTS).await.unwrap();
    let positions = leaves.iter().map(|leaf| leaf.position).collect();
    (office, superuser, positions)
}

/// Swaps what two rows hold: they have to get out of each other's way first.
fn swap(here: i64, there: i64) -> String {
    format!(
        "CREATE TEMP TABLE two AS SELECT * FROM events WHERE position IN ({here}, {there}); \
         DELETE FROM events WHERE position IN ({here}, {there}); \
         INSERT INTO events (position, tx_id, {CONTENT}) SELECT {here} + {there} - position, \
           (SELECT tx_id FROM two AS other WHERE other.position <> two.position), {CONTENT} FROM two; \
         DROP TABLE two"
    )
}

/// A statement that changes the log, where that shows first, and what it is.
fn tampering(positions: &[i64], random: &mut fastrand::Rng) -> (String, i64, Wrong) {
    let at = random.usize(..positions.len() - 1);
    let (here, there) = (positions[at], positions[random.usize(at + 1..positions.len())]);
    let unused = positions.iter().max().unwrap() + random.i64(1..1_000);
    let copy = |position: i64, content: i64, id: &str| {
        format!(
            "INSERT INTO events (position, tx_id, {CONTENT}) SELECT {position}, \
               (SELECT (tx_id::text::bigint - 1)::text::xid8 FROM events WHERE position = {here}), \
               recorded_at, aggregate_type, {id}, sequence, event_type, event_version, payload, metadata \
             FROM events WHERE position = {content}"
        )
    };
    match random.u8(..8) {
        0 | 1 => {
            let edit = EDITS[random.usize(..EDITS.len())];
            (format!("UPDATE events SET {edit} WHERE position = {here}"), here, Wrong::Edited)
        }
        2 => {
            // The last of its transaction: others would change their place with the number.
            let last = positions[at - at % TOGETHER + TOGETHER - 1];
            (format!("UPDATE events SET position = {unused} WHERE position = {last}"), last, Wrong::Edited)
        }
        3 => (format!("DELETE FROM events WHERE position = {here}"), here, Wrong::Deleted),
        4 => (format!("DELETE FROM events WHERE position >= {here}"), here, Wrong::Deleted),
        5 => (copy(unused, there, "aggregate_id || 'x'"), unused, Wrong::Inserted),
        6 => (copy(there, there, "aggregate_id || 'x'"), there, Wrong::Inserted),
        _ => (swap(here, there), here, Wrong::Swapped),
    }
}

#[tokio::test]
async fn what_a_superuser_changes_is_found_and_located() {
    let (office, superuser, positions) = office().await;
    assert_eq!(office.examined().await.finding, None);
    for seed in 0..TAMPERINGS {
        let mut random = fastrand::Rng::with_seed(seed);
        let (sql, position, wrong) = tampering(&positions, &mut random);
        superuser.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{seed}: {sql}: {error:?}"));
        let finding = office.examined().await.finding;
        let found = finding.map(|finding| (finding.position, finding.wrong));
        assert_eq!(found, Some((position, wrong)), "seed {seed}: {sql}");
        superuser.batch_execute(PUT_BACK).await.unwrap();
    }
    assert_eq!(office.examined().await.finding, None);
}

#[tokio::test]
async fn a_range_shows_what_is_wrong_in_it_and_nothing_else() {
    let (office, superuser, positions) = office().await;
    let wrong = positions[60];
    let edit = format!("UPDATE events SET payload = '{{}}' WHERE position = {wrong}");
    superuser.batch_execute(&edit).await.unwrap();
    let (app, caller) = (office.node.app(), Caller::system(Platform::Portal, "test"));
    for (from, to, expected) in
        [(0, 59, None), (61, 119, None), (0, 119, Some(60)), (60, 60, Some(60)), (55, 65, Some(60))]
    {
        let verify = VerifyAudit { from: positions[from], to: positions[to] };
        let verdict = app.ask(&caller, verify, None).await.unwrap().unwrap();
        let finding = expected.map(|leaf| Finding { position: wrong, leaf, wrong: Wrong::Edited });
        assert_eq!(verdict.finding, finding, "{from}..={to}");
    }
}

#[tokio::test]
async fn seals_that_were_changed_with_the_events_do_not_lead_to_the_signed_root() {
    let (office, superuser, positions) = office().await;
    let position = positions[30];
    let edit = format!("UPDATE events SET payload = '{{}}' WHERE position = {position}");
    superuser.batch_execute(&edit).await.unwrap();
    let other = office.examined().await.finding.unwrap();
    assert_eq!((other.position, other.wrong), (position, Wrong::Edited));
    // The leaf as it would be, and every node above it.
    let reseal = format!(
        "UPDATE audit_leaves SET hash = sha256('\\x0001'::bytea || int8send({position}) || (SELECT \
           int8send((extract(epoch FROM recorded_at) * 1000000)::bigint) || int8send(sequence) || \
           (SELECT string_agg(int4send(octet_length(t)) || convert_to(t, 'UTF8'), '' ORDER BY n) FROM \
             unnest(ARRAY[aggregate_type, aggregate_id, event_type, event_version, payload::text, metadata::text]) \
             WITH ORDINALITY AS u (t, n)) FROM events WHERE position = {position})) WHERE position = {position}"
    );
    superuser.batch_execute(&reseal).await.unwrap();
    let finding = office.examined().await.finding.unwrap();
    assert_eq!(
        (finding.leaf, finding.wrong),
        (0, Wrong::Resealed),
        "some leaf since the last good checkpoint"
    );

    superuser.batch_execute(PUT_BACK).await.unwrap();
    let finding = office.examined().await.finding.unwrap();
    let expected = Finding { position, leaf: 30, wrong: Wrong::Resealed };
    assert_eq!(finding, expected, "the event is right again, and its leaf is not");
    superuser.batch_execute("DELETE FROM audit_leaves WHERE leaf_index = 110").await.unwrap();
    superuser.batch_execute("DELETE FROM audit_checkpoints WHERE tree_size = 100").await.unwrap();
    let finding = office.examined_in(100..120).await.finding.unwrap();
    assert_eq!((finding.leaf, finding.wrong), (110, Wrong::Resealed), "a leaf is gone");
}

#[tokio::test]
async fn a_checkpoint_of_another_key_is_forged() {
    let (office, superuser, positions) = office().await;
    let other = SealingKey::read(&SealingKey::generate().unwrap()).unwrap();
    let note = Checkpoint {
        origin: "enterprise-todo/forged".to_owned(),
        size: 120,
        root: [1; 32],
        at: "2026-01-01T00:00:00Z".parse().unwrap(),
        previous: None,
    };
    let sql = "UPDATE audit_checkpoints SET note = $1 WHERE tree_size = 120";
    superuser.execute(sql, &[&note.sign(&other)]).await.unwrap();
    let finding = office.examined().await.finding;
    let expected = Finding { position: positions[100], leaf: 100, wrong: Wrong::Forged };
    assert_eq!(finding, Some(expected));
}
