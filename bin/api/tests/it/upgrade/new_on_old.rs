//! After the deploy: what the previous release wrote is read, verified, and built anew.

use std::process::Command;

use serde_json::{Value, json};

use super::{facts, releases};
use crate::{client::Client, database::Database, environment::told, wait::until};

const PROJECTIONS: &str =
    "{ projections { name state lagEvents rebuildable rebuild { phase differingRows error } } }";
const REBUILD: &str = "mutation($name: String!) { rebuildProjection(name: $name) { projection { name } } }";

/// The whole schema, but for a word that newer dumps make up.
async fn schema(database: &Database) -> String {
    let mut command = Command::new(format!("{}/pg_dump", told("TEST_PG_BIN_DIR")));
    command.arg("--schema-only").arg(&database.url);
    let dump = crate::process::run(command).await;
    assert!(dump.status.success(), "{dump:?}");
    let text = String::from_utf8(dump.stdout).unwrap();
    text.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n")
}

async fn projections(operator: &Client) -> Vec<Value> {
    operator.ask(PROJECTIONS, json!({})).await.as_array().unwrap().clone()
}

/// Builds every read model anew; none of them may differ from what was there.
async fn all_are_built_anew(operator: &Client) {
    let names: Vec<Value> =
        projections(operator).await.into_iter().filter(|it| it["rebuildable"] == true).collect();
    assert!(names.len() > 5, "{names:?}");
    for name in names.iter().map(|it| &it["name"]) {
        operator.ask(REBUILD, json!({"name": name})).await;
        let mut built = Value::Null;
        until(&format!("{name} built anew"), async || {
            built = projections(operator).await.into_iter().find(|it| it["name"] == *name).unwrap();
            assert_ne!(built["rebuild"]["phase"], "FAILED", "{built}");
            built["rebuild"]["phase"] == "KEPT"
        })
        .await;
        assert_eq!(built["rebuild"]["differingRows"], 0, "{built}");
    }
}

#[tokio::test]
async fn this_release_goes_on_with_what_the_previous_one_wrote() {
    let Some(both) = releases() else { return };
    let database = Database::empty().await;
    both.old.migrate(&database, &[]).await;
    let before = both.old.serve(&database).await;
    let person = before.is_used("long_there").await;
    let trail = facts(&before.trail(&person).await);
    let texts = before.texts(&person, &person.cursor).await;
    let sealed = "SELECT count(*) FROM audit_checkpoints";
    until("a sealed checkpoint", async || database.number(sealed).await > 0).await;
    before.stop().await;

    both.new.migrate(&database, &[]).await;
    let (upgraded, whole) = (schema(&database).await, schema(&Database::migrated().await).await);
    let different = upgraded.lines().zip(whole.lines()).find(|(one, other)| one != other);
    assert!(upgraded == whole, "the schema differs from one that is made from nothing: {different:?}");

    let after = both.new.serve(&database).await;
    assert_eq!(after.texts(&person, &person.cursor).await, texts, "cursors and tokens go on");
    let now = facts(&after.trail(&person).await);
    assert_eq!(now[..trail.len()], trail[..], "the trail is what it was");
    after.is_written_to(&person, "later").await;
    after.is_used("newcomer").await;
    all_are_built_anew(&after.operator().await).await;
    let mut all = after.texts(&person, &person.cursor).await;
    all.retain(|text| !text.starts_with("later"));
    assert_eq!(all, texts, "built anew from events of both releases");
    for words in [&["projections", "check"][..], &["audit-verify"]] {
        let done = both.new.worker(&database, words).await;
        assert!(done.status.success(), "{words:?}: {done:?}");
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(!said.contains("differed"), "{said}");
    }
    after.stop().await;
}
