//! The queue `email`.

use std::time::Duration;

use domain::StreamId;
use serde::{Deserialize, Serialize};

use super::{Attempt, Job, JobFailure, Jobs, Perform, Queue};

/// Mails: three tries, the second after 5 s, the third after 10 s.
pub const EMAIL: Queue = Queue {
    name: "email",
    tries: 3,
    first_pause: Duration::from_secs(5),
    // Longer than all the time-outs of one delivery together.
    run_max: Duration::from_mins(2),
};

/// The event that a mail is about. The mail is written from it when the job runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The stream of a user, or of an operator.
    pub stream: String,
    /// Which event in it.
    pub sequence: i64,
}

impl Cause {
    /// The event at `sequence` of `stream`.
    pub fn new(stream: &StreamId, sequence: i64) -> Self {
        Self { stream: stream.as_str().to_owned(), sequence }
    }

    /// The name of the cause, as part of a job's key.
    pub fn key(&self) -> String {
        format!("{}:{}", self.stream, self.sequence)
    }
}

macro_rules! email_job {
    ($(#[$doc:meta])* $kind:ident, $name:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $kind {
            /// What it is about.
            pub cause: Cause,
        }

        impl Job for $kind {
            const NAME: &'static str = concat!("email:", $name);
            const QUEUE: Queue = EMAIL;
        }

        impl Perform<$kind> for Jobs {
            async fn perform(&self, job: $kind, _: &Attempt) -> Result<(), JobFailure> {
                self.mail($kind::NAME, &job.cause).await
            }
        }
    };
}
email_job!(/** Asks to verify an e-mail address. */ SendEmailVerification, "send-email-verification");
email_job!(/** Brings the link that replaces a forgotten password. */ SendPasswordReset, "send-password-reset");
email_job!(/** Tells what happened: an invitation, something about one's safety. */ SendNotification, "send-notification");
