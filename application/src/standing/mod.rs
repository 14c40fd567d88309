//! Whether somebody with a good token may still act, and what they may do now.
//!
//! A token says who somebody was when it was signed. Since then the session may have ended, the
//! person or the tenant may have been suspended, and roles may have changed. The streams know.
//! What they say is remembered, and forgotten as soon as one of them goes on: a request costs no
//! read of the database while nothing changes.
//!
//! A remembered answer is trusted for as long as the follower of those streams keeps up. When it
//! does not (a long transaction holds the tail back, the database is away), what is remembered
//! lives for [`STALE_MAX`] only. A remembered "no" is never trusted: a session may be younger than
//! what is remembered of its person.

mod keys;
mod members;
mod memory;
mod operators;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::StreamId;
use thiserror::Error;

pub use self::memory::Followed;
use self::memory::Memory;
use crate::{App, BoxError, Caller, Failure, caller::Credential};

/// The oldest an answer may be while nobody can tell whether it still holds.
pub const STALE_MAX: Duration = Duration::from_secs(1);

/// Why somebody with a good token may not act.
#[derive(Debug, Error)]
pub enum NotAdmitted {
    /// The session, the person or the tenant is out.
    #[error("the session has ended")]
    Ended,
    /// A key that nobody ever had: somebody guesses.
    #[error("the key is nobody's")]
    UnknownKey,
    /// It cannot be told now.
    #[error("temporarily unavailable, please try again")]
    Unavailable(#[source] BoxError),
}

/// Who may act. Every request and every look at an open socket passes here.
#[async_trait]
pub trait Admission: Send + Sync + 'static {
    /// The caller with the rights of this moment.
    async fn admit(&self, caller: Caller) -> Result<Caller, NotAdmitted>;
    /// Who shows an API key in a request, with the rights of this moment.
    async fn admit_key(&self, key: &str, correlation: &str) -> Result<Caller, NotAdmitted>;
}

/// Nobody may act: a surface that is not composed yet.
pub struct ClosedDoor;

#[async_trait]
impl Admission for ClosedDoor {
    async fn admit(&self, _: Caller) -> Result<Caller, NotAdmitted> {
        Err(NotAdmitted::Unavailable("the surface is starting".into()))
    }

    async fn admit_key(&self, _: &str, _: &str) -> Result<Caller, NotAdmitted> {
        Err(NotAdmitted::Unavailable("the surface is starting".into()))
    }
}

/// What is known of those who act. Cheap to clone.
#[derive(Clone)]
pub struct Standings(Arc<Inner>);

struct Inner {
    app: App,
    members: Memory<members::Standing>,
    operators: Memory<operators::Standing>,
    keys: Memory<keys::Standing>,
    key_streams: keys::Streams,
    followed: Arc<Followed>,
}

impl Standings {
    /// Nothing known yet.
    pub fn new(app: App) -> Self {
        let followed = Arc::new(Followed::default());
        let members = Memory::new(Arc::clone(&followed));
        let operators = Memory::new(Arc::clone(&followed));
        let keys = Memory::new(Arc::clone(&followed));
        let key_streams = keys::Streams::default();
        Self(Arc::new(Inner { app, members, operators, keys, key_streams, followed }))
    }

    /// How far the follower came: it tells here.
    pub fn followed(&self) -> &Followed {
        &self.0.followed
    }

    /// Whoever follows begins now: what was remembered before was not followed.
    pub fn begin(&self) {
        self.0.members.forget_if(|_| true);
        self.0.operators.forget_if(|_| true);
        self.0.keys.forget_if(|_| true);
    }

    /// A stream of one of [`DECIDES`] went on: what it decided is asked anew.
    pub fn forget(&self, aggregate_type: &str, stream: &StreamId) {
        match aggregate_type {
            "user" => self.0.members.forget(stream),
            "operator" => self.0.operators.forget(stream),
            "api_key" => self.0.keys.forget(stream),
            // A tenant and its roles speak of all its people.
            _ => {
                let tenant = stream.tenant().or_else(|| stream.own().map(domain::TenantId));
                self.0.members.forget_if(|member| member.tenant() == tenant);
            }
        }
    }
}

/// The aggregate types that decide who may act.
pub const DECIDES: &[&str] = &["user", "tenant", "role", "operator", "api_key"];

#[async_trait]
impl Admission for Standings {
    async fn admit(&self, caller: Caller) -> Result<Caller, NotAdmitted> {
        match caller.credential() {
            None => Ok(caller),
            // A caller that a key made cannot stand in for the key itself.
            Some(Credential::Key) => Err(NotAdmitted::Ended),
            Some(Credential::Member { member, session }) => self.admit_member(caller, member, session).await,
            Some(Credential::Operator { operator, session }) => {
                self.admit_operator(caller, operator, session).await
            }
        }
    }

    async fn admit_key(&self, key: &str, correlation: &str) -> Result<Caller, NotAdmitted> {
        self.admit_holder(key, correlation).await
    }
}

/// What a stream that does not answer means to somebody at the door.
fn away<R: std::error::Error + Send + Sync + 'static>(failure: Failure<R>) -> NotAdmitted {
    NotAdmitted::Unavailable(failure.into())
}
