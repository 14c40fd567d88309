//! An authenticator app: it knows a secret and shows its codes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;

const STEP_SECONDS: u64 = 30;
/// A code is good for as long at least: a browser may have to type it on a busy machine.
const GOOD_SECONDS: u64 = 15;

/// A device with a secret in it.
pub(crate) struct Device {
    secret: Vec<u8>,
    used: u64,
}

impl Device {
    /// Scans what a QR code would show.
    pub(crate) fn scan(otpauth_url: &str) -> Self {
        let (head, parameters) = otpauth_url.split_once('?').expect("parameters");
        assert!(head.starts_with("otpauth://totp/Enterprise%20Todo"), "{otpauth_url}");
        let parameter = |name: &str| {
            let mut parts = parameters.split('&').filter_map(|part| part.split_once('='));
            parts.find(|(key, _)| *key == name).map(|(_, value)| value).unwrap_or_default().to_owned()
        };
        assert_eq!(
            (parameter("algorithm"), parameter("digits"), parameter("period")),
            ("SHA1".to_owned(), "6".to_owned(), "30".to_owned())
        );
        let secret = BASE32_NOPAD.decode(parameter("secret").as_bytes()).expect("base 32");
        assert_eq!(secret.len(), 20, "as long as the hash");
        Self { secret, used: 0 }
    }

    /// A code that was not shown yet and works now. Three work at the same time, so that a test
    /// seldom waits.
    pub(crate) async fn code(&mut self) -> String {
        loop {
            let current = step_now();
            let step = (self.used + 1).max(current - 1);
            // The step before is good until this one ends.
            let step = if since_step() > STEP_SECONDS - GOOD_SECONDS { step.max(current) } else { step };
            if step <= current + 1 {
                self.used = step;
                return self.code_of(step);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// A code that is wrong now and soon.
    pub(crate) fn wrong(&self) -> String {
        let current = step_now();
        let right: Vec<String> = (current - 3..=current + 10).map(|step| self.code_of(step)).collect();
        let mut wrong = (0..100).map(|n| format!("{n:06}"));
        wrong.find(|code| !right.contains(code)).expect("of a hundred some are wrong")
    }

    fn code_of(&self, step: u64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.secret);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let from = usize::from(tag.as_ref()[19] & 15);
        let word: [u8; 4] = tag.as_ref()[from..from + 4].try_into().expect("four bytes");
        format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000)
    }
}

fn step_now() -> u64 {
    seconds() / STEP_SECONDS
}

fn since_step() -> u64 {
    seconds() % STEP_SECONDS
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs()
}
