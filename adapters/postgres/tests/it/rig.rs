//! A node of the system, as `bin/runtime` composes it, and a consumer that counts what it writes.

use std::{sync::Arc, time::Duration};

use adapter_postgres::{
    AcrossTenants, Deployment, PgApiKeyList, PgAuditLog, PgAuditTape, PgEventLog, PgOperatorList, PgPeople,
    PgPeoplePast, PgPools, PgProgress, PgReferrals, PgRoleList, PgSeals, PgTagList, PgTenantList, PgTodoList,
    PgTodoPast, PgVault, Reached, Wake, all,
    consumers::{Leases, Pace, PgProjectionDesk, Projection, Runner},
    jobs::PgJobBoard,
};
use application::{
    Aggregates, App, Deps, Lifetimes, LocalLimits,
    audit::replay::Replays,
    live::Hub,
    ports::{Append, Appended, Clock, EventLog, ReadModel, Signals},
    projection::ProjectionWatch,
    proofs::Proofs,
};
use deadpool_postgres::Client;
use testkit::{
    LocalSignals, TestClock, TestDatabase, TestEntropy, TestPasswords, TestTokens, eventually, given::unit,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Polling so quick that no test waits for it.
pub(crate) const QUICK: Pace =
    Pace { poll: Duration::from_millis(20), retry: Duration::from_millis(20), batch: 500 };
/// One process: its own pools, caches and knowledge; the wire is shared.
pub(crate) struct Node {
    pub(crate) pools: PgPools,
    pub(crate) signals: Arc<LocalSignals>,
    pub(crate) wake: Arc<Wake>,
    pub(crate) log: Arc<PgEventLog>,
    pub(crate) reached: Arc<Reached>,
    pub(crate) vault: Arc<PgVault>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) entropy: Arc<TestEntropy>,
}

impl Node {
    pub(crate) fn on(database: &TestDatabase) -> Self {
        Self::with(database, LocalSignals::new(), 1)
    }

    /// Another process on the same wire. Its seed differs, so that ids do.
    pub(crate) fn beside(&self, database: &TestDatabase, seed: u64) -> Self {
        Self::with(database, Arc::clone(&self.signals), seed)
    }

    fn with(database: &TestDatabase, signals: Arc<LocalSignals>, seed: u64) -> Self {
        let pools = database.pools();
        let wake = Wake::new(Arc::clone(&signals) as Arc<dyn Signals>);
        let log = Arc::new(PgEventLog::new(&pools, Arc::clone(&wake)));
        let entropy = Arc::new(TestEntropy::seeded(seed));
        let vault = PgVault::new(pools.pool.clone(), Arc::clone(&entropy) as _, Some([7; 32]));
        let reached = Reached::new(ReadModel::ALL.map(ReadModel::name));
        Self { pools, signals, wake, log, reached, vault, clock: Arc::default(), entropy }
    }

    pub(crate) async fn client(&self) -> Client {
        self.pools.pool.get().await.unwrap()
    }

    pub(crate) async fn append(&self, appends: impl IntoIterator<Item = Append>) -> Appended {
        self.log.append(unit(appends)).await.unwrap()
    }

    pub(crate) fn progress(&self) -> Arc<PgProgress> {
        PgProgress::new(self.pools.pool.clone(), Arc::clone(&self.reached))
    }

    /// The read models of the deployment, as operators see them.
    pub(crate) fn desk(&self) -> PgProjectionDesk {
        PgProjectionDesk::new(self.pools.pool.clone(), all(&self.deployment()))
    }

    pub(crate) fn deployment(&self) -> Deployment {
        Deployment { vault: Arc::clone(&self.vault) as _ }
    }

    pub(crate) fn across(&self) -> AcrossTenants {
        AcrossTenants::new(self.pools.pool.clone())
    }

    pub(crate) fn todo_list(&self) -> PgTodoList {
        PgTodoList::new(self.pools.readers.clone(), self.across())
    }

    pub(crate) fn tape(&self) -> Arc<PgAuditTape> {
        Arc::new(PgAuditTape::new(self.pools.beside().unwrap(), self.pools.pool.clone()))
    }

    pub(crate) fn app(&self) -> App {
        let log = || Arc::clone(&self.log) as Arc<dyn EventLog>;
        let pool = || self.pools.pool.clone();
        let todo_list = Arc::new(self.todo_list());
        let signals = Arc::clone(&self.signals) as Arc<dyn Signals>;
        App::new(Deps {
            todos: Aggregates::new(log()),
            tags: Aggregates::new(log()),
            users: Aggregates::new(log()),
            tenants: Aggregates::new(log()),
            operators: Aggregates::new(log()),
            roles: Aggregates::new(log()),
            role_list: Arc::new(PgRoleList::new(self.pools.readers.clone())),
            api_keys: Aggregates::new(log()),
            api_key_list: Arc::new(PgApiKeyList::new(self.pools.readers.clone())),
            rosters: Aggregates::new(log()),
            log: log(),
            replays: Replays::new(self.tape(), Arc::clone(&signals)),
            live: Hub::new(signals, Arc::clone(&todo_list) as _, Arc::clone(&todo_list) as _),
            todo_list,
            todo_past: Arc::new(PgTodoPast::new(self.pools.readers.clone())),
            people_past: Arc::new(PgPeoplePast::new(self.pools.readers.clone(), self.across())),
            tag_list: Arc::new(PgTagList::new(self.pools.readers.clone())),
            people: Arc::new(PgPeople::new(self.pools.readers.clone())),
            tenant_list: Arc::new(PgTenantList::new(AcrossTenants::new(pool()))),
            operator_list: Arc::new(PgOperatorList::new(AcrossTenants::new(pool()))),
            referrals: Arc::new(PgReferrals::new(self.pools.readers.clone())),
            jobs: Arc::new(PgJobBoard::new(pool())),
            audit: Arc::new(PgAuditLog::new(pool())),
            proofs: Proofs { seals: Arc::new(PgSeals::new(pool())), keys: Vec::new() },
            projections: Arc::new(self.desk()),
            watch: ProjectionWatch::new(Arc::new(self.desk()), Arc::clone(&self.clock) as Arc<dyn Clock>),
            progress: self.progress(),
            vault: Arc::clone(&self.vault) as _,
            passwords: Arc::new(TestPasswords),
            tokens: Arc::new(TestTokens::default()),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            entropy: Arc::clone(&self.entropy) as _,
            lockouts: Arc::new(LocalLimits::default()),
            lifetimes: Lifetimes::default(),
            two_factor_bypass: None,
        })
    }

    /// Runs a consumer, under leases of its own as another process would.
    pub(crate) fn run(&self, projection: impl Projection) -> Running {
        self.run_at(projection, QUICK)
    }

    pub(crate) fn run_at(&self, projection: impl Projection, pace: Pace) -> Running {
        self.run_under(&self.leases(), projection, pace)
    }

    /// What the consumers of one process share.
    pub(crate) fn leases(&self) -> Arc<Leases> {
        Leases::new(self.pools.connector.clone())
    }

    pub(crate) fn run_under(&self, leases: &Arc<Leases>, projection: impl Projection, pace: Pace) -> Running {
        self.run_shared(leases, Arc::new(projection), pace)
    }

    pub(crate) fn run_shared(
        &self,
        leases: &Arc<Leases>,
        projection: Arc<dyn Projection>,
        pace: Pace,
    ) -> Running {
        let runner = Runner {
            projection,
            pool: self.pools.pool.clone(),
            leases: Arc::clone(leases),
            wake: Arc::clone(&self.wake),
            signals: Arc::clone(&self.signals) as Arc<dyn Signals>,
            reached: Arc::clone(&self.reached),
            pace,
        };
        let stop = CancellationToken::new();
        Running { task: tokio::spawn(runner.run(stop.clone())), stop }
    }

    /// Waits until a consumer has written every event there is of these types. What lists of people
    /// pass over, sessions, may lie behind their checkpoints.
    pub(crate) async fn caught_up(&self, consumer: &str, reads: &[&str]) {
        let client = self.client().await;
        let sql = "SELECT EXISTS (SELECT FROM projection_checkpoints WHERE name = $1) AND NOT EXISTS ( \
                     SELECT FROM events e JOIN projection_checkpoints c ON c.name = $1 \
                     WHERE (e.tx_id, e.position) > (c.tx_id, c.position) AND e.aggregate_type = ANY($2) \
                     AND NOT ($1 ~ '^(people|referrals)' AND e.event_type ~ '^user[.](signed_in|session_|two_factor_(challenged|passed|refused))'))";
        eventually(&format!("{consumer} caught up"), async || {
            client.query_one(sql, &[&consumer, &reads]).await.unwrap().get(0)
        })
        .await;
    }
}

/// A consumer at work, until it is dropped.
pub(crate) struct Running {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Running {
    /// Ends it in order.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.unwrap();
    }

    /// Ends it as the end of its process would: in the middle of anything.
    pub(crate) async fn kill(mut self) {
        self.task.abort();
        assert!((&mut self.task).await.unwrap_err().is_cancelled());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
