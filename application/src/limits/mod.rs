//! Guessing passwords takes longer with every wrong guess, whether the account exists or not.

mod local;

use std::{error::Error, time::Duration};

use domain::BlindIndex;

pub use self::local::LocalLimits;
use crate::{
    App, Failure, meter,
    ports::{Backoff, Limit, Wait},
};

/// How often one client may use public operations: of a surface, over all its nodes.
pub const PUBLIC_LIMIT: Limit = Limit { most: 20, window: Duration::from_mins(1) };

/// What wrong passwords cost. The wait ends by itself, so that nobody can lock somebody else out
/// for good; sessions that are open go on.
pub const PASSWORD_BACKOFF: Backoff = Backoff {
    from: 5,
    first: Duration::from_secs(1),
    longest: Duration::from_mins(15),
    forget: Duration::from_hours(1),
};

/// An attempt to sign in that may be made, and must be settled.
#[must_use = "an attempt that is not settled costs a guesser nothing"]
pub(crate) struct Attempt<'a> {
    app: &'a App,
    scope: &'static str,
    key: BlindIndex,
}

impl App {
    /// An attempt to sign in under a name, unless too many went wrong. Names are counted as they
    /// are written, known or not: so the wait tells nothing about whose they are.
    pub(crate) async fn attempt<R: Error + 'static>(
        &self,
        scope: &'static str,
        name: &str,
    ) -> Result<Attempt<'_>, Failure<R>> {
        let index = self.vault.index(scope, &name.trim().to_lowercase()).await;
        let key = index.map_err(|error| crate::user::sealed::<R>(error))?;
        self.lockouts.may_try(&key).await.map_err(later)?;
        Ok(Attempt { app: self, scope, key })
    }
}

impl Attempt<'_> {
    /// Says whether it was right.
    pub(crate) async fn settle<R: Error + 'static>(self, right: bool) -> Result<(), Failure<R>> {
        if !right {
            // Whose name it was stays out of the log.
            tracing::info!(login.kind = self.scope, "a sign-in was refused");
        }
        let settled = self.app.lockouts.settle(&self.key, right, PASSWORD_BACKOFF).await;
        settled.map_err(later)
    }
}

fn later<R: Error + 'static>(wait: Wait) -> Failure<R> {
    meter::REFUSALS.add(1, ["password"]);
    Failure::RateLimited(wait)
}
