//! Every letter we write. Links lead to the configured address and nowhere else.

use std::time::Duration;

use super::{Letter, Part};

const MINUTES_MAX: u64 = 120;

/// Who gets a letter, and where its links lead.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// Whom it greets.
    pub name: &'a str,
    /// What links begin with.
    pub web_url: &'a str,
}

impl Recipient<'_> {
    fn link(&self, label: &'static str, path: &str, token: &str) -> Part {
        // A token is base64 for addresses: there is nothing to escape.
        Part::Link { label, url: format!("{}/{path}?token={token}", self.web_url.trim_end_matches('/')) }
    }

    fn letter(&self, subject: &str, parts: Vec<Part>) -> Letter {
        Letter { subject: subject.to_owned(), name: self.name.to_owned(), parts }
    }
}

/// Something about a person's own safety that the person should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// A refresh token was shown a second time: the session was ended.
    SessionCopied,
    /// A second factor is asked for from now on.
    SecondFactorBound,
    /// It is asked for no longer.
    SecondFactorUnbound,
    /// An operator took it away.
    SecondFactorReset,
    /// There is another password.
    PasswordChanged,
    /// An operator has another password.
    PortalPasswordChanged,
    /// There is another username.
    UsernameChanged,
    /// The person is kept out.
    Suspended,
    /// The person signed in from a network that was not used before.
    StrangePlace,
}

impl Notice {
    /// All of them, for the test that keeps their words.
    pub const ALL: [Self; 9] = [
        Self::SessionCopied,
        Self::SecondFactorBound,
        Self::SecondFactorUnbound,
        Self::SecondFactorReset,
        Self::PasswordChanged,
        Self::PortalPasswordChanged,
        Self::UsernameChanged,
        Self::Suspended,
        Self::StrangePlace,
    ];

    const fn subject(self) -> &'static str {
        match self {
            Self::SessionCopied => "A session of yours was ended",
            Self::SecondFactorBound => "Two-factor authentication is on",
            Self::SecondFactorUnbound => "Two-factor authentication is off",
            Self::SecondFactorReset => "Two-factor authentication was taken off your account",
            Self::PasswordChanged => "Your password was changed",
            Self::PortalPasswordChanged => "Your password for the portal was changed",
            Self::UsernameChanged => "Your username was changed",
            Self::Suspended => "Your account was suspended",
            Self::StrangePlace => "A new sign-in to your account",
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::SessionCopied => {
                "somebody showed a sign-in token of yours that had been used before. This happens when a token \
                 was copied, so we ended that session on all devices it was used on."
            }
            Self::SecondFactorBound => {
                "from now on, signing in to your account asks for a code of your authenticator as well. Keep your \
                 recovery codes in a safe place."
            }
            Self::SecondFactorUnbound => {
                "signing in to your account asks for your password only, and for no code any more."
            }
            Self::SecondFactorReset => {
                "an operator took two-factor authentication off your account, because the second factor was said to \
                 be lost, and all devices were signed out. Signing in asks for your password only until you set a \
                 second factor up again."
            }
            Self::PasswordChanged => {
                "the password of your account was changed, and all devices were signed out. Sign in with the new \
                 one."
            }
            Self::PortalPasswordChanged => {
                "the password of your operator's account on the portal was changed, and all devices were signed \
                 out. Sign in with the new one."
            }
            Self::UsernameChanged => {
                "the username of your account was changed. Sign in with the new one, or with your e-mail address; \
                 the old username is free for others."
            }
            Self::Suspended => {
                "your account was suspended: all devices were signed out, and you cannot sign in for now."
            }
            Self::StrangePlace => {
                "somebody signed in to your account, with your password, from a network that was not used for it \
                 before."
            }
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::SessionCopied => {
                "Please sign in again. If you share no devices with anybody, change your password as well."
            }
            Self::Suspended => "If you do not know why, ask your administrator.",
            Self::PasswordChanged => {
                "If this was not you, set a new password at once, by \"forgot password\", and tell your \
                 administrator."
            }
            // There is no "forgot password" for operators.
            Self::PortalPasswordChanged => {
                "If this was not you, somebody knew your password: let a SUPER_ADMIN deactivate your account at \
                 once."
            }
            Self::SecondFactorReset => {
                "If you did not ask for this, somebody else did in your name: change your password at once and tell \
                 your administrator. Otherwise sign in and set a second factor up."
            }
            Self::StrangePlace => {
                "If this was you, there is nothing to do. If it was not, change your password at once: that signs out \
                 all devices. Then set up two-factor authentication."
            }
            Self::UsernameChanged | Self::SecondFactorBound | Self::SecondFactorUnbound => {
                "If this was not you, change your password at once and tell your administrator."
            }
        }
    }
}

/// Asks to verify an e-mail address.
pub fn verification(to: Recipient<'_>, token: &str, lifetime: Duration) -> Letter {
    to.letter(
        "Please verify your email address",
        vec![
            Part::Text("please confirm that this is your e-mail address:".to_owned()),
            to.link("Verify my address", "verify-email", token),
            Part::Text(format!(
                "The link works once, for {}. If you did not register, ignore this mail.",
                words(lifetime)
            )),
        ],
    )
}

/// Brings the link that replaces a forgotten password.
pub fn password_reset(to: Recipient<'_>, token: &str, lifetime: Duration) -> Letter {
    to.letter(
        "Reset your password",
        vec![
            Part::Text("somebody, hopefully you, asked for a new password:".to_owned()),
            to.link("Choose a new password", "reset-password", token),
            Part::Text(format!(
                "The link works once, for {}. If it was not you, ignore this mail: your password stays as it is.",
                words(lifetime)
            )),
        ],
    )
}

/// Asks somebody to join.
pub fn invitation(to: Recipient<'_>, token: &str, lifetime: Duration) -> Letter {
    to.letter(
        "You are invited to Enterprise Todo",
        vec![
            Part::Text("a colleague invites you to work together in Enterprise Todo:".to_owned()),
            to.link("Accept the invitation", "accept-invitation", token),
            Part::Text(format!(
                "The link works once, for {}. If you do not know what this is about, ignore this mail.",
                words(lifetime)
            )),
        ],
    )
}

/// Tells about something that touches a person's safety.
pub fn notice(to: Recipient<'_>, notice: Notice) -> Letter {
    to.letter(
        notice.subject(),
        vec![Part::Text(notice.what().to_owned()), Part::Text(notice.advice().to_owned())],
    )
}

/// `24 hours`, `60 minutes`, `7 days`.
fn words(lifetime: Duration) -> String {
    const HOUR: u64 = 60;
    const DAY: u64 = 24 * HOUR;
    let minutes = lifetime.as_secs() / 60;
    let (count, unit) = match minutes {
        0..=MINUTES_MAX => (minutes, "minute"),
        _ if minutes > 2 * DAY => (minutes / DAY, "day"),
        _ => (minutes / HOUR, "hour"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_said_in_words() {
        for (minutes, said) in [
            (1, "1 minute"),
            (60, "60 minutes"),
            (24 * 60, "24 hours"),
            (7 * 24 * 60, "7 days"),
            (90, "90 minutes"),
        ] {
            assert_eq!(words(Duration::from_secs(minutes * 60)), said);
        }
    }
}
