//! Keeping a person out, and letting the person in again.

use super::{Account, Revocation, Standing, User, UserError, UserEvent};
use crate::{Timestamp, TokenHash};

impl User {
    /// Ends all sessions of a person; withdraws an invitation that was not followed yet.
    pub(super) fn suspend(&self, at: Timestamp) -> Result<Vec<UserEvent>, UserError> {
        match self {
            Self::Unwritten | Self::Erased => Err(UserError::NotFound),
            Self::Invited(invitation) => {
                Ok(invitation.pending.iter().map(|_| UserEvent::Suspended { at }).collect())
            }
            Self::Registered(account) => match account.standing {
                Standing::Suspended { .. } => Ok(Vec::new()),
                Standing::Active | Standing::Inactive { .. } => {
                    let suspended = std::iter::once(UserEvent::Suspended { at });
                    Ok(suspended.chain(account.revocations(Revocation::Suspended, at)).collect())
                }
            },
        }
    }

    /// A withdrawn invitation is not taken up again: a new one is sent instead.
    pub(super) fn reinstate(&self, at: Timestamp) -> Result<Vec<UserEvent>, UserError> {
        match self {
            Self::Unwritten | Self::Erased => Err(UserError::NotFound),
            Self::Invited(invitation) if invitation.pending.is_none() => Err(UserError::NotAccepted),
            Self::Invited(_) => Ok(Vec::new()),
            Self::Registered(account) => Ok(match account.standing {
                Standing::Suspended { .. } => vec![UserEvent::Reinstated { at }],
                Standing::Active | Standing::Inactive { .. } => Vec::new(),
            }),
        }
    }
}

impl Account {
    pub(super) fn suspended(&mut self) {
        let before = std::mem::replace(&mut self.standing, Standing::Active);
        self.standing = Standing::Suspended { before: Box::new(before) };
        self.reset = None;
        self.two_factor.close_challenges();
    }

    pub(super) fn reinstated(&mut self) {
        if let Standing::Suspended { before } = &self.standing {
            self.standing = Standing::clone(before);
        }
    }
}

impl Standing {
    /// The verification that is awaited, now or after the suspension.
    pub(super) fn verification(&self) -> Option<&TokenHash> {
        match self {
            Self::Inactive { verification, .. } => verification.as_ref(),
            Self::Active => None,
            Self::Suspended { before } => before.verification(),
        }
    }
}
