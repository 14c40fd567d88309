//! A second factor beside the password: the rules that users and operators share.
//!
//! What a shown code is worth is computed outside, because that needs the secret in clear. Here it
//! is decided what follows from it: a code is accepted once, a recovery code is used up, and wrong
//! codes lock the step for longer and longer.
//!
//! # How to give another aggregate a second factor
//!
//! Its state holds a [`TwoFactor`], its events wrap each [`Fact`] under a stored name of its own,
//! and its `decide` and `evolve` call the methods here, as `user/two_factor.rs` does.

mod command;
mod fact;
mod reason;
#[cfg(test)]
mod spec;

use chrono::TimeDelta;
pub use command::{Attempt, Confirmation, TwoFactorCommand};
pub(crate) use fact::stores_two_factor;
pub use fact::{Bound, Challenged, Fact, Factor, Generated, Passed, Refused, Reset, Unbound};
pub use reason::{REASON_CHARS_MAX, Reason};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Sealed, Timestamp, TokenHash};

/// How long a code is shown, in seconds (RFC 6238).
pub const STEP_SECONDS: i64 = 30;
/// How many digits a code has.
pub const CODE_DIGITS: u32 = 6;
/// By how many steps the clock of a device may be early or late.
pub const TOLERANCE_STEPS: i64 = 1;
/// How many recovery codes are given out.
pub const RECOVERY_CODES: usize = 8;
/// Wrong codes in a row before the step is locked. Each further one locks it again.
pub const WRONG_CODES_MAX: u32 = 5;
/// The first lock; it doubles with each further wrong code.
pub const LOCK_FIRST: TimeDelta = TimeDelta::minutes(1);
/// The longest lock: nobody is locked out for good by somebody who knows the password.
pub const LOCK_MAX: TimeDelta = TimeDelta::hours(1);
/// How long the second factor may be shown after the password was right.
pub const CHALLENGE_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// Sign-ins that may wait for their second factor at the same time; the oldest gives way.
pub const CHALLENGES_MAX: usize = 5;

/// The second factor of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwoFactor {
    binding: Binding,
    challenges: Vec<Challenge>,
    /// Wrong codes since the last right one.
    wrong: u32,
    locked_until: Option<Timestamp>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Binding {
    #[default]
    Absent,
    /// A secret was given out; no code of it was shown yet.
    Pending { secret: Sealed },
    /// Asked for at each sign-in.
    Active {
        secret: Sealed,
        /// Codes of this step and of those before are used up.
        last_step: Option<i64>,
        recovery: Vec<TokenHash>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Challenge {
    hash: TokenHash,
    expires_at: Timestamp,
}

/// Why the second factor refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TwoFactorError {
    /// A password alone is not enough here. It is answered with a challenge, and not seen outside.
    #[error("a second factor is required")]
    Required,
    /// There is one already.
    #[error("two-factor authentication is set up already")]
    AlreadyBound,
    /// There is none.
    #[error("two-factor authentication is not set up")]
    NotBound,
    /// No secret was given out to which a code could belong.
    #[error("generate a two-factor secret first")]
    NotGenerated,
    /// Wrong, used or too old, while setting up or removing.
    #[error("this code is not valid")]
    CodeInvalid,
    /// The password alone confirms nothing here.
    #[error("a code of the second factor is needed as well")]
    CodeMissing,
    /// Not a reason.
    #[error("reason must have 1 to {REASON_CHARS_MAX} printable characters")]
    ReasonMalformed,
    /// Wrong, used or too old, while signing in.
    #[error("Invalid two-factor code")]
    PassRefused,
    /// Unknown, used or expired.
    #[error("Invalid or expired two-factor token")]
    TokenInvalid,
    /// Too many wrong codes.
    #[error("Too many wrong codes, please try again in {seconds} seconds")]
    Locked {
        /// How much longer.
        seconds: i64,
    },
}

/// What a shown code is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// Right; nothing, where nothing is asked for.
    Right(Option<Factor>),
    /// Wrong, which is a fact.
    Wrong(Fact),
}

impl TwoFactor {
    /// Whether signing in needs it.
    pub fn is_bound(&self) -> bool {
        match self.binding {
            Binding::Active { .. } => true,
            Binding::Absent | Binding::Pending { .. } => false,
        }
    }

    /// The secret that was given out, or is in use.
    pub fn secret(&self) -> Option<&Sealed> {
        match &self.binding {
            Binding::Absent => None,
            Binding::Pending { secret } | Binding::Active { secret, .. } => Some(secret),
        }
    }

    /// How many recovery codes are left.
    pub fn recovery_codes_left(&self) -> usize {
        match &self.binding {
            Binding::Absent | Binding::Pending { .. } => 0,
            Binding::Active { recovery, .. } => recovery.len(),
        }
    }

    /// Sign-ins that wait for their second factor wait in vain: the password they showed is worth
    /// nothing any more.
    pub fn close_challenges(&mut self) {
        self.challenges.clear();
    }

    /// What comes of a command, and the session to open when one is to be opened.
    pub fn decide<S>(
        &self,
        command: TwoFactorCommand<S>,
        at: Timestamp,
    ) -> Result<(Fact, Option<S>), TwoFactorError> {
        Ok(match command {
            TwoFactorCommand::Generate { secret } => (self.generate(secret, at)?, None),
            TwoFactorCommand::Bind { attempt, recovery } => (self.bind(&attempt, recovery, at)?, None),
            TwoFactorCommand::Unbind { attempt } => (self.unbind(&attempt, at)?, None),
            TwoFactorCommand::Reset { grounds } => (self.reset(grounds, at)?, None),
            TwoFactorCommand::Challenge { token } => (self.challenge(token, at)?, None),
            TwoFactorCommand::Pass { token, attempt, session } => {
                let fact = self.pass(&token, &attempt, at)?;
                let passed = matches!(fact, Fact::Passed(_));
                (fact, passed.then_some(session))
            }
        })
    }

    /// A secret to set it up with; it replaces one that was not used.
    fn generate(&self, secret: Sealed, at: Timestamp) -> Result<Fact, TwoFactorError> {
        if self.is_bound() {
            return Err(TwoFactorError::AlreadyBound);
        }
        Ok(Fact::Generated(Generated { secret, at }))
    }

    /// The device shows right codes: from now on they are asked for. A wrong code is a fact too.
    fn bind(
        &self,
        attempt: &Attempt,
        recovery: Vec<TokenHash>,
        at: Timestamp,
    ) -> Result<Fact, TwoFactorError> {
        match &self.binding {
            Binding::Absent => return Err(TwoFactorError::NotGenerated),
            Binding::Active { .. } => return Err(TwoFactorError::AlreadyBound),
            Binding::Pending { .. } => {}
        }
        Ok(match self.judge(attempt, at)? {
            Some(factor) => Fact::Bound(Bound { factor, recovery, at }),
            None => self.refused(at),
        })
    }

    /// The password alone is enough again. A wrong code is a fact too.
    fn unbind(&self, attempt: &Attempt, at: Timestamp) -> Result<Fact, TwoFactorError> {
        if !self.is_bound() {
            return Err(TwoFactorError::NotBound);
        }
        Ok(match self.judge(attempt, at)? {
            Some(factor) => Fact::Unbound(Unbound { factor, at }),
            None => self.refused(at),
        })
    }

    /// The password alone is enough again; the device is lost.
    fn reset(&self, grounds: Sealed, at: Timestamp) -> Result<Fact, TwoFactorError> {
        if self.is_bound() { Ok(Fact::Reset(Reset { grounds, at })) } else { Err(TwoFactorError::NotBound) }
    }

    /// Whether what was shown is enough to confirm an open session: where a factor is bound, it is
    /// asked for as it is at the sign-in.
    pub fn confirm(&self, attempt: Option<&Attempt>, at: Timestamp) -> Result<Judged, TwoFactorError> {
        match attempt {
            _ if !self.is_bound() => Ok(Judged::Right(None)),
            None => Err(TwoFactorError::CodeMissing),
            Some(attempt) => Ok(match self.judge(attempt, at)? {
                Some(factor) => Judged::Right(Some(factor)),
                None => Judged::Wrong(self.refused(at)),
            }),
        }
    }

    /// Records what confirmed a session: it is used up like at a sign-in.
    pub fn confirmed(&mut self, factor: Option<&Factor>) {
        if let Some(factor) = factor {
            self.use_up(factor);
            self.right();
        }
    }

    /// The password was right: the bearer of this token may show the second factor.
    fn challenge(&self, hash: TokenHash, at: Timestamp) -> Result<Fact, TwoFactorError> {
        if !self.is_bound() {
            return Err(TwoFactorError::NotBound);
        }
        let expires_at = later(at, CHALLENGE_LIFETIME);
        Ok(Fact::Challenged(Challenged { challenge: hash, expires_at, at }))
    }

    /// The second factor is shown. A wrong code is a fact too, and uses up nothing of the token.
    fn pass(&self, challenge: &TokenHash, attempt: &Attempt, at: Timestamp) -> Result<Fact, TwoFactorError> {
        let open = self.challenges.iter().any(|it| it.hash == *challenge && at < it.expires_at);
        if !open || !self.is_bound() {
            return Err(TwoFactorError::TokenInvalid);
        }
        Ok(match self.judge(attempt, at)? {
            Some(factor) => Fact::Passed(Passed { challenge: challenge.clone(), factor, at }),
            None => self.refused(at),
        })
    }

    /// Records what happened.
    pub fn evolve(&mut self, fact: Fact) {
        match fact {
            Fact::Generated(Generated { secret, .. }) => self.binding = Binding::Pending { secret },
            Fact::Bound(Bound { factor, recovery, .. }) => {
                let secret = self.secret().cloned();
                if let Some(secret) = secret {
                    self.binding = Binding::Active { secret, last_step: factor.step(), recovery };
                }
                self.right();
            }
            Fact::Unbound(_) | Fact::Reset(_) => *self = Self::default(),
            Fact::Challenged(Challenged { challenge, expires_at, at }) => {
                self.challenges.retain(|it| at < it.expires_at);
                let surplus = self.challenges.len().saturating_add(1).saturating_sub(CHALLENGES_MAX);
                self.challenges.drain(..surplus);
                self.challenges.push(Challenge { hash: challenge, expires_at });
            }
            Fact::Passed(Passed { challenge, factor, .. }) => {
                self.challenges.retain(|it| it.hash != challenge);
                self.use_up(&factor);
                self.right();
            }
            Fact::Refused(Refused { wrong, locked_until, .. }) => {
                self.wrong = wrong;
                self.locked_until = locked_until;
            }
        }
    }

    /// What the shown code is; `None` when it is nothing.
    fn judge(&self, attempt: &Attempt, at: Timestamp) -> Result<Option<Factor>, TwoFactorError> {
        if let Some(until) = self.locked_until.filter(|until| at < *until) {
            let millis = until.signed_duration_since(at).num_milliseconds();
            let seconds = millis.saturating_add(999).div_euclid(1000);
            return Err(TwoFactorError::Locked { seconds });
        }
        if self.secret() != Some(&attempt.secret) {
            return Ok(None);
        }
        if attempt.bypass {
            return Ok(Some(Factor::Bypass));
        }
        let (last_step, recovery) = match &self.binding {
            Binding::Absent => return Ok(None),
            Binding::Pending { .. } => (None, [].as_slice()),
            Binding::Active { last_step, recovery, .. } => (*last_step, recovery.as_slice()),
        };
        let fresh = attempt.steps.iter().find(|step| last_step.is_none_or(|last| **step > last));
        if let Some(step) = fresh {
            return Ok(Some(Factor::Code { step: *step }));
        }
        let known = recovery.contains(&attempt.recovery);
        Ok(known.then(|| Factor::Recovery { code: attempt.recovery.clone() }))
    }

    fn refused(&self, at: Timestamp) -> Fact {
        let wrong = self.wrong.saturating_add(1);
        let locked_until = wrong.checked_sub(WRONG_CODES_MAX).map(|further| later(at, lock(further)));
        Fact::Refused(Refused { wrong, locked_until, at })
    }

    fn use_up(&mut self, factor: &Factor) {
        if let Binding::Active { last_step, recovery, .. } = &mut self.binding {
            match factor {
                Factor::Code { step } => *last_step = Some(*step),
                Factor::Recovery { code } => recovery.retain(|it| it != code),
                Factor::Bypass => {}
            }
        }
    }

    fn right(&mut self) {
        self.wrong = 0;
        self.locked_until = None;
    }
}

/// How long the step is locked after so many wrong codes beyond the first lock.
fn lock(further: u32) -> TimeDelta {
    let factor = 1_i32.checked_shl(further).filter(|factor| *factor > 0).unwrap_or(i32::MAX);
    LOCK_FIRST.checked_mul(factor).map_or(LOCK_MAX, |lock| lock.min(LOCK_MAX))
}

fn later(at: Timestamp, by: TimeDelta) -> Timestamp {
    at.checked_add_signed(by).unwrap_or(Timestamp::MAX_UTC)
}
