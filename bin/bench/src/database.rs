//! A migrated database of a benchmark's own.

use adapter_postgres::{PgSettings, SERVICE_ROLE, Tls};
use anyhow::{Context, Result};
use tokio_postgres::{Client, Config, NoTls};

use crate::servers::Servers;

/// A copy of the template.
pub(crate) struct Database {
    /// Its owner's.
    pub(crate) url: String,
    name: String,
    server: String,
}

impl Database {
    /// A fresh copy, called after the benchmark.
    pub(crate) async fn copy(servers: &Servers, of: &str) -> Result<Self> {
        let name = format!("bench_{of}_{}", std::process::id());
        let (host, _) = servers.database_url.rsplit_once('/').context("the database's URL has no path")?;
        let server = connect(&servers.database_url).await?;
        server.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        server.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {}", servers.template)).await?;
        Ok(Self { url: format!("{host}/{name}"), name, server: servers.database_url.clone() })
    }

    /// A connection as its owner.
    pub(crate) async fn client(&self) -> Result<Client> {
        connect(&self.url).await
    }

    /// How the services get in.
    pub(crate) fn settings(&self) -> Result<PgSettings> {
        let config: Config = self.url.parse()?;
        Ok(PgSettings { config, tls: Tls::Off, role: Some(SERVICE_ROLE), password_file: None })
    }

    /// Statistics and visibility as they are in a system that has run for a while.
    pub(crate) async fn settle(&self) -> Result<()> {
        let client = self.client().await?;
        for statement in ["VACUUM (ANALYZE)", "CHECKPOINT"] {
            client.batch_execute(statement).await?;
        }
        Ok(())
    }

    /// The next benchmark should not find its pages in memory.
    pub(crate) async fn remove(self) -> Result<()> {
        let server = connect(&self.server).await?;
        server.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await?;
        Ok(())
    }
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.context("the database does not answer")?;
    tokio::spawn(connection);
    Ok(client)
}
