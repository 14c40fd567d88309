//! Composition: the ports, filled with what really does the work.

use std::sync::Arc;

use adapter_jwt::RsaTokens;
use adapter_password::Argon2Passwords;
use adapter_postgres::{
    AcrossTenants, PgApiKeyList, PgAuditLog, PgAuditTape, PgEventLog, PgOperatorList, PgPeople, PgPeoplePast,
    PgPools, PgProgress, PgReferrals, PgRoleList, PgSeals, PgTagList, PgTenantList, PgTodoList, PgTodoPast,
    PgVault, PoolError, Reached, StandingFollower, Wake, consumers::PgProjectionDesk, jobs::PgJobBoard,
};
use adapter_redis::{RedisLimits, RedisSettings, RedisSignals, SignalError};
use application::{
    Aggregates, App, Deps,
    audit::replay::Replays,
    live::Hub,
    ports::{AccessTokens, Clock, Entropy, ReadModel, Signals},
    projection::{ProjectionDesk, ProjectionWatch},
    proofs::Proofs,
    standing::Standings,
    two_factor::Bypass,
};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::{
    scrape::MetricsError,
    settings::Settings,
    start::{self, StartError},
    workers::shown,
    world::{SystemClock, SystemEntropy},
};

/// Why there is no node.
#[derive(Debug, Error)]
pub(crate) enum ComposeError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Pool(#[from] PoolError),
    #[error(transparent)]
    Signals(#[from] SignalError),
    #[error("personal data cannot be opened: {0}")]
    Vault(#[from] application::ports::VaultError),
    #[error("the log cannot be told from others: {0}")]
    Log(#[source] application::BoxError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    #[error("Config validation error: {0}")]
    Mail(#[from] adapter_mail::SettingsError),
    #[error("Config validation error: {0}")]
    Traces(#[from] adapter_otlp::SettingsError),
}

/// What surfaces and workers of a process share.
pub struct Node {
    /// Connections.
    pub pools: PgPools,
    /// The wire between processes.
    pub signals: Arc<RedisSignals>,
    /// Wakes readers.
    pub wake: Arc<Wake>,
    /// How far read models came.
    pub reached: Arc<Reached>,
    /// Personal data.
    pub vault: Arc<PgVault>,
    /// What nodes count together.
    pub limits: Arc<RedisLimits>,
}

impl Node {
    /// Connects to nothing yet, but for Redis in the background.
    pub(crate) async fn new(settings: &Settings) -> Result<Self, ComposeError> {
        let pools = PgPools::new(&settings.postgres)?;
        let signals = RedisSignals::connect(RedisSettings {
            url: settings.redis_url.expose().to_owned(),
            ca_file: settings.redis_ca_file.clone(),
            channel: settings.channel.clone(),
        })
        .await?;
        let limits = RedisLimits::connect(RedisSettings {
            url: settings.limits_url.expose().to_owned(),
            ca_file: settings.redis_ca_file.clone(),
            channel: settings.channel.clone(),
        })
        .await?;
        let wake = Wake::new(Arc::clone(&signals) as Arc<dyn Signals>);
        let reached = Reached::new(ReadModel::ALL.map(ReadModel::name));
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let (own, previous) = (settings.data_key, &settings.data_keys_previous);
        let vault = PgVault::with_previous(pools.pool.clone(), entropy, own, previous);
        Ok(Self { pools, signals, wake, reached, vault, limits })
    }

    /// Waits for the database, then listens to the other processes.
    pub(crate) async fn ready(&self, stop: &CancellationToken) -> Result<(), ComposeError> {
        start::database(&self.pools, stop).await?;
        tokio::spawn(Arc::clone(&self.wake).run());
        Ok(())
    }

    /// Who may act on this node. It follows the log from now on.
    pub(crate) fn standings(&self, app: &App) -> Standings {
        let standings = Standings::new(app.clone());
        let (pool, wake) = (self.pools.pool.clone(), Arc::clone(&self.wake));
        tokio::spawn(StandingFollower { pool, wake, standings: standings.clone() }.run());
        standings
    }

    /// The application over this node's ports, as the surface of `tokens` serves it.
    pub(crate) fn app(&self, settings: &Settings, tokens: Arc<RsaTokens>) -> Result<App, ComposeError> {
        let log = Arc::new(PgEventLog::new(&self.pools, Arc::clone(&self.wake)));
        let primary = self.pools.pool.clone();
        let queries = match &settings.replica {
            Some(replica) => PgPools::new(replica)?,
            None => self.pools.clone(),
        };
        let signals = Arc::clone(&self.signals) as Arc<dyn Signals>;
        // What the primary's consumers tell does not hold for a replica: there it is asked.
        let progress = if settings.replica.is_some() {
            PgProgress::new(queries.pool.clone(), Reached::new(ReadModel::ALL.map(ReadModel::name)))
        } else {
            let progress = PgProgress::new(primary.clone(), Arc::clone(&self.reached));
            tokio::spawn(Arc::clone(&progress).run(Arc::clone(&signals)));
            progress
        };
        let todo_list =
            Arc::new(PgTodoList::new(queries.readers.clone(), AcrossTenants::new(primary.clone())));
        let tape = PgAuditTape::new(queries.beside()?, primary.clone());
        let replays = Replays::new(Arc::new(tape), Arc::clone(&signals));
        let live = Hub::new(signals, Arc::clone(&todo_list) as _, Arc::clone(&todo_list) as _);
        tokio::spawn(Arc::clone(&live).run());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let desk: Arc<dyn ProjectionDesk> = Arc::new(PgProjectionDesk::new(primary.clone(), shown(self)));
        Ok(App::new(Deps {
            todos: Aggregates::new(Arc::clone(&log) as _),
            tags: Aggregates::new(Arc::clone(&log) as _),
            users: Aggregates::new(Arc::clone(&log) as _),
            tenants: Aggregates::new(Arc::clone(&log) as _),
            operators: Aggregates::new(Arc::clone(&log) as _),
            roles: Aggregates::new(Arc::clone(&log) as _),
            api_keys: Aggregates::new(Arc::clone(&log) as _),
            rosters: Aggregates::new(Arc::clone(&log) as _),
            log,
            todo_list,
            todo_past: Arc::new(PgTodoPast::new(queries.readers.clone())),
            tag_list: Arc::new(PgTagList::new(queries.readers.clone())),
            api_key_list: Arc::new(PgApiKeyList::new(queries.readers.clone())),
            role_list: Arc::new(PgRoleList::new(queries.readers.clone())),
            people: Arc::new(PgPeople::new(queries.readers.clone())),
            people_past: Arc::new(PgPeoplePast::new(
                queries.readers.clone(),
                AcrossTenants::new(primary.clone()),
            )),
            referrals: Arc::new(PgReferrals::new(queries.readers)),
            tenant_list: Arc::new(PgTenantList::new(AcrossTenants::new(queries.pool.clone()))),
            operator_list: Arc::new(PgOperatorList::new(AcrossTenants::new(queries.pool))),
            jobs: Arc::new(PgJobBoard::new(primary.clone())),
            audit: Arc::new(PgAuditLog::new(primary.clone())),
            replays,
            proofs: Proofs { seals: Arc::new(PgSeals::new(primary)), keys: settings.seals.keys.clone() },
            watch: ProjectionWatch::new(Arc::clone(&desk), Arc::clone(&clock)),
            projections: desk,
            progress,
            live,
            vault: Arc::clone(&self.vault) as _,
            passwords: Arc::new(Argon2Passwords::default()),
            tokens: tokens as Arc<dyn AccessTokens>,
            clock,
            entropy: Arc::new(SystemEntropy),
            lifetimes: settings.lifetimes,
            lockouts: Arc::clone(&self.limits) as _,
            two_factor_bypass: settings.two_factor_bypass.as_ref().map(|it| Bypass::new(it.expose())),
        }))
    }
}
