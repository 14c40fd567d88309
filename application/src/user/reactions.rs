//! Mails that events of a user cause.

use domain::user::{Revocation, UserEvent};

use crate::{
    BoxError,
    jobs::{
        Cause, Happened, Job, NewJob, Reaction, SendEmailVerification, SendNotification, SendPasswordReset,
    },
};

/// What happened to a user leads to a mail.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mails;

impl Reaction for Mails {
    const NAME: &'static str = "mails.v1";
    const READS: &'static [&'static str] = &["user"];
    const CAUSES: &'static [&'static str] = &[
        "user.registered",
        "user.verification_requested",
        "user.password_reset_requested",
        "user.invited",
        "user.password_changed",
        "user.suspended",
        "user.signed_in",
        "user.session_revoked",
        "user.two_factor_bound",
        "user.two_factor_unbound",
    ];
    type Event = UserEvent;

    fn react(&self, happened: &Happened<'_, UserEvent>) -> Result<Vec<NewJob>, BoxError> {
        let cause = Cause::new(happened.stream, happened.sequence);
        match &happened.event {
            UserEvent::Registered { .. } | UserEvent::VerificationRequested { .. } => {
                job(&SendEmailVerification { cause: cause.clone() }, &cause)
            }
            UserEvent::PasswordResetRequested { .. } => {
                job(&SendPasswordReset { cause: cause.clone() }, &cause)
            }
            UserEvent::Invited { .. }
            | UserEvent::PasswordChanged { .. }
            | UserEvent::Suspended { .. }
            | UserEvent::SignedIn { strange: true, .. }
            | UserEvent::SessionRevoked { reason: Revocation::TokenReused, .. }
            | UserEvent::TwoFactorBound(_)
            | UserEvent::TwoFactorUnbound(_) => job(&SendNotification { cause: cause.clone() }, &cause),
            // Most of what happens to a user is nothing to write about.
            _ => Ok(Vec::new()),
        }
    }
}

fn job<J: Job>(job: &J, cause: &Cause) -> Result<Vec<NewJob>, BoxError> {
    Ok(vec![NewJob::of(job, &cause.key())?])
}
