//! A database of one's own, cloned from the migrated template and dropped at the end.

use std::{
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use adapter_postgres::{PgPools, PgSettings, SERVICE_ROLE, Tls};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio_postgres::{Client, Config, NoTls};

use crate::setting;

/// Transactions of one database hold back the tails of all databases on the server, because
/// `pg_snapshot_xmin` knows no databases. Tests that hold one open, or that count milliseconds, run
/// alone.
static SERVER: RwLock<()> = RwLock::const_new(());

enum Place {
    Shared(#[expect(dead_code, reason = "held until the test ends")] RwLockReadGuard<'static, ()>),
    Alone(#[expect(dead_code, reason = "held until the test ends")] RwLockWriteGuard<'static, ()>),
}

/// See the module. Keep it until the test ends.
pub struct TestDatabase {
    name: String,
    url: String,
    _place: Place,
}

impl TestDatabase {
    /// A migrated database, beside those of other tests.
    pub async fn new() -> Self {
        Self::create(Place::Shared(SERVER.read().await), Some(setting("TEST_TEMPLATE_DB"))).await
    }

    /// A migrated database while no other test has one.
    pub async fn alone() -> Self {
        Self::create(Place::Alone(SERVER.write().await), Some(setting("TEST_TEMPLATE_DB"))).await
    }

    /// A database that was never migrated.
    pub async fn empty() -> Self {
        Self::create(Place::Shared(SERVER.read().await), None).await
    }

    /// One that was never migrated, while no other test has one.
    pub async fn empty_alone() -> Self {
        Self::create(Place::Alone(SERVER.write().await), None).await
    }

    async fn create(place: Place, template: Option<String>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}_{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let template = template.unwrap_or_else(|| "template0".to_owned());
        let admin = connect(&setting("TEST_DATABASE_URL")).await;
        let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        admin.batch_execute(&sql).await.expect("a database that an earlier run left can be dropped");
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
        admin.batch_execute(&sql).await.expect("the template can be cloned: run `cargo xtask test`");
        Self { url: within(&setting("TEST_DATABASE_URL"), &name), name, _place: place }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address under which its owner, a superuser, connects.
    pub fn owner_url(&self) -> &str {
        &self.url
    }

    /// The settings of a service: the same login, under the services' role.
    pub fn settings(&self) -> PgSettings {
        PgSettings { config: config(&self.url), tls: Tls::Off, role: Some(SERVICE_ROLE), password_file: None }
    }

    /// The pools of a service process.
    pub fn pools(&self) -> PgPools {
        PgPools::new(&self.settings()).expect("the test's settings are complete")
    }

    /// A session of the owner, for what services must not do.
    pub async fn owner(&self) -> Client {
        connect(&self.url).await
    }
}

impl Drop for TestDatabase {
    /// At best effort: what stays is dropped with the server.
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A thread with a runtime of its own: the test's runtime may be on its way out.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                let _ = connect(&setting("TEST_DATABASE_URL")).await.batch_execute(&sql).await;
            });
        });
        let _ = dropping.join();
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = config(url).connect(NoTls).await.expect("the test server answers");
    tokio::spawn(connection);
    client
}

fn config(url: &str) -> Config {
    url.parse().expect("TEST_DATABASE_URL is a postgres:// address")
}

/// The same server, another database.
fn within(url: &str, database: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, String::new()), |(a, q)| (a, format!("?{q}")));
    let (server, _) = address.rsplit_once('/').expect("TEST_DATABASE_URL ends with a database name");
    format!("{server}/{database}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_of_an_address_is_replaced() {
        assert_eq!(within("postgres://a:b@h:1/postgres", "mine"), "postgres://a:b@h:1/mine");
        assert_eq!(
            within("postgres://h/postgres?sslmode=disable", "mine"),
            "postgres://h/mine?sslmode=disable"
        );
    }
}
