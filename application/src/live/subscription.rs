//! What one subscriber gets: first what it missed, then what comes.

use std::{collections::VecDeque, sync::Arc};

use futures_util::{Stream, stream};
use thiserror::Error;
use tokio::sync::mpsc;

use super::hub::{Hub, may_see};
use crate::{Code, Member, Refusal, ports::Cursor, todo::TodoChange};

/// Why a subscription ended. Resume after the cursor: nothing is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LiveEnd {
    /// The subscriber did not read.
    #[error("the subscription was too slow; resume after the cursor")]
    TooSlow {
        /// The last change that was delivered.
        cursor: Cursor,
    },
    /// The read model is away.
    #[error("live changes are unavailable; resume after the cursor")]
    Unavailable {
        /// The last change that was delivered.
        cursor: Cursor,
    },
}

impl LiveEnd {
    /// The last change that was delivered.
    pub fn cursor(&self) -> Cursor {
        match self {
            Self::TooSlow { cursor } | Self::Unavailable { cursor } => *cursor,
        }
    }
}

impl Refusal for LiveEnd {
    fn code(&self) -> Code {
        Code::Unavailable
    }
}

/// A subscriber's place in its topic.
pub struct Subscription {
    hub: Arc<Hub>,
    topic: String,
    member: Member,
    /// The last change delivered.
    at: Cursor,
    /// Up to here changes are read, after it they are queued.
    joined_at: Cursor,
    earlier: VecDeque<Arc<TodoChange>>,
    queue: mpsc::Receiver<Arc<TodoChange>>,
}

impl Subscription {
    pub(super) fn new(
        hub: Arc<Hub>,
        topic: String,
        member: Member,
        at: Cursor,
        joined_at: Cursor,
        queue: mpsc::Receiver<Arc<TodoChange>>,
    ) -> Self {
        Self { hub, topic, member, at, joined_at, earlier: VecDeque::new(), queue }
    }

    /// The changes, in order, none lost and none twice. It ends after an error.
    pub fn changes(self) -> impl Stream<Item = Result<Arc<TodoChange>, LiveEnd>> + Send {
        stream::unfold(Some(self), |state| async {
            let mut subscription = state?;
            match subscription.next().await {
                Ok(change) => Some((Ok(change), Some(subscription))),
                Err(end) => Some((Err(end), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<Arc<TodoChange>, LiveEnd> {
        loop {
            let change = match self.earlier.pop_front() {
                Some(change) => change,
                None if self.at < self.joined_at => {
                    self.read_earlier().await?;
                    continue;
                }
                None => self.queue.recv().await.ok_or(LiveEnd::TooSlow { cursor: self.at })?,
            };
            if change.cursor <= self.at {
                continue;
            }
            self.at = change.cursor;
            let seen = change.todo.as_ref().is_none_or(|row| may_see(self.member, row.tenant, row.owner));
            if seen {
                return Ok(change);
            }
        }
    }

    async fn read_earlier(&mut self) -> Result<(), LiveEnd> {
        self.earlier = self.hub.earlier(&self.topic, self.member, self.at, self.joined_at).await?.into();
        if self.earlier.is_empty() {
            self.at = self.joined_at;
        }
        Ok(())
    }
}
