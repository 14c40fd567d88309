//! Tokens that were verified before. Checking a signature costs tens of microseconds; looking a
//! hash up costs one or two. Only good tokens get in, so nobody can flood it with bad ones, and
//! the times are checked at each use.

use application::{Caller, ports::TokenError};
use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::{UnitWeighter, sync::Cache};

use crate::{claims::invalid, tokens::LEEWAY_SECONDS};

/// The SHA-256 of a token: the cache holds nothing that could be shown to anybody.
pub(crate) type TokenKey = [u8; 32];

/// A token whose signature and form are known to be right.
#[derive(Clone)]
pub(crate) struct Verified {
    pub(crate) caller: Caller,
    /// Seconds since 1970.
    pub(crate) not_before: Option<i64>,
    /// Seconds since 1970.
    pub(crate) expires: i64,
}

impl Verified {
    /// The caller, when the token works at `now` (seconds since 1970).
    pub(crate) fn at(self, now: i64) -> Result<Caller, TokenError> {
        in_time(self.not_before, self.expires, now).map(|()| self.caller)
    }
}

/// Whether a token works at `now`, give or take [`LEEWAY_SECONDS`].
pub(crate) fn in_time(not_before: Option<i64>, expires: i64, now: i64) -> Result<(), TokenError> {
    if now >= expires.saturating_add(LEEWAY_SECONDS) {
        return Err(invalid("expired"));
    }
    if not_before.is_some_and(|not_before| now < not_before.saturating_sub(LEEWAY_SECONDS)) {
        return Err(invalid("not valid yet"));
    }
    Ok(())
}

/// Room made at the start.
const VERIFIED_TOKENS_FIRST: usize = 256;

/// The last tokens that were verified.
pub(crate) struct VerifiedTokens(Cache<TokenKey, Verified>);

impl VerifiedTokens {
    pub(crate) fn holding(entries: usize) -> Self {
        Self(Cache::with_weighter(VERIFIED_TOKENS_FIRST.min(entries), entries as u64, UnitWeighter))
    }

    pub(crate) fn key(token: &str) -> TokenKey {
        let mut key = TokenKey::default();
        key.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        key
    }

    pub(crate) fn get(&self, key: &TokenKey) -> Option<Verified> {
        self.0.get(key)
    }

    pub(crate) fn insert(&self, key: TokenKey, verified: Verified) {
        self.0.insert(key, verified);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
