//! Time, ids, passwords and tokens as tests want them: known beforehand, and quick.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use application::{
    Caller, Member,
    ports::{AccessTokens, Clock, Entropy, HashError, Passwords, TokenError, TokenSession, TokenSubject},
};
use async_trait::async_trait;
use domain::Timestamp;
use uuid::{Builder, Uuid};

/// 14 November 2023, 22:13:20 UTC.
const START_MICROS: i64 = 1_700_000_000_000_000;

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl Default for TestClock {
    fn default() -> Self {
        Self(AtomicI64::new(START_MICROS))
    }
}

impl TestClock {
    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).expect("no test waits for 300,000 years");
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp_micros(self.0.load(Ordering::SeqCst)).expect("tests stay near this century")
    }
}

/// Ids and secrets that are the same in every run with the same seed. Never for production: who
/// knows the seed knows them all.
#[derive(Debug)]
pub struct TestEntropy {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    seed: u64,
    millis: u64,
}

impl TestEntropy {
    /// Another seed gives other ids.
    pub fn seeded(seed: u64) -> Self {
        let millis = u64::try_from(START_MICROS / 1000).expect("the start is after 1970");
        Self { state: Mutex::new(State { seed, millis }) }
    }

    fn bytes<const N: usize>(&self) -> (u64, [u8; N]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.millis += 1;
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&split_mix(&mut state.seed).to_le_bytes()[..chunk.len()]);
        }
        (state.millis, bytes)
    }
}

impl Entropy for TestEntropy {
    fn id(&self) -> Uuid {
        let (millis, bytes) = self.bytes::<10>();
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    fn secret(&self) -> [u8; 32] {
        self.bytes().1
    }
}

/// The next number of the `SplitMix64` sequence.
pub(crate) fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Password "hashes" that cost nothing.
#[derive(Debug, Default)]
pub struct TestPasswords;

const MARK: &str = "not-hashed:";

#[async_trait]
impl Passwords for TestPasswords {
    async fn hash(&self, clear: String) -> Result<String, HashError> {
        Ok(format!("{MARK}{clear}"))
    }

    async fn verify(&self, clear: String, hash: Option<String>) -> Result<bool, HashError> {
        Ok(hash.is_some_and(|hash| hash.strip_prefix(MARK) == Some(clear.as_str())))
    }
}

/// Access tokens that anybody can read and forge.
#[derive(Debug, Default)]
pub struct TestTokens {
    issued: Mutex<Vec<(String, TokenSubject, TokenSession, Timestamp)>>,
}

#[async_trait]
impl AccessTokens for TestTokens {
    async fn issue(
        &self,
        subject: &TokenSubject,
        session: TokenSession,
        id: Uuid,
        _: Timestamp,
        until: Timestamp,
    ) -> Result<String, TokenError> {
        let token = format!("token-{id}");
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.push((token.clone(), subject.clone(), session, until));
        Ok(token)
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Caller, TokenError> {
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let known = issued.iter().find(|(known, _, _, until)| known == token && now < *until);
        let Some((_, subject, session, until)) = known else {
            return Err(TokenError::Invalid("unknown or expired".to_owned()));
        };
        let caller = match subject {
            TokenSubject::User { user, tenant, roles } => {
                Caller::member(Member { tenant: *tenant, user: *user }, session.id, roles, *until)
            }
            TokenSubject::Operator { operator, role } => {
                Caller::operator(*operator, session.id, *role, *until)
            }
        };
        Ok(caller.confirmed(session.confirmed_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        let ids = |seed| {
            let entropy = TestEntropy::seeded(seed);
            [entropy.id(), entropy.id()]
        };
        assert_eq!(ids(1), ids(1));
        assert_ne!(ids(1), ids(2));
    }

    #[test]
    fn ids_are_uuids_of_version_7_in_rising_order() {
        let entropy = TestEntropy::seeded(7);
        let ids: Vec<Uuid> = (0..100).map(|_| entropy.id()).collect();
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        assert!(ids.is_sorted());
    }
}
