//! The hub of a process: hints from all processes in, bounded queues of subscribers out.
//!
//! A hint carries the place of the change before it in its topic. Where that is not what the hub
//! has seen, something was lost, and the hub reads the topic's changes from the read model. So do
//! a reconnect, a burst too large for the wire, and a regular look at the heads of all topics: a
//! lost hint costs time, never truth. The changed rows of a hint are read once, for all subscribers.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use domain::{TenantId, TodoId, UserId};
use tokio::sync::{broadcast::error::RecvError, mpsc, watch};

use super::subscription::{LiveEnd, Subscription};
use crate::{
    BoxError, Caller, Failure, Member,
    ports::{Change, Cursor, Signal, Signals},
    todo::{TodoChange, TodoChangeKind, TodoList, topic},
};

/// Changes a subscriber may be behind before it is closed with its cursor.
pub const QUEUE_CHANGES_MAX: usize = 512;
/// Changes read at once while catching up.
const CATCH_UP_ROWS: usize = 500;
/// How often the heads of topics are looked at while hints flow.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often while they do not.
const LOOK_EVERY_ALONE: Duration = Duration::from_millis(250);

/// The read model of changes by topic.
#[async_trait]
pub trait ChangeLog: Send + Sync + 'static {
    /// The places of the newest changes of these topics; `Cursor::default()` for none.
    async fn heads(&self, topics: &[String]) -> Result<Vec<(String, Cursor)>, BoxError>;
    /// Changes of a topic after a place, oldest first.
    async fn after(&self, topic: &str, after: Cursor, limit: usize) -> Result<Vec<Change>, BoxError>;
}

struct Topic {
    last: Cursor,
    member: Member,
    subscribers: Vec<mpsc::Sender<Arc<TodoChange>>>,
}

/// See the module.
pub struct Hub {
    signals: Arc<dyn Signals>,
    changes: Arc<dyn ChangeLog>,
    todos: Arc<dyn TodoList>,
    topics: Mutex<HashMap<String, Topic>>,
}

impl Hub {
    /// A hub without subscribers. It delivers while [`run`](Self::run) runs.
    pub fn new(
        signals: Arc<dyn Signals>,
        changes: Arc<dyn ChangeLog>,
        todos: Arc<dyn TodoList>,
    ) -> Arc<Self> {
        Arc::new(Self { signals, changes, todos, topics: Mutex::default() })
    }

    /// The caller's own todos, each time one changes: everything after `after`, or from now on.
    pub async fn todos(
        self: &Arc<Self>,
        caller: &Caller,
        after: Option<Cursor>,
    ) -> Result<Subscription, Failure> {
        let member = caller.signed_in()?;
        let topic = topic(member);
        let heads = self.changes.heads(std::slice::from_ref(&topic)).await.map_err(Failure::Unavailable)?;
        let head = heads.first().map_or(Cursor::default(), |(_, head)| *head);
        let (sender, queue) = mpsc::channel(QUEUE_CHANGES_MAX);
        let joined_at = {
            let mut topics = self.lock();
            let entry =
                topics.entry(topic.clone()).or_insert(Topic { last: head, member, subscribers: Vec::new() });
            entry.subscribers.push(sender);
            entry.last
        };
        Ok(Subscription::new(Arc::clone(self), topic, member, after.unwrap_or(joined_at), joined_at, queue))
    }

    /// Live subscriptions of this process.
    pub fn subscribers(&self) -> usize {
        self.lock().values().map(|topic| topic.subscribers.len()).sum()
    }

    /// Delivers until the wire is closed for good.
    pub async fn run(self: Arc<Self>) {
        let mut hints = self.signals.subscribe();
        let mut gaps: watch::Receiver<u64> = self.signals.gaps();
        loop {
            let pause = if self.signals.connected() { LOOK_EVERY } else { LOOK_EVERY_ALONE };
            let looked = tokio::select! {
                hint = hints.recv() => match hint {
                    Ok(Signal::Projected { changes, .. }) => self.take(changes).await,
                    Ok(Signal::Appended { .. }) => Ok(()),
                    Err(RecvError::Lagged(_)) => self.look().await,
                    Err(RecvError::Closed) => return,
                },
                changed = gaps.changed() => match changed {
                    Ok(()) => self.look().await,
                    Err(_) => return,
                },
                () = tokio::time::sleep(pause) => self.look().await,
            };
            if let Err(error) = looked {
                tracing::warn!(error, "live changes cannot be read now; they will be delivered later");
                tokio::time::sleep(LOOK_EVERY_ALONE).await;
            }
        }
    }

    /// Takes the changes of one hint; where one is missing before them, reads the topic instead.
    async fn take(&self, changes: Vec<Change>) -> Result<(), BoxError> {
        let mut whole: BTreeMap<String, Vec<Change>> = BTreeMap::new();
        {
            let topics = self.lock();
            for change in changes {
                if let Some(topic) = topics.get(&change.topic)
                    && change.cursor > topic.last
                {
                    whole.entry(change.topic.clone()).or_default().push(change);
                }
            }
        }
        for (topic, changes) in whole {
            let last = self.lock().get(&topic).map(|topic| topic.last);
            let gapless = changes.first().is_some_and(|first| Some(first.previous) <= last);
            if gapless {
                self.deliver(&topic, changes).await?;
            } else {
                self.catch_up(&topic).await?;
            }
        }
        Ok(())
    }

    /// Looks at the heads of all topics and catches up where they are ahead.
    async fn look(&self) -> Result<(), BoxError> {
        let names: Vec<String> = {
            let mut topics = self.lock();
            for topic in topics.values_mut() {
                topic.subscribers.retain(|subscriber| !subscriber.is_closed());
            }
            topics.retain(|_, topic| !topic.subscribers.is_empty());
            topics.keys().cloned().collect()
        };
        if names.is_empty() {
            return Ok(());
        }
        for (topic, head) in self.changes.heads(&names).await? {
            let behind = self.lock().get(&topic).is_some_and(|topic| topic.last < head);
            if behind {
                self.catch_up(&topic).await?;
            }
        }
        Ok(())
    }

    async fn catch_up(&self, topic: &str) -> Result<(), BoxError> {
        loop {
            let Some(last) = self.lock().get(topic).map(|topic| topic.last) else { return Ok(()) };
            let changes = self.changes.after(topic, last, CATCH_UP_ROWS).await?;
            let full = changes.len() == CATCH_UP_ROWS;
            self.deliver(topic, changes).await?;
            if !full {
                return Ok(());
            }
        }
    }

    async fn deliver(&self, topic: &str, changes: Vec<Change>) -> Result<(), BoxError> {
        let Some(member) = self.lock().get(topic).map(|topic| topic.member) else { return Ok(()) };
        let changes = self.with_rows(member, changes).await?;
        let mut topics = self.lock();
        let Some(topic) = topics.get_mut(topic) else { return Ok(()) };
        for change in changes {
            if change.cursor <= topic.last {
                continue;
            }
            topic.last = change.cursor;
            // A full queue means a subscriber that does not read: dropping its sender closes it,
            // and its stream ends with the cursor to resume from.
            topic.subscribers.retain(|subscriber| subscriber.try_send(Arc::clone(&change)).is_ok());
        }
        Ok(())
    }

    /// Reads the changed rows, all in one go.
    pub(super) async fn with_rows(
        &self,
        of: Member,
        changes: Vec<Change>,
    ) -> Result<Vec<Arc<TodoChange>>, BoxError> {
        let heard = Instant::now();
        let mut ids: Vec<(Member, TodoId)> = changes.iter().map(|change| (of, TodoId(change.id))).collect();
        ids.sort_unstable_by_key(|(_, id)| *id);
        ids.dedup();
        let rows = if ids.is_empty() { Vec::new() } else { self.todos.rows(&ids).await? };
        let rows: HashMap<TodoId, _> = rows.into_iter().map(|row| (row.id, Arc::new(row))).collect();
        let change = |change: Change| {
            Arc::new(TodoChange {
                cursor: change.cursor,
                kind: TodoChangeKind::of(&change.event_type),
                id: TodoId(change.id),
                todo: rows.get(&TodoId(change.id)).cloned(),
                at: change.at,
                trace: change.trace,
                heard,
            })
        };
        Ok(changes.into_iter().map(change).collect())
    }

    /// Changes that were stored before a subscriber joined.
    pub(super) async fn earlier(
        &self,
        topic: &str,
        of: Member,
        after: Cursor,
        until: Cursor,
    ) -> Result<Vec<Arc<TodoChange>>, LiveEnd> {
        let away = |_: BoxError| LiveEnd::Unavailable { cursor: after };
        let mut changes = self.changes.after(topic, after, CATCH_UP_ROWS).await.map_err(away)?;
        changes.retain(|change| change.cursor <= until);
        self.with_rows(of, changes).await.map_err(away)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Topic>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a row is the subscriber's to see: asked at each delivery.
pub(super) fn may_see(member: Member, tenant: TenantId, owner: UserId) -> bool {
    member.tenant == tenant && member.user == owner
}
