//! Showing the password again in an open session: what users and operators share of it.
//!
//! A token says when its session was confirmed last (`auth_time`). A command whose access is
//! [`crate::Access::InPersonConfirmed`] or [`crate::Access::OperatorConfirmed`] is refused to a
//! token whose moment is too long ago; a confirmation gives the next token of the same session.

use std::fmt;

use chrono::SubsecRound;
use domain::{Sealed, Timestamp, two_factor::Attempt};
use uuid::Uuid;

use crate::{
    App, CONFIRMATION_AGE_MAX,
    bus::Done,
    ports::{Cursor, VaultError, Visibility},
};

/// A session whose password was shown again.
#[derive(Clone)]
pub struct Confirmed {
    /// The access token that says so.
    pub access: String,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// When the password was shown.
    pub at: Timestamp,
    /// One up per event.
    pub version: i64,
    /// The place of the last event.
    pub cursor: Cursor,
    /// Whether the read models show it.
    pub visibility: Visibility,
}

impl Confirmed {
    /// Until when it allows what is sensitive; tokens know whole seconds.
    pub fn until(&self) -> Timestamp {
        self.at.trunc_subsecs(0).checked_add_signed(CONFIRMATION_AGE_MAX).unwrap_or(Timestamp::MAX_UTC)
    }
}

impl fmt::Debug for Confirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Confirmed").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Done for Confirmed {
    fn cursor(&self) -> Option<Cursor> {
        Some(self.cursor)
    }
    fn seen(&mut self, visibility: Visibility) {
        self.visibility = visibility;
    }
}

impl App {
    /// What a code is worth to `subject`, when there is one, and something to compare it with.
    pub(crate) async fn weigh_shown(
        &self,
        subject: Uuid,
        secret: Option<&Sealed>,
        code: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Attempt>, VaultError> {
        match secret.zip(code) {
            Some((secret, code)) => self.weigh_code(subject, secret, code, now).await.map(Some),
            None => Ok(None),
        }
    }
}
