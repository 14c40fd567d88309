//! Keys for machines: what a key says, within what its owner may do now.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use domain::{
    ApiKeyId, Claim, StreamId, Timestamp, TokenHash,
    api_key::{ApiKeyCommand, HASH, KeySheet},
    role::Permission,
};
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

use super::{NotAdmitted, Standings, away};
use crate::{
    Caller, Failure, Member, Never, Order, Terms, aggregates::broken, api_key::has_the_form_of_a_key,
    ports::hash_token,
};

/// Streams of keys that are remembered by the hash of their key.
const STREAMS_MAX: usize = 20_000;
/// Keys that are looked up at the same time because this node does not know them: so many
/// connections at most are kept busy by whoever guesses keys.
const LOOKUPS_MAX: usize = 4;
/// The name of the command that notes a use.
const NOTE_USE: &str = "api_key.note_use";

/// Whose hash is whose: that never changes.
pub(super) struct Streams {
    known: Cache<TokenHash, StreamId>,
    lookups: Semaphore,
}

impl Default for Streams {
    fn default() -> Self {
        Self { known: Cache::new(STREAMS_MAX), lookups: Semaphore::new(LOOKUPS_MAX) }
    }
}

/// What the stream says of a key that is not revoked.
pub(super) struct Standing {
    id: ApiKeyId,
    sheet: KeySheet,
    /// Whether this use is being noted already.
    noting: AtomicBool,
}

impl Standings {
    pub(super) async fn admit_holder(&self, key: &str, correlation: &str) -> Result<Caller, NotAdmitted> {
        if !has_the_form_of_a_key(key) {
            return Err(NotAdmitted::UnknownKey);
        }
        let stream = self.stream_of_key(hash_token(key)).await?;
        let standing = match self.0.keys.get(&stream) {
            Some(standing) => standing,
            None => self.ask_key(&stream).await?,
        };
        let (sheet, now) = (&standing.sheet, self.0.app.clock.now());
        if !sheet.opens(now) {
            return Err(NotAdmitted::Ended);
        }
        let owner = Member { tenant: sheet.tenant, user: sheet.owner };
        let of_owner = self.member(owner, |it| it.open).await?;
        if !of_owner.open {
            return Err(NotAdmitted::Ended);
        }
        let both = |permission: &Permission| sheet.permissions.contains(permission);
        let permissions = of_owner.permissions.iter().copied().filter(both).collect();
        let caller = Caller::key(standing.id, owner, permissions, sheet.expires_at).in_request(correlation);
        self.note_use(&standing, stream, &caller, now);
        Ok(caller)
    }

    async fn stream_of_key(&self, hash: TokenHash) -> Result<StreamId, NotAdmitted> {
        let Streams { known, lookups } = &self.0.key_streams;
        if let Some(stream) = known.get(&hash) {
            return Ok(stream);
        }
        let _turn = lookups.acquire().await.map_err(|closed| NotAdmitted::Unavailable(closed.into()))?;
        let holder = self.0.app.log.holder(&Claim::new(HASH, hash.as_str())).await;
        let holder = holder.map_err(|error| away::<Never>(broken(error)))?;
        let stream = holder.ok_or(NotAdmitted::UnknownKey)?;
        known.insert(hash, stream.clone());
        Ok(stream)
    }

    async fn ask_key(&self, stream: &StreamId) -> Result<Arc<Standing>, NotAdmitted> {
        let asking = self.0.keys.asking();
        let (_, key) = self.0.app.api_keys.load(stream).await.map_err(away)?;
        let (Some(sheet), Some(id)) = (key.live().cloned(), stream.own()) else {
            return Err(NotAdmitted::Ended);
        };
        let standing = Arc::new(Standing { id: ApiKeyId(id), sheet, noting: AtomicBool::new(false) });
        self.0.keys.remember(asking, stream.clone(), &standing);
        Ok(standing)
    }

    /// Notes that a key was used, behind the request. What is noted makes this node forget the key,
    /// and with it that it was noting.
    fn note_use(&self, standing: &Arc<Standing>, stream: StreamId, caller: &Caller, at: Timestamp) {
        if !standing.sheet.notes_use(at) || standing.noting.swap(true, Ordering::Relaxed) {
            return;
        }
        let (app, standing, caller) = (self.0.app.clone(), Arc::clone(standing), caller.clone());
        tokio::spawn(async move {
            let (intent, terms) = (ApiKeyCommand::NoteUse, Terms::default());
            let order =
                Order { stream, intent, caller: &caller, name: NOTE_USE, terms: &terms, key: None, at };
            if let Err(error) = app.api_keys.execute(order).await {
                standing.noting.store(false, Ordering::Relaxed);
                let error: Failure<_> = error;
                tracing::warn!(%error, "the use of an API key could not be noted");
            }
        });
    }
}
