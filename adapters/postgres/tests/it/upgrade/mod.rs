//! From the previous release to this one: both ways lead to the same schema, and nobody who is
//! served meanwhile is kept waiting.

mod instrument;
mod locks;
mod schema;
mod tables;

use std::{fs, path::PathBuf};

use adapter_postgres::migrations::Migrations;
use sqlx::postgres::PgConnectOptions;
use testkit::TestDatabase;

/// What migrating sessions are called here, so that others find them.
const MIGRATOR: &str = "the migrator under test";

fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The newest migration of the previous release.
fn released() -> i64 {
    let text = fs::read_to_string(root("ops/previous-release")).unwrap();
    let number = text.lines().find_map(|line| line.strip_prefix("schema "));
    number.expect("ops/previous-release has a line `schema NUMBER`").trim().parse().unwrap()
}

/// The migrations that came since: name and text.
fn since() -> Vec<(String, String)> {
    let names = fs::read_dir(root("migrations")).unwrap().map(|file| file.unwrap().file_name());
    let mut names: Vec<String> = names
        .filter_map(|name| name.into_string().unwrap().strip_suffix(".up.sql").map(str::to_owned))
        .filter(|name| name.split('_').next().unwrap().parse::<i64>().unwrap() > released())
        .collect();
    names.sort_unstable();
    let text = |name: &str| fs::read_to_string(root(&format!("migrations/{name}.up.sql"))).unwrap();
    names.into_iter().map(|name| (name.clone(), text(&name))).collect()
}

async fn migrator(database: &TestDatabase) -> Migrations {
    let options: PgConnectOptions = database.owner_url().parse().unwrap();
    Migrations::connect(&options.application_name(MIGRATOR)).await.unwrap()
}
