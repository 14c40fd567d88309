//! Databases of the tests' own, cloned from the migrated template.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::{Client, Config, NoTls};

use crate::environment::told;

/// A database that nobody else uses. It goes with the server.
#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) name: String,
}

impl Database {
    /// With the schema of this release.
    pub(crate) async fn migrated() -> Self {
        Self::create(&format!("TEMPLATE {}", told("TEST_TEMPLATE_DB"))).await
    }

    /// With nothing in it.
    pub(crate) async fn empty() -> Self {
        Self::create("").await
    }

    /// A name that is not taken yet, and an address that will be right.
    pub(crate) fn named() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("it_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let server = told("TEST_DATABASE_URL");
        let server = server.rsplit_once('/').map_or(server.as_str(), |(server, _)| server);
        Self { url: format!("{server}/{name}"), name }
    }

    async fn create(how: &str) -> Self {
        let database = Self::named();
        let server = open(&told("TEST_DATABASE_URL")).await;
        server.batch_execute(&format!("CREATE DATABASE {} {how}", database.name)).await.expect("a database");
        database
    }

    /// The same database over another port.
    pub(crate) fn behind(&self, port: u16) -> Self {
        let (host, own) = self.address();
        Self { url: self.url.replace(&format!("{host}:{own}"), &format!("127.0.0.1:{port}")), ..self.clone() }
    }

    /// Host and port of the server.
    pub(crate) fn address(&self) -> (String, u16) {
        let rest = self.url.rsplit_once('@').expect("an address with a user").1;
        let (host, rest) = rest.split_once(':').expect("an address with a port");
        let port = rest.split('/').next().and_then(|port| port.parse().ok());
        (host.to_owned(), port.expect("an address with a port"))
    }

    /// The parts of the address: user, password, host, port, name.
    pub(crate) fn config(&self) -> Config {
        self.url.parse().expect("an address")
    }

    /// A session in it.
    pub(crate) async fn open(&self) -> Client {
        open(&self.url).await
    }

    /// The first column of the first row.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.open().await.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
    }
}

async fn open(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the database takes us");
    tokio::spawn(connection);
    client
}
