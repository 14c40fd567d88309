//! The second factor: what users and operators share of it outside the domain. Secrets, codes and
//! what a shown code is worth.

mod totp;

use std::{fmt, time::Duration};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use domain::{
    Sealed, Timestamp, TokenHash,
    two_factor::{Attempt, RECOVERY_CODES, TwoFactorError},
};
use uuid::Uuid;

use self::totp::Secret;
use crate::{
    App, Code, Refusal,
    bus::Done,
    ports::{Cursor, Entropy, VaultError, Visibility, hash_token},
};

/// Under which name a secret is sealed.
const FIELD: &str = "two_factor";
/// The longest code that is looked at, in characters. A longer one is wrong.
const CODE_CHARS_MAX: usize = 64;
/// Random bytes of a recovery code: so many that a plain hash keeps it (OWASP ASVS 6.5.2).
const RECOVERY_BYTES: usize = 15;
/// Characters between two hyphens of a recovery code.
const RECOVERY_GROUP: usize = 6;

/// What passes as every code, in development and test.
#[derive(Clone)]
pub struct Bypass(String);

impl Bypass {
    /// Settings allow it outside public environments only.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    fn is(&self, code: &str) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), code.as_bytes()).is_ok()
    }
}

impl fmt::Debug for Bypass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bypass(…)")
    }
}

/// A secret to set a device up with. `Debug` would show it, so there is none.
#[derive(Clone)]
pub struct TwoFactorSecret {
    /// In base 32, to be typed in.
    pub secret: String,
    /// To be shown as a QR code.
    pub otpauth_url: String,
    /// One up per event.
    pub version: i64,
    /// The place of the last event.
    pub cursor: Cursor,
    /// Whether the read models show it.
    pub visibility: Visibility,
}

/// The recovery codes, this once in clear. `Debug` would show them, so there is none.
#[derive(Clone)]
pub struct TwoFactorBound {
    /// Each opens one session without the device.
    pub recovery_codes: Vec<String>,
    /// One up per event.
    pub version: i64,
    /// The place of the last event.
    pub cursor: Cursor,
    /// Whether the read models show it.
    pub visibility: Visibility,
}

macro_rules! done {
    ($($output:ty),*) => {$(
        impl Done for $output {
            fn cursor(&self) -> Option<Cursor> {
                Some(self.cursor)
            }
            fn seen(&mut self, visibility: Visibility) {
                self.visibility = visibility;
            }
        }
    )*};
}
done!(TwoFactorSecret, TwoFactorBound);

impl App {
    /// A new secret of `subject`, sealed.
    pub(crate) async fn fresh_secret(&self, subject: Uuid) -> Result<Sealed, VaultError> {
        let secret = Secret::fresh(self.entropy.as_ref());
        self.vault.seal(subject, FIELD, &secret.text()).await
    }

    /// A sealed secret as its owner sees it; `None` once the person was erased.
    pub(crate) async fn shown_secret(
        &self,
        subject: Uuid,
        sealed: &Sealed,
        issuer: &str,
        account: &str,
    ) -> Result<Option<(String, String)>, VaultError> {
        let secret = self.open_secret(subject, sealed).await?;
        Ok(secret.map(|secret| (secret.text(), secret.otpauth_url(issuer, account))))
    }

    /// What a shown code is worth to `subject`, whose secret is `sealed`.
    pub(crate) async fn weigh_code(
        &self,
        subject: Uuid,
        sealed: &Sealed,
        code: &str,
        now: Timestamp,
    ) -> Result<Attempt, VaultError> {
        let secret = self.open_secret(subject, sealed).await?;
        let typed = typed(code);
        Ok(Attempt {
            secret: sealed.clone(),
            steps: secret.map(|secret| secret.steps(&typed, now)).unwrap_or_default(),
            recovery: hash_token(&typed),
            bypass: self.two_factor_bypass.as_ref().is_some_and(|bypass| bypass.is(code)),
        })
    }

    async fn open_secret(&self, subject: Uuid, sealed: &Sealed) -> Result<Option<Secret>, VaultError> {
        let clear = self.vault.open(subject, FIELD, sealed).await?;
        let broken = || VaultError::Broken(format!("the two-factor secret of {subject} is not base 32"));
        clear.map(|clear| Secret::read(&clear).ok_or_else(broken)).transpose()
    }
}

/// New recovery codes, and the hashes that are stored of them.
pub(crate) fn recovery_codes(entropy: &dyn Entropy) -> (Vec<String>, Vec<TokenHash>) {
    let fresh = || {
        let secret = entropy.secret();
        let code = totp::base32(secret.get(..RECOVERY_BYTES).unwrap_or(&secret));
        let hash = hash_token(&code);
        let groups: Vec<&str> = (0..code.len())
            .step_by(RECOVERY_GROUP)
            .filter_map(|from| code.get(from..code.len().min(from + RECOVERY_GROUP)))
            .collect();
        (groups.join("-"), hash)
    };
    (0..RECOVERY_CODES).map(|_| fresh()).unzip()
}

/// A code as people type it, without what they put between.
fn typed(code: &str) -> String {
    let kept = code.chars().take(CODE_CHARS_MAX + 1).filter(|c| !c.is_whitespace() && *c != '-');
    kept.collect::<String>().to_ascii_uppercase()
}

impl Refusal for TwoFactorError {
    fn code(&self) -> Code {
        match self {
            Self::AlreadyBound => Code::AlreadyExists,
            Self::NotBound
            | Self::NotGenerated
            | Self::CodeInvalid
            | Self::CodeMissing
            | Self::ReasonMalformed => Code::ValidationFailed,
            Self::Required | Self::PassRefused | Self::TokenInvalid => Code::Unauthenticated,
            Self::Locked { .. } => Code::RateLimited,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotBound | Self::NotGenerated | Self::CodeInvalid | Self::CodeMissing => Some("code"),
            Self::ReasonMalformed => Some("reason"),
            Self::Required
            | Self::AlreadyBound
            | Self::PassRefused
            | Self::TokenInvalid
            | Self::Locked { .. } => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Locked { seconds } => u64::try_from(*seconds).ok().map(Duration::from_secs),
            Self::Required
            | Self::AlreadyBound
            | Self::NotBound
            | Self::NotGenerated
            | Self::CodeInvalid
            | Self::CodeMissing
            | Self::ReasonMalformed
            | Self::PassRefused
            | Self::TokenInvalid => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Entropy for Counting {
        fn id(&self) -> Uuid {
            Uuid::nil()
        }
        fn secret(&self) -> [u8; 32] {
            [7; 32]
        }
    }

    #[test]
    fn a_recovery_code_is_found_again_however_it_is_typed() {
        let (codes, hashes) = recovery_codes(&Counting);
        assert_eq!((codes.len(), hashes.len()), (RECOVERY_CODES, RECOVERY_CODES));
        let code = &codes[0];
        assert_eq!(code.len(), 24 + 3, "{code}");
        for way in [code.clone(), code.to_lowercase(), code.replace('-', ""), format!(" {code} ")] {
            assert_eq!(hash_token(&typed(&way)), hashes[0], "{way}");
        }
    }

    #[test]
    fn a_bypass_is_exact_and_never_shown() {
        let bypass = Bypass::new("let-me-in");
        assert!(bypass.is("let-me-in"));
        assert!(!bypass.is("let-me-in ") && !bypass.is(""));
        assert_eq!(format!("{bypass:?}"), "Bypass(…)");
    }

    #[test]
    fn endless_codes_are_cut() {
        assert!(typed(&"1".repeat(1_000_000)).len() <= CODE_CHARS_MAX + 1);
    }
}
