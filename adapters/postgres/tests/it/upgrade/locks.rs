//! No migration keeps readers or writers of a table with a million rows waiting for longer than
//! [`BLOCKED_MAX`].

use std::{collections::BTreeSet, time::Duration};

use adapter_postgres::migrations::BLOCKED_MAX;
use testkit::TestDatabase;
use tokio_postgres::Client;

use super::{
    MIGRATOR,
    instrument::{Seen, beside},
    migrator, released, since,
    tables::{SMALL, TABLES, Table},
};

const ROWS: u64 = 1_000_000;
/// A migration that has to have the todos for itself.
const OWNED: i64 = 9;
const COLUMN: &str = "ALTER TABLE todo_list ADD COLUMN planted int NOT NULL DEFAULT 7";
/// What may be locked without anybody noticing.
const LOCKED: &str = "SELECT DISTINCT c.relname::text FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation \
     WHERE l.pid = pg_backend_pid() AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace \
     AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')";
const THERE: &str = "SELECT relname::text FROM pg_class WHERE relkind = 'r' \
     AND relnamespace = 'public'::regnamespace AND relname <> '_sqlx_migrations'";

/// A database in which tables get their million rows when they are needed.
struct Site {
    database: TestDatabase,
    session: Client,
    filled: BTreeSet<&'static str>,
}

impl Site {
    async fn at(version: i64) -> Self {
        let database = TestDatabase::empty_alone().await;
        let mut migrations = migrator(&database).await;
        migrations.migrate_to(version).await.unwrap();
        migrations.close().await.unwrap();
        let session = database.owner().await;
        Self { database, session, filled: BTreeSet::new() }
    }

    async fn names(&self, sql: &str) -> BTreeSet<String> {
        self.session.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    /// The tables that a migration locks, as far as they are there already: it is tried, and taken back.
    async fn locked_by(&self, name: &str, sql: &str) -> Vec<&'static Table> {
        let there = self.names(THERE).await;
        self.session.batch_execute(&format!("BEGIN;\n{sql}")).await.unwrap();
        let locked = self.names(LOCKED).await;
        self.session.batch_execute("ROLLBACK").await.unwrap();
        let large = locked.intersection(&there).filter(|table| !SMALL.contains(&table.as_str()));
        large
            .map(|locked| {
                TABLES.iter().find(|it| it.name == locked).unwrap_or_else(|| {
                    panic!("{name} locks {locked}: say in upgrade/tables.rs how it is filled, or that it stays small")
                })
            })
            .collect()
    }

    /// Applies a migration beside traffic on the million rows of each of these tables.
    async fn apply(&mut self, name: &str, sql: &str, tables: &[&'static Table]) -> Seen {
        for table in tables {
            if self.filled.insert(table.name) {
                self.session.batch_execute(&table.filled(ROWS)).await.unwrap();
            }
        }
        let pid: i32 = self.session.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        let work = async {
            let done = self.session.batch_execute(&format!("BEGIN;\n{sql};\nCOMMIT")).await;
            if done.is_err() {
                self.session.batch_execute("ROLLBACK").await.unwrap();
            }
            done
        };
        let (done, seen) = beside(&self.database, tables, pid, work).await;
        assert!(done.is_ok() || seen.is_bad(), "{name}: {done:?}");
        assert!(tables.is_empty() || seen.finished > 0, "{name}: nobody read or wrote");
        seen
    }
}

fn table(name: &str) -> &'static Table {
    TABLES.iter().find(|table| table.name == name).unwrap()
}

#[tokio::test]
async fn of_every_table_it_is_known_how_it_is_filled_or_that_it_stays_small() {
    let site = Site::at(released()).await;
    let known = |name: &str| SMALL.contains(&name) || TABLES.iter().any(|table| table.name == name);
    let unknown: Vec<String> = site.names(THERE).await.into_iter().filter(|name| !known(name)).collect();
    assert_eq!(unknown, [""; 0], "say it in upgrade/tables.rs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_migration_since_the_previous_release_keeps_anybody_waiting() {
    let mut site = Site::at(released()).await;
    for (name, sql) in since() {
        let tables = site.locked_by(&name, &sql).await;
        let seen = site.apply(&name, &sql, &tables).await;
        assert!(
            !seen.is_bad(),
            "{name} kept a statement waiting for over {BLOCKED_MAX:?} ({}): \"Migrations\" in docs/deploying.md \
             says how it is done",
            seen.who
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_keeps_people_waiting_is_found() {
    let mut site = Site::at(released()).await;
    let todos = [table("todo_list")];
    assert_eq!(
        site.locked_by("a column", COLUMN).await.iter().map(|it| it.name).collect::<Vec<_>>(),
        ["todo_list"]
    );
    let slow = [
        ("a rewrite", "ALTER TABLE todo_list ADD COLUMN planted uuid NOT NULL DEFAULT gen_random_uuid()"),
        ("an index", "CREATE INDEX planted ON todo_list (md5(repeat(text, 1000)))"),
        ("rows changed in one go", "UPDATE todo_list SET text = md5(repeat(text, 100))"),
        ("a check of all rows", "ALTER TABLE todo_list ADD CHECK (md5(repeat(text, 1000)) <> '')"),
    ];
    for (name, sql) in slow {
        let seen = site.apply(name, sql, &todos).await;
        assert!(seen.is_bad(), "{name}: {seen:?}");
        assert!(seen.who.contains("todo_list"), "{name}: {seen:?}");
    }
    let quick = [
        ("a column", COLUMN),
        ("a check of new rows", "ALTER TABLE todo_list ADD CONSTRAINT positive CHECK (number > 0) NOT VALID"),
        ("a table", "CREATE TABLE planted (id uuid PRIMARY KEY)"),
    ];
    for (name, sql) in quick {
        let seen = site.apply(name, sql, &todos).await;
        assert!(!seen.is_bad(), "{name}: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_waits_for_a_table_lets_others_through_and_comes_to_its_end() {
    let site = Site::at(OWNED - 1).await;
    let todos = table("todo_list");
    site.session.batch_execute(&todos.filled(1)).await.unwrap();
    // A report that runs for seconds, as somebody's who forgot it.
    let report = site.database.owner().await;
    report.batch_execute("BEGIN; SELECT count(*) FROM todo_list").await.unwrap();
    let mut session = migrator(&site.database).await;
    let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()";
    let pid: i32 = site.session.query_one(sql, &[&MIGRATOR]).await.unwrap().get(0);
    let migrating = async {
        let (applied, ()) = tokio::join!(session.migrate_to(OWNED), async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            report.batch_execute("COMMIT").await.unwrap();
        });
        applied.unwrap()
    };

    let (applied, seen) = beside(&site.database, &[todos], pid, migrating).await;

    assert_eq!(applied.len(), 1, "{applied:?}");
    assert!(!seen.is_bad(), "{seen:?}");
    assert!(seen.longest > Duration::from_millis(100), "nobody stood behind it: {seen:?}");
    session.close().await.unwrap();
}
