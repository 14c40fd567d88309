//! Mails that events of a user, or of an operator, cause.

use domain::{
    operator::OperatorEvent,
    user::{Revocation, UserEvent},
};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use crate::{
    BoxError,
    jobs::{
        Cause, Happened, Job, NewJob, Reaction, SendEmailVerification, SendNotification, SendPasswordReset,
    },
};

/// What happened to a user, or to an operator, leads to a mail.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mails;

/// How the stored names of what happens to operators begin.
const OF_OPERATORS: &str = "operator.";

/// What a mail can be about.
#[derive(Debug)]
pub enum Mailed {
    /// Something about a user.
    User(Box<UserEvent>),
    /// Something about an operator.
    Operator(Box<OperatorEvent>),
}

// By hand, so that an event that cannot be read says why.
impl<'de> Deserialize<'de> for Mailed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Value::deserialize(deserializer)?;
        let name = stored.get("type").and_then(Value::as_str).unwrap_or_default();
        let read = if name.starts_with(OF_OPERATORS) {
            serde_json::from_value(stored).map(Self::Operator)
        } else {
            serde_json::from_value(stored).map(Self::User)
        };
        read.map_err(D::Error::custom)
    }
}

impl Reaction for Mails {
    const NAME: &'static str = "mails.v1";
    const READS: &'static [&'static str] = &["user", "operator"];
    const CAUSES: &'static [&'static str] = &[
        "user.registered",
        "user.verification_requested",
        "user.password_reset_requested",
        "user.invited",
        "user.password_changed",
        "user.username_changed",
        "user.suspended",
        "user.signed_in",
        "user.session_revoked",
        "user.two_factor_bound",
        "user.two_factor_unbound",
        "user.two_factor_reset",
        "operator.password_changed",
        "operator.two_factor_bound",
        "operator.two_factor_unbound",
        "operator.two_factor_reset",
    ];
    type Event = Mailed;

    fn react(&self, happened: &Happened<'_, Mailed>) -> Result<Vec<NewJob>, BoxError> {
        let cause = Cause::new(happened.stream, happened.sequence);
        match &happened.event {
            Mailed::User(event) => about_user(event, &cause),
            Mailed::Operator(event) => about_operator(event, &cause),
        }
    }
}

fn about_user(event: &UserEvent, cause: &Cause) -> Result<Vec<NewJob>, BoxError> {
    match event {
        UserEvent::Registered { .. } | UserEvent::VerificationRequested { .. } => {
            job(&SendEmailVerification { cause: cause.clone() }, cause)
        }
        UserEvent::PasswordResetRequested { .. } => job(&SendPasswordReset { cause: cause.clone() }, cause),
        UserEvent::Invited { .. }
        | UserEvent::PasswordChanged { .. }
        | UserEvent::UsernameChanged { .. }
        | UserEvent::Suspended { .. }
        | UserEvent::SignedIn { strange: true, .. }
        | UserEvent::SessionRevoked { reason: Revocation::TokenReused, .. }
        | UserEvent::TwoFactorBound(_)
        | UserEvent::TwoFactorUnbound(_)
        | UserEvent::TwoFactorReset(_) => job(&SendNotification { cause: cause.clone() }, cause),
        // Most of what happens to a user is nothing to write about.
        _ => Ok(Vec::new()),
    }
}

fn about_operator(event: &OperatorEvent, cause: &Cause) -> Result<Vec<NewJob>, BoxError> {
    match event {
        OperatorEvent::PasswordChanged { .. }
        | OperatorEvent::TwoFactorBound(_)
        | OperatorEvent::TwoFactorUnbound(_)
        | OperatorEvent::TwoFactorReset(_) => job(&SendNotification { cause: cause.clone() }, cause),
        _ => Ok(Vec::new()),
    }
}

fn job<J: Job>(job: &J, cause: &Cause) -> Result<Vec<NewJob>, BoxError> {
    Ok(vec![NewJob::of(job, &cause.key())?])
}
