//! A roll-back: the previous release again, on what this one has written.

use serde_json::json;

use super::{facts, releases};
use crate::{
    database::Database,
    documents::{CREATE, UPDATE, create},
    wait::until,
};

/// An event of a kind that only a later release knows, in the stream of a todo.
const UNKNOWN: &str = "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
     SELECT aggregate_type, aggregate_id, sequence + 1, 'todo.levitated', '1', '{\"type\": \"todo.levitated\"}', metadata \
     FROM events WHERE event_type = 'todo.created' AND payload->>'text' = 'levitating'";
const HALTED: &str =
    "SELECT count(*) FROM projection_checkpoints WHERE name = 'todo_list.v1' AND status = 'halted'";

#[tokio::test]
async fn the_previous_release_goes_on_with_what_this_one_wrote() {
    let Some(both) = releases() else { return };
    let database = Database::empty().await;
    both.old.migrate(&database, &[]).await;
    let before = both.old.serve(&database).await;
    let person = before.is_used("from_before").await;
    before.stop().await;
    both.new.migrate(&database, &[]).await;
    let between = both.new.serve(&database).await;
    between.is_written_to(&person, "between").await;
    let newcomer = between.is_used("newcomer").await;
    let trail = facts(&between.trail(&newcomer).await);
    let texts = between.texts(&person, &person.cursor).await;
    between.stop().await;

    let after = both.old.serve(&database).await;

    assert_eq!(after.texts(&person, &person.cursor).await, texts);
    assert_eq!(facts(&after.trail(&newcomer).await)[..trail.len()], trail[..]);
    after.is_written_to(&newcomer, "after").await;
    after.is_used("late").await;
    for words in [&["projections", "check"][..], &["audit-verify"]] {
        let done = both.old.worker(&database, words).await;
        assert!(done.status.success(), "{words:?}: {done:?}");
    }
    after.stop().await;
}

#[tokio::test]
async fn an_event_that_the_previous_release_does_not_know_stops_a_read_model_and_nothing_else() {
    let Some(both) = releases() else { return };
    let database = Database::migrated().await;
    let mut running = both.old.serve(&database).await;
    let person = running.is_used("earthbound").await;
    let client = person.at(&running.api);
    let made = create(&client, "levitating").await;
    database.open().await.execute(UNKNOWN, &[]).await.unwrap();

    until("the halt", async || database.number(HALTED).await == 1).await;

    // As `ops/runbooks/roll-back.md` says: that one stream is closed, all others are open, lists are old.
    let closed = json!({"id": made["todo"]["id"], "with": {"text": "landed"}});
    let closed = client.graphql(UPDATE, closed).await.unwrap();
    assert!(closed.json().get("errors").is_some(), "{closed:?}");
    let other = client.whole(CREATE, json!({"input": {"text": "on the ground"}})).await;
    assert_eq!(other["extensions"]["consistency"]["shown"], false, "{other}");
    let again = json!({"id": other["data"]["createTodo"]["todo"]["id"], "with": {"text": "still there"}});
    client.ask(UPDATE, again).await;
    for service in [&mut running.api, &mut running.portal, &mut running.worker] {
        assert!(service.process.ended().is_none(), "an unknown event ends a process");
    }
    running.stop().await;
}
