//! Mailed tokens that nobody used in time: they work no longer anyway, and are not kept.

use super::{Account, Standing, User, UserEvent};
use crate::Timestamp;

impl User {
    /// Nothing happens where nothing has expired; so it may be asked at any time.
    pub(super) fn forget_tokens(&self, at: Timestamp) -> Vec<UserEvent> {
        let expired = match self {
            Self::Unwritten | Self::Erased => false,
            Self::Invited(invitation) => {
                invitation.pending.as_ref().is_some_and(|pending| pending.expires_at <= at)
            }
            Self::Registered(account) => {
                account.reset.as_ref().is_some_and(|reset| reset.expires_at <= at)
                    || account.standing.has_expired(at)
            }
        };
        if expired { vec![UserEvent::TokensExpired { at }] } else { Vec::new() }
    }
}

impl Account {
    pub(super) fn forget_expired(&mut self, at: Timestamp) {
        self.reset = self.reset.take().filter(|reset| at < reset.expires_at);
        self.standing.forget_expired(at);
    }
}

impl Standing {
    fn has_expired(&self, at: Timestamp) -> bool {
        match self {
            Self::Inactive { verification, expires_at } => verification.is_some() && *expires_at <= at,
            Self::Active => false,
            Self::Suspended { before } => before.has_expired(at),
        }
    }

    fn forget_expired(&mut self, at: Timestamp) {
        match self {
            Self::Inactive { verification, expires_at } => {
                if *expires_at <= at {
                    *verification = None;
                }
            }
            Self::Active => {}
            Self::Suspended { before } => before.forget_expired(at),
        }
    }
}
