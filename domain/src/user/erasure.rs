//! What is left of a person who was erased: that somebody was here.

use super::{User, UserError, UserEvent};
use crate::Timestamp;

impl User {
    /// Lets go of everything that only this person may have; the key of the personal data is
    /// destroyed by whoever reads the event.
    pub(super) fn erase(&self, at: Timestamp) -> Result<Vec<UserEvent>, UserError> {
        match self {
            Self::Unwritten => Err(UserError::NotFound),
            Self::Registered(_) | Self::Invited(_) => Ok(vec![UserEvent::Erased { at }]),
            Self::Erased => Ok(Vec::new()),
        }
    }
}
