//! Whether this process can serve, and what keeps it from it.

use std::{sync::Arc, time::Duration};

use adapter_postgres::{PgPools, lacks_role, log, migrations};
use adapter_redis::RedisSignals;
use adapter_rest::{Check, Readiness};
use async_trait::async_trait;

use crate::gate::Opened;

/// The longest a check takes.
const CHECK_MAX: Duration = Duration::from_secs(2);

/// The database, as far as it decides.
struct State {
    version: i64,
    ahead: bool,
}

/// Asks what the process needs.
pub(crate) struct NodeReadiness {
    pub(crate) pools: PgPools,
    pub(crate) signals: Arc<RedisSignals>,
    pub(crate) opened: Opened,
}

#[async_trait]
impl Readiness for NodeReadiness {
    async fn checks(&self) -> Vec<Check> {
        let (database, redis) = tokio::join!(self.database(), self.signals.ping());
        let redis_detail =
            if redis { "answers" } else { "does not answer; live changes follow the log instead" };
        let redis = Check { name: "redis", ok: redis, required: false, detail: redis_detail.to_owned() };
        match database {
            Ok(State { version, ahead }) => {
                let new_enough = version >= migrations::NEWEST;
                let detail = if new_enough {
                    format!("version {version}")
                } else {
                    format!("version {version} is older than {}: run the migrator", migrations::NEWEST)
                };
                let postgres =
                    Check { name: "postgres", ok: true, required: true, detail: "answers".to_owned() };
                let mut checks =
                    vec![postgres, Check { name: "schema", ok: new_enough, required: true, detail }, redis];
                if ahead {
                    // Only after a restore from a dump.
                    checks.push(Check {
                        name: "log",
                        ok: false,
                        required: true,
                        detail:
                            "names transactions that this server has not had yet: run `migrator restored`"
                                .to_owned(),
                    });
                }
                if self.opened.get().is_none() {
                    // Between the first connection and the last preparation.
                    checks.push(Check {
                        name: "start",
                        ok: false,
                        required: true,
                        detail: "is not finished".to_owned(),
                    });
                }
                checks
            }
            Err(detail) => {
                vec![Check { name: "postgres", ok: false, required: true, detail: detail.to_owned() }, redis]
            }
        }
    }
}

impl NodeReadiness {
    async fn database(&self) -> Result<State, &'static str> {
        let asked = async {
            let client = match self.pools.pool.get().await {
                Ok(client) => client,
                // The migrator makes the role: it has never run here.
                Err(error) if lacks_role(&error) => {
                    return Ok(State { version: 0, ahead: false });
                }
                Err(_) => return Err("cannot be reached"),
            };
            let version = migrations::schema_version(&client).await.map_err(|_| "does not answer")?;
            // Where there is no schema there is no log.
            let ahead = version > 0 && log::is_ahead(&client).await.map_err(|_| "does not answer")?;
            Ok(State { version, ahead })
        };
        tokio::time::timeout(CHECK_MAX, asked).await.unwrap_or(Err("does not answer in time"))
    }
}
