//! The log played back on the portal: in order, at a speed, through faults, and into the present.

mod export;
mod faults;
mod handover;
mod pace;
mod refusals;
mod slow;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio_postgres::{Client as Session, NoTls};

use crate::{
    operators::colleague,
    service::Service,
    socket::Socket,
    system::{Shared, System},
};

const REPLAY: &str = "subscription($from: Cursor, $to: Cursor, $filter: AuditFilter, $speed: Float) { \
    auditReplay(from: $from, to: $to, filter: $filter, speed: $speed) { cursor \
    event { position recordedAt eventType aggregateId version tenantId actorKind payload } \
    progress { position done total percent rate secondsLeft caughtUp nextEventAt } } }";
/// The longest a replay is silent, with room for a busy machine.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// A system for these tests alone: they hold transactions open and write into the log.
async fn system() -> Shared {
    static SYSTEM: OnceCell<System> = OnceCell::const_new();
    Shared::of(SYSTEM.get_or_init(System::start).await)
}

/// How many events go into one transaction when there are very many.
const MANY_AT_ONCE: i32 = 2_000;
/// The longest a replay of these tests takes.
const PLAY_MAX: Duration = Duration::from_mins(2);

/// A replay that runs.
struct Play {
    socket: Socket,
    begun: Instant,
}

/// What a replay said.
#[derive(Debug)]
enum Said {
    Event(Value),
    Progress(Value),
    /// Code, position, cursor.
    Fault(String, String, Value),
    Complete,
    Refused(Value),
}

impl Play {
    async fn begin(portal: &Service, token: &str, variables: Value) -> Self {
        let mut socket = Socket::open(portal, token).await;
        let payload = json!({"query": REPLAY, "variables": variables});
        socket.say(json!({"type": "subscribe", "id": "1", "payload": payload})).await;
        Self { socket, begun: Instant::now() }
    }

    /// A replay by an operator of the lowest role.
    async fn of(system: &System, variables: Value) -> Self {
        let (_, _, operator) = colleague(system, "SUPPORT").await;
        Self::begin(&system.portal, &operator.token(), variables).await
    }

    async fn next(&mut self) -> Said {
        assert!(self.begun.elapsed() < PLAY_MAX, "the replay does not come to what is waited for");
        let said = self.socket.next_within(SILENCE_MAX).await.expect("a replay is never silent for long");
        let said = said.expect("the socket stays open");
        match said["type"].as_str().unwrap() {
            "complete" => Said::Complete,
            "error" => Said::Refused(said["payload"][0].clone()),
            _ => Self::item(&said["payload"]),
        }
    }

    fn item(payload: &Value) -> Said {
        if let Some(error) = payload["errors"].as_array().and_then(|errors| errors.first()) {
            let extensions = &error["extensions"];
            let text = |name: &str| extensions[name].as_str().unwrap_or_default().to_owned();
            return Said::Fault(text("code"), text("position"), extensions["cursor"].clone());
        }
        let item = payload["data"]["auditReplay"].clone();
        if item["event"].is_null() { Said::Progress(item) } else { Said::Event(item) }
    }

    /// The next event, past whatever says only how far it is.
    async fn event(&mut self) -> Value {
        loop {
            match self.next().await {
                Said::Event(item) => return item,
                Said::Progress(_) => {}
                other => panic!("an event was expected: {other:?}"),
            }
        }
    }

    /// As many events.
    async fn events(&mut self, count: usize) -> Vec<Value> {
        let mut all = Vec::with_capacity(count);
        while all.len() < count {
            all.push(self.event().await);
        }
        all
    }

    /// Events up to the end, and the last item that said how far it is.
    async fn until_the_end(&mut self) -> (Vec<Value>, Value) {
        let (mut all, mut last) = (Vec::new(), Value::Null);
        loop {
            match self.next().await {
                Said::Event(item) => all.push(item),
                Said::Progress(item) => last = item,
                Said::Complete => return (all, last),
                other => panic!("an end was expected: {other:?}"),
            }
        }
    }

    /// What it says of its progress once it has caught up.
    async fn caught_up(&mut self) -> Value {
        loop {
            if let Said::Progress(item) = self.next().await
                && item["progress"]["caughtUp"] == true
            {
                return item;
            }
        }
    }
}

fn position(item: &Value) -> i64 {
    item["event"]["position"].as_str().unwrap().parse().unwrap()
}

fn positions(items: &[Value]) -> Vec<i64> {
    items.iter().map(position).collect()
}

/// Somebody's todos, written straight into the log as the application writes them.
pub(crate) struct Writer {
    session: Session,
    tenant: String,
}

impl Writer {
    async fn new(system: &System, tenant: &str) -> Self {
        Self { session: system.database.open().await, tenant: tenant.to_owned() }
    }

    /// One that writes for a tenant of its own.
    pub(crate) async fn alone(system: &System) -> Self {
        Self::new(system, &id()).await
    }

    fn filter(&self) -> Value {
        json!({"tenantId": self.tenant})
    }

    /// Writes new todos down, in the transaction that is open or one of their own, each so many
    /// milliseconds after the one before it, the last one now.
    async fn create(&self, count: i32, apart_millis: i32) {
        let sql = "INSERT INTO events (recorded_at, aggregate_type, aggregate_id, sequence, event_type, event_version, \
            payload, metadata) \
            SELECT date_trunc('milliseconds', clock_timestamp()) - (($2 - n) * $3) * interval '1 millisecond', \
            'todo', $1::text || '/' || gen_random_uuid(), 1, 'todo.created', '1', \
            jsonb_build_object('type', 'todo.created', 'tenant', $1::text, 'owner', $1::text, 'number', \
              (random() * 1e9)::int, 'text', 'todo ' || n, 'priority', 'normal', 'due_at', null, 'tags', '[]'::jsonb, \
              'assignee', null, 'at', clock_timestamp()), \
            jsonb_build_object('actor_kind', 'user', 'actor_id', $1::text, 'platform', 'user', 'command', 'todo.create', \
              'correlation_id', $1::text, 'causation_id', $1::text, 'tenant_id', $1::text) \
            FROM generate_series(1, $2) AS n";
        self.session.execute(sql, &[&self.tenant, &count, &apart_millis]).await.unwrap();
    }

    /// Writes very many down, in transactions that hold nobody back for long.
    pub(crate) async fn create_many(&self, count: i32) {
        for _ in 0..count / MANY_AT_ONCE {
            self.create(MANY_AT_ONCE, 0).await;
        }
    }

    /// The running numbers of all its events, in the one order.
    async fn stored(&self) -> Vec<i64> {
        let sql =
            "SELECT position FROM events WHERE aggregate_id LIKE $1 ORDER BY events.tx_id, events.position";
        let rows = self.session.query(sql, &[&format!("{}/%", self.tenant)]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// A database that nobody gets into, until it is mended.
pub(crate) struct Cut {
    elsewhere: Session,
    database: String,
}

impl Cut {
    /// Ends all connections to the database of a system, and lets nobody in.
    pub(crate) async fn of(system: &System) -> Self {
        let mut config = system.database.config();
        let (elsewhere, connection) = config.dbname("postgres").connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        let cut = Self { elsewhere, database: system.database.name.clone() };
        cut.allow(false).await;
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1";
        cut.elsewhere.query_one(sql, &[&cut.database]).await.unwrap();
        cut
    }

    /// Lets everybody in again.
    pub(crate) async fn mend(self) {
        self.allow(true).await;
    }

    async fn allow(&self, allowed: bool) {
        let sql = format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {allowed}", self.database);
        self.elsewhere.batch_execute(&sql).await.unwrap();
    }
}

/// An id that nothing else has.
fn id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("01900000-0000-7000-8000-{:08x}{:04x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
