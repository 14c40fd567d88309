//! The schema from zero, and from the previous release with rows in it.

use std::process::Command;

use testkit::{TestDatabase, setting};

use super::{migrator, released, since, tables::TABLES};

const ROWS: u64 = 50;

/// The whole schema as `pg_dump` writes it: columns, types, defaults, indexes, constraints, policies,
/// grants, functions, triggers, owners, storage, and whatever a later server has.
fn dump(database: &TestDatabase) -> String {
    let program = format!("{}/pg_dump", setting("TEST_PG_BIN_DIR"));
    let dump = Command::new(program).arg("--schema-only").arg(database.owner_url()).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let text = String::from_utf8(dump.stdout).unwrap();
    // Newer ones put a random word into a line of their own.
    let kept =
        text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
    kept.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn from_zero_and_from_the_previous_release_the_schema_is_the_same() {
    let zero = TestDatabase::new().await;
    let upgraded = TestDatabase::empty().await;
    let mut session = migrator(&upgraded).await;
    session.migrate_to(released()).await.unwrap();
    let owner = upgraded.owner().await;
    for table in TABLES {
        owner
            .batch_execute(&table.filled(ROWS))
            .await
            .unwrap_or_else(|error| panic!("{}: {error:?}", table.name));
    }

    let applied = session.migrate().await.unwrap();

    let expected: Vec<String> = since().into_iter().map(|(name, _)| name).collect();
    assert_eq!(applied, expected, "ops/previous-release is right");
    similar(&dump(&upgraded), &dump(&zero));
}

/// A difference and what takes it back.
const PLANTED: [(&str, &str); 13] = [
    ("ALTER TABLE todo_list ALTER number DROP NOT NULL", "ALTER TABLE todo_list ALTER number SET NOT NULL"),
    ("ALTER TABLE todo_list ALTER priority TYPE int", "ALTER TABLE todo_list ALTER priority TYPE smallint"),
    (
        "ALTER TABLE todo_list ALTER priority SET DEFAULT 1",
        "ALTER TABLE todo_list ALTER priority DROP DEFAULT",
    ),
    (
        "ALTER TABLE todo_list ADD CONSTRAINT planted CHECK (number > 0)",
        "ALTER TABLE todo_list DROP CONSTRAINT planted",
    ),
    ("ALTER TABLE todo_list SET (fillfactor = 84)", "ALTER TABLE todo_list SET (fillfactor = 85)"),
    ("ALTER TABLE todo_list DISABLE ROW LEVEL SECURITY", "ALTER TABLE todo_list ENABLE ROW LEVEL SECURITY"),
    ("CREATE POLICY planted ON todo_list USING (true)", "DROP POLICY planted ON todo_list"),
    ("CREATE INDEX planted ON todo_list (number)", "DROP INDEX planted"),
    (
        "GRANT UPDATE ON events TO enterprise_todo_service",
        "REVOKE UPDATE ON events FROM enterprise_todo_service",
    ),
    (
        "ALTER TABLE events DISABLE TRIGGER events_no_change",
        "ALTER TABLE events ENABLE TRIGGER events_no_change",
    ),
    ("CREATE FUNCTION planted() RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION planted()"),
    (
        "ALTER FUNCTION events_immutable() SECURITY DEFINER",
        "ALTER FUNCTION events_immutable() SECURITY INVOKER",
    ),
    ("ALTER TABLE todo_list ADD COLUMN planted int", "ALTER TABLE todo_list DROP COLUMN planted"),
];

#[tokio::test]
async fn no_difference_between_two_schemas_is_overlooked() {
    let one = TestDatabase::new().await;
    let whole = dump(&one);
    let owner = one.owner().await;
    for (difference, back) in PLANTED {
        owner.batch_execute(difference).await.unwrap_or_else(|error| panic!("{difference}: {error:?}"));
        assert_ne!(dump(&one), whole, "{difference}");
        owner.batch_execute(back).await.unwrap_or_else(|error| panic!("{back}: {error:?}"));
        similar(&dump(&one), &whole);
    }
}

/// The same, or the first line that is not.
#[track_caller]
fn similar(one: &str, other: &str) {
    if one != other {
        let lines = one.lines().zip(other.lines()).find(|(one, other)| one != other);
        panic!("the schemas differ, first in {lines:?}");
    }
}
