//! Readers and writers beside a migration, and somebody who sees how long it keeps them waiting.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use adapter_postgres::migrations::BLOCKED_MAX;
use testkit::TestDatabase;
use tokio::{task::JoinSet, time::sleep};
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use super::tables::Table;

/// Between two statements of a reader or a writer.
const PAUSE: Duration = Duration::from_millis(5);
/// How often somebody looks.
const GLANCE: Duration = Duration::from_millis(20);
/// The longest wait behind a session, also of those who only stand in the queue behind it. What the
/// machine is busy with does not count, only what `PostgreSQL` itself calls waiting.
const WAITING: &str = "SELECT extract(epoch FROM clock_timestamp() - l.waitstart)::float8, \
     concat(l.mode, ' on ', COALESCE(l.relation::regclass::text, l.locktype), ': ', a.query) \
     FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) \
     WHERE NOT l.granted AND l.waitstart IS NOT NULL AND $1 = ANY (pg_blocking_pids(l.pid)) \
     ORDER BY 1 DESC LIMIT 1";

/// What was seen.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    /// The longest that a statement waited.
    pub(super) longest: Duration,
    /// Which one, and for what.
    pub(super) who: String,
    /// How many statements readers and writers finished.
    pub(super) finished: u64,
}

impl Seen {
    /// Whether somebody waited too long.
    pub(super) fn is_bad(&self) -> bool {
        self.longest > BLOCKED_MAX
    }
}

/// Lets something run that is done by the session `pid`, beside traffic on these tables. It is
/// cancelled when somebody has waited too long: more of it would show nothing new.
pub(super) async fn beside<T>(
    database: &TestDatabase,
    tables: &[&Table],
    pid: i32,
    work: impl Future<Output = T>,
) -> (T, Seen) {
    let (stop, finished) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
    let mut traffic = JoinSet::new();
    for table in tables {
        for sql in [table.read, table.write] {
            let (client, stop, finished) = (database.owner().await, stop.clone(), Arc::clone(&finished));
            traffic.spawn(async move {
                while !stop.is_cancelled() {
                    client.execute(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
                    finished.fetch_add(1, Ordering::Relaxed);
                    sleep(PAUSE).await;
                }
            });
        }
    }
    let seen = Mutex::new(Seen::default());
    let watcher = database.owner().await;
    let done = tokio::select! {
        done = work => done,
        never = watch(&watcher, pid, &seen) => match never {},
    };
    stop.cancel();
    traffic.join_all().await;
    let seen = Seen { finished: finished.load(Ordering::Relaxed), ..seen.into_inner().unwrap() };
    (done, seen)
}

async fn watch(watcher: &Client, pid: i32, seen: &Mutex<Seen>) -> std::convert::Infallible {
    let mut cancelled = false;
    loop {
        if let Some(row) = watcher.query_opt(WAITING, &[&pid]).await.unwrap() {
            let longest = Duration::from_secs_f64(row.get::<_, f64>(0).max(0.0));
            let is_bad = {
                let mut seen = seen.lock().unwrap();
                if longest > seen.longest {
                    *seen = Seen { longest, who: row.get(1), finished: 0 };
                }
                seen.is_bad()
            };
            if is_bad && !cancelled {
                cancelled = true;
                watcher.execute("SELECT pg_cancel_backend($1)", &[&pid]).await.unwrap();
            }
        }
        sleep(GLANCE).await;
    }
}
