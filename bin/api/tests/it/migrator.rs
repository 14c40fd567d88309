//! The migrator's contract: exact lines, exact exit codes.

use std::process::Output;

use futures_util::future::join;

use crate::{
    database::Database,
    process,
    service::{Settings, free_port, in_parts},
};

async fn migrator(database: &Database, arguments: &[&str]) -> Output {
    process::run(in_parts(Settings::none(), database).command("migrator", arguments)).await
}

fn said(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// The names of all migrations, as files of this repository.
fn names() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
    let files =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        files.filter_map(|file| file.strip_suffix(".up.sql").map(str::to_owned)).collect();
    names.sort_unstable();
    assert!(!names.is_empty());
    names
}

#[tokio::test]
async fn it_says_what_it_does_line_by_line() {
    let database = Database::empty().await;
    let names = names();
    let first = migrator(&database, &[]).await;
    let mut expected = vec![
        "Initialising data source...".to_owned(),
        "Running pending migrations...".to_owned(),
        format!("Executed {} migration(s):", names.len()),
    ];
    expected.extend(names.iter().map(|name| format!("  - {name}")));
    expected.push("Migrations complete.".to_owned());
    assert_eq!((first.status.code(), said(&first)), (Some(0), expected));
    assert!(first.stderr.is_empty(), "{first:?}");

    let second = migrator(&database, &[]).await;
    let nothing =
        ["Initialising data source...", "No pending migrations — exiting."].map(str::to_owned).to_vec();
    assert_eq!((second.status.code(), said(&second)), (Some(0), nothing));

    let status = migrator(&database, &["status"]).await;
    let applied: Vec<String> = names.iter().map(|name| format!("  [x] {name}")).collect();
    assert_eq!(said(&status)[1..], applied);
    assert_eq!(database.number("SELECT count(*) FROM events").await, 0);
}

#[tokio::test]
async fn every_migration_can_be_undone_and_done_again() {
    let database = Database::migrated().await;
    let names = names();
    for name in names.iter().rev() {
        let reverted = migrator(&database, &["revert"]).await;
        assert_eq!(reverted.status.code(), Some(0), "{reverted:?}");
        assert_eq!(said(&reverted).last(), Some(&format!("  - {name}")));
        let status = migrator(&database, &["status"]).await;
        assert!(said(&status).contains(&format!("  [ ] {name}")));
    }
    let nothing = migrator(&database, &["revert"]).await;
    assert_eq!(nothing.status.code(), Some(1));
    let error = String::from_utf8_lossy(&nothing.stderr).into_owned();
    assert_eq!(error, "Migration failed: there is no migration to revert\n");
    let left =
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations'";
    assert_eq!(database.number(left).await, 0);
    let again = migrator(&database, &[]).await;
    assert_eq!(said(&again)[2], format!("Executed {} migration(s):", names.len()));
}

#[tokio::test]
async fn of_two_at_once_one_works_and_the_other_finds_nothing_to_do() {
    let database = Database::empty().await;
    let (one, other) = join(migrator(&database, &[]), migrator(&database, &[])).await;
    assert_eq!((one.status.code(), other.status.code()), (Some(0), Some(0)), "{one:?} {other:?}");
    let mut last = [said(&one).pop().unwrap(), said(&other).pop().unwrap()];
    last.sort_unstable();
    assert_eq!(last, ["Migrations complete.", "No pending migrations — exiting."]);
}

#[tokio::test]
async fn any_error_is_one_line_and_exit_code_1() {
    let database = Database::migrated().await;
    let (away, missing) = (database.behind(free_port()), Database::named());
    let mut password = database;
    let (user, rest) = password.url.rsplit_once('@').unwrap();
    password.url = format!("{}:not-the-password@{rest}", user.rsplit_once(':').unwrap().0);
    let changed = Database::migrated().await;
    let edit = "UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 1";
    changed.open().await.batch_execute(edit).await.unwrap();
    for (what, database) in
        [("away", away), ("password", password), ("missing", missing), ("changed", changed)]
    {
        let failed = migrator(&database, &[]).await;
        let error = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert_eq!(failed.status.code(), Some(1), "{what}: {failed:?}");
        assert!(error.starts_with("Migration failed: ") && error.lines().count() == 1, "{what}: {error}");
        assert!(!error.contains("not-the-password"), "{error}");
    }
    let unset = process::run(Settings::none().command("migrator", &[])).await;
    assert_eq!(unset.status.code(), Some(1));
    for name in ["PROJECT_DB_HOST", "PROJECT_DB_USER", "PROJECT_DB_PASSWORD", "PROJECT_DB_NAME"] {
        let line = format!("Migration failed: Config validation error: \"{name}\" is required");
        assert!(String::from_utf8_lossy(&unset.stderr).lines().any(|it| it == line), "{name}: {unset:?}");
    }
}
