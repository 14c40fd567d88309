//! Group append: units that arrive together are stored together, with one round trip and one
//! commit. A few flushers take what waits; with nobody else about, a unit goes out at once, alone.

use std::sync::Arc;

use application::ports::{AppendError, Appended, LogError, Unit};
use deadpool_postgres::Pool;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_postgres::error::SqlState;

use super::append::{classify, refusal, run};

/// Flushers: as many batches are on their way at once. More would make each of them smaller.
const FLUSHERS: usize = 3;
/// Units stored together, at most.
const GROUP_UNITS_MAX: usize = 64;
/// Units that may wait for a flusher; whoever comes later waits for a place.
const WAITING_UNITS_MAX: usize = 4_096;

type Answer = oneshot::Sender<Result<Appended, AppendError>>;

/// The way to the flushers. They end when it is dropped.
pub(super) struct Group {
    queue: mpsc::Sender<(Unit, Answer)>,
}

impl Group {
    /// Starts the flushers.
    pub(super) fn new(pool: &Pool) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING_UNITS_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..FLUSHERS {
            tokio::spawn(flush(pool.clone(), Arc::clone(&waiting)));
        }
        Self { queue }
    }

    /// Stores a unit together with those that wait, each as if it were alone.
    pub(super) async fn append(&self, unit: Unit) -> Result<Appended, AppendError> {
        let gone = || AppendError::Log(LogError::Unavailable("the log is closing".into()));
        let (answer, stored) = oneshot::channel();
        self.queue.send((unit, answer)).await.map_err(|_| gone())?;
        stored.await.map_err(|_| gone())?
    }
}

async fn flush(pool: Pool, waiting: Arc<Mutex<mpsc::Receiver<(Unit, Answer)>>>) {
    let mut group: Vec<(Unit, Answer)> = Vec::new();
    loop {
        // Whoever holds the lock takes all that waits; the others store meanwhile.
        let taken = waiting.lock().await.recv_many(&mut group, GROUP_UNITS_MAX).await;
        if taken == 0 {
            return;
        }
        store(&pool, std::mem::take(&mut group)).await;
    }
}

async fn store(pool: &Pool, group: Vec<(Unit, Answer)>) {
    let client = match pool.get().await {
        Ok(client) => client,
        Err(error) => {
            let text = error.to_string();
            return refuse(group, || LogError::Unavailable(text.clone().into()));
        }
    };
    let units: Vec<&Unit> = group.iter().map(|(unit, _)| unit).collect();
    match run(&client, &units).await {
        Ok(Some(appended)) => {
            for ((_, answer), appended) in group.into_iter().zip(appended) {
                // Who asked may be gone; what is stored stays stored.
                let _ = answer.send(Ok(appended));
            }
        }
        Ok(None) => refuse(group, || LogError::Broken("an append without events and without a key".into())),
        Err(error) if group.len() > 1 && somebodys_fault(&error) => {
            for (unit, answer) in group {
                let stored = match run(&client, &[&unit]).await {
                    Ok(appended) => appended.and_then(|mut all| all.pop()).ok_or_else(|| {
                        LogError::Broken("an append without events and without a key".into()).into()
                    }),
                    Err(error) => Err(refusal(error, &unit)),
                };
                let _ = answer.send(stored);
            }
        }
        Err(error) => match <[_; 1]>::try_from(group) {
            Ok([(unit, answer)]) => drop(answer.send(Err(refusal(error, &unit)))),
            Err(group) => {
                let text = error.to_string();
                let passing = matches!(classify(error), LogError::Unavailable(_));
                let kind = if passing { LogError::Unavailable } else { LogError::Broken };
                refuse(group, || kind(text.clone().into()));
            }
        },
    }
}

/// Whether one unit spoiled it for the others: then each is tried alone. After a lost connection
/// nothing is tried again, because the group may have been stored.
fn somebodys_fault(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|db| {
        [
            SqlState::UNIQUE_VIOLATION,
            SqlState::CHECK_VIOLATION,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
        ]
        .contains(db.code())
            || db.code().code().starts_with("22")
    })
}

fn refuse(group: Vec<(Unit, Answer)>, why: impl Fn() -> LogError) {
    for (_, answer) in group {
        let _ = answer.send(Err(why().into()));
    }
}
