//! Dead letters: events that a consumer could not write.

use std::{fmt, str::FromStr};

use domain::Timestamp;

use crate::ports::Cursor;

/// Which event of which consumer: `mails.v1@1042.77`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeadLetterId {
    /// The place of the event.
    pub at: Cursor,
    /// The consumer.
    pub projection: String,
}

/// The text is not the id of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not the id of a dead letter")]
pub struct NoLetterId;

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}.{}", self.projection, self.at.tx, self.at.position)
    }
}

impl FromStr for DeadLetterId {
    type Err = NoLetterId;

    fn from_str(text: &str) -> Result<Self, NoLetterId> {
        let (projection, place) = text.split_once('@').ok_or(NoLetterId)?;
        let (tx, position) = place.split_once('.').ok_or(NoLetterId)?;
        // Digits only: `+7` is a number too, and the id has one spelling.
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if projection.is_empty() || !plain(tx) || !plain(position) {
            return Err(NoLetterId);
        }
        let at = Cursor {
            tx: tx.parse().map_err(|_| NoLetterId)?,
            position: position.parse().map_err(|_| NoLetterId)?,
        };
        Ok(Self { at, projection: projection.to_owned() })
    }
}

/// An event that a consumer could not write, or one behind it in its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Which.
    pub id: DeadLetterId,
    /// `todo`, `tag`, …
    pub aggregate_type: String,
    /// The stream, its tenant included.
    pub stream: String,
    /// Why it could not be written.
    pub error: String,
    /// How often it was tried.
    pub attempts: i32,
    /// Since when.
    pub created_at: Timestamp,
    /// Whether a worker has been asked to try it again.
    pub retrying: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_an_id_of_ours_is_refused() {
        for text in [
            "",
            "mails.v1",
            "@1.2",
            "mails.v1@",
            "mails.v1@1",
            "mails.v1@1.",
            "mails.v1@-1.2",
            "m@+1.2",
            "m@1.2.3",
        ] {
            assert_eq!(text.parse::<DeadLetterId>(), Err(NoLetterId), "{text}");
        }
    }

    #[test]
    fn an_id_is_read_as_it_was_written() {
        let id = DeadLetterId {
            at: Cursor { tx: u64::MAX, position: i64::MAX },
            projection: "mails.v1".to_owned(),
        };
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}
