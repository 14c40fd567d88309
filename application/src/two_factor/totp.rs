//! Codes of the moment: RFC 6238 over HMAC-SHA-1, which is what authenticator apps know.

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use data_encoding::{BASE32_NOPAD, Encoding};
use domain::{
    Timestamp,
    two_factor::{CODE_DIGITS, STEP_SECONDS, TOLERANCE_STEPS},
};

use crate::ports::Entropy;

/// What RFC 4226 recommends: as long as the hash.
const SECRET_BYTES: usize = 20;
const ENCODING: Encoding = BASE32_NOPAD;

/// What a device and we both know.
pub(super) struct Secret(Vec<u8>);

impl Secret {
    /// A new one.
    pub(super) fn fresh(entropy: &dyn Entropy) -> Self {
        Self(entropy.secret().into_iter().take(SECRET_BYTES).collect())
    }

    /// From its text.
    pub(super) fn read(text: &str) -> Option<Self> {
        ENCODING.decode(text.as_bytes()).ok().map(Self)
    }

    /// As people type it into a device.
    pub(super) fn text(&self) -> String {
        base32(&self.0)
    }

    /// As devices read it from a QR code.
    pub(super) fn otpauth_url(&self, issuer: &str, account: &str) -> String {
        let (issuer, account) = (escaped(issuer), escaped(account));
        let secret = self.text();
        format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}\
             &algorithm=SHA1&digits={CODE_DIGITS}&period={STEP_SECONDS}"
        )
    }

    /// The steps near `now` at which `code` is the right one, oldest first.
    pub(super) fn steps(&self, code: &str, now: Timestamp) -> Vec<i64> {
        let current = now.timestamp().div_euclid(STEP_SECONDS);
        let near = current - TOLERANCE_STEPS..=current + TOLERANCE_STEPS;
        // All are looked at, each in constant time: how long it takes tells nothing.
        near.filter(|step| verify_slices_are_equal(self.code(*step).as_bytes(), code.as_bytes()).is_ok())
            .collect()
    }

    /// The code of a step.
    fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let bytes = tag.as_ref();
        // RFC 4226: the last four bits say where the four bytes of the code begin.
        let from = usize::from(bytes.last().copied().unwrap_or(0) & 0x0f);
        let mut word = [0; 4];
        if let Some(part) = bytes.get(from..from + 4) {
            word.copy_from_slice(part);
        }
        let number = u32::from_be_bytes(word) & 0x7fff_ffff;
        let width = CODE_DIGITS as usize;
        format!("{:0width$}", number % 10_u32.pow(CODE_DIGITS))
    }
}

/// In base 32, which survives being read aloud.
pub(super) fn base32(bytes: &[u8]) -> String {
    ENCODING.encode(bytes)
}

/// Percent-encoded, but for what no part of a URL minds.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc() -> Secret {
        Secret(b"12345678901234567890".to_vec())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn codes_are_those_of_rfc_6238_appendix_b() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(rfc().code(seconds / STEP_SECONDS), code, "{seconds}");
            assert_eq!(rfc().steps(code, at(seconds)), [seconds / STEP_SECONDS]);
        }
    }

    #[test]
    fn a_device_may_be_one_step_early_or_late_and_no_more() {
        let code = rfc().code(1000);
        for (step, accepted) in [(998, false), (999, true), (1000, true), (1001, true), (1002, false)] {
            let steps = rfc().steps(&code, at(step * STEP_SECONDS + 29));
            assert_eq!(steps == [1000], accepted, "{step}");
        }
    }

    #[test]
    fn only_the_whole_code_is_right() {
        let (now, code) = (at(59), "287082");
        for wrong in ["", "28708", "2870820", "287083", "0287082", "２８７０８２", "287082\0"] {
            assert!(rfc().steps(wrong, now).is_empty(), "{wrong:?}");
        }
        assert!(!rfc().steps(code, now).is_empty());
    }

    #[test]
    fn a_secret_is_read_as_it_was_written() {
        let secret = Secret::read(&rfc().text()).unwrap();
        assert_eq!(secret.0, rfc().0);
        assert!(Secret::read("not base 32!").is_none());
    }

    #[test]
    fn devices_read_the_whole_account_from_the_url() {
        assert_eq!(
            rfc().otpauth_url("Enterprise Todo", "ada+1@example.org"),
            "otpauth://totp/Enterprise%20Todo:ada%2B1%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Enterprise%20Todo&algorithm=SHA1&digits=6&period=30"
        );
    }
}
