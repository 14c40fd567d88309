//! What can be done with keys, by their owners in person: a key makes and revokes no keys.

use std::{collections::BTreeSet, fmt};

use domain::{
    ApiKeyId, StreamId, Timestamp,
    api_key::{self, ApiKey, ApiKeyCommand, ApiKeyError, KeyName, Slot},
    role::Permission,
};
use serde::Serialize;

use super::ApiKeyRow;
use crate::{
    Access, App, Caller, Code, Command, Committed, Failure, Handle, Member, Order, Outcome, Refusal, Terms,
    bus::Done,
    order::idempotency,
    ports::{Cursor, ReadModel, Visibility, fresh_token, hash_token},
    role::may_give,
};

/// How every key begins: so that people, and scanners of code, know one when they see it.
const KEY_START: &str = "etk_";
/// The length of a key: its start, and 32 bytes in base64.
const KEY_BYTES: usize = KEY_START.len() + 43;
/// How much of a key is shown for ever, in characters.
const PREFIX_CHARS: usize = 12;

/// Makes a key that acts for the caller.
#[derive(Debug, Clone, Serialize)]
pub struct CreateApiKey {
    /// What its owner calls it.
    pub name: KeyName,
    /// The most it allows.
    pub permissions: BTreeSet<Permission>,
    /// Until when it opens; for ever without.
    pub expires_at: Option<Timestamp>,
}

impl Command for CreateApiKey {
    type Output = NewApiKey;
    type Rejection = ApiKeyError;
    const NAME: &'static str = "api_key.create";
    const ACCESS: Access = Access::InPersonConfirmed(&[Permission::ManageApiKeys]);
    const SHOWN_IN: &'static [ReadModel] = &[ReadModel::ApiKeyList];
}

/// Lets a key of the caller's open nothing any more. Whoever lost the right to make keys may still
/// revoke them.
#[derive(Debug, Clone, Serialize)]
pub struct RevokeApiKey {
    /// Which.
    pub id: ApiKeyId,
}

impl Command for RevokeApiKey {
    type Output = Committed<ApiKey>;
    type Rejection = ApiKeyError;
    const NAME: &'static str = "api_key.revoke";
    const ACCESS: Access = Access::InPerson(&[]);
    const SHOWN_IN: &'static [ReadModel] = &[ReadModel::ApiKeyList];
}

/// A key that was made.
pub struct NewApiKey {
    /// What is stored of it.
    pub done: Committed<ApiKey>,
    /// The key itself: the only time that anybody sees it. `None` when the same idempotency key made
    /// it before.
    pub clear: Option<String>,
}

impl fmt::Debug for NewApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewApiKey").field("done", &self.done).finish_non_exhaustive()
    }
}

impl Done for NewApiKey {
    fn cursor(&self) -> Option<Cursor> {
        self.done.cursor()
    }
    fn seen(&mut self, visibility: Visibility) {
        self.done.seen(visibility);
    }
}

/// Whether a text can be a key: others are not looked up.
pub(crate) fn has_the_form_of_a_key(text: &str) -> bool {
    text.len() == KEY_BYTES
        && text.strip_prefix(KEY_START).is_some_and(|random| {
            random.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

impl Handle<CreateApiKey> for App {
    async fn handle(&self, caller: &Caller, create: CreateApiKey, terms: Terms) -> Outcome<CreateApiKey> {
        let owner: Member = caller.signed_in()?;
        may_give(caller, &create.permissions)?;
        let key = idempotency(caller, CreateApiKey::NAME, &create, &terms);
        let clear = format!("{KEY_START}{}", fresh_token(self.entropy.as_ref()));
        let (hash, prefix) = (hash_token(&clear), clear.chars().take(PREFIX_CHARS).collect::<String>());
        let (id, at) = (self.entropy.id(), self.clock.now());
        let taken = self.api_key_list.places(owner).await.map_err(Failure::Unavailable)?;
        let free = Slot::all().filter(|slot| !taken.contains(&slot.number()));
        // One place is tried though all are taken: this may be a request that was answered before.
        let mut places = free.chain(Slot::all().take(1));
        loop {
            let Some(slot) = places.next() else { return Err(Failure::Rejected(ApiKeyError::TooMany)) };
            let CreateApiKey { name, permissions, expires_at } = create.clone();
            let intent = ApiKeyCommand::Create(api_key::CreateApiKey {
                tenant: owner.tenant,
                owner: owner.user,
                name,
                prefix: prefix.clone(),
                hash: hash.clone(),
                permissions,
                expires_at,
                slot,
            });
            let (stream, key) = (StreamId::within(owner.tenant, id), key.clone());
            let order = Order { stream, intent, caller, name: CreateApiKey::NAME, terms: &terms, key, at };
            match self.api_keys.execute_fresh(order).await {
                // Somebody was faster: another place.
                Err(Failure::Rejected(ApiKeyError::TooMany)) => {}
                Err(failure) => return Err(failure),
                Ok(done) => {
                    let fresh = done.state.sheet().is_some_and(|sheet| sheet.hash == hash);
                    return Ok(NewApiKey { done, clear: fresh.then_some(clear) });
                }
            }
        }
    }
}

impl Handle<RevokeApiKey> for App {
    async fn handle(&self, caller: &Caller, revoke: RevokeApiKey, terms: Terms) -> Outcome<RevokeApiKey> {
        let owner: Member = caller.signed_in()?;
        let key = idempotency(caller, RevokeApiKey::NAME, &revoke, &terms);
        let stream = StreamId::within(owner.tenant, revoke.id.0);
        let intent = ApiKeyCommand::Revoke { by: owner.user };
        let (name, at) = (RevokeApiKey::NAME, self.clock.now());
        self.api_keys.execute(Order { stream, intent, caller, name, terms: &terms, key, at }).await
    }
}

/// The row of a key as a command left it.
pub fn written_row(done: &Committed<ApiKey>) -> Option<ApiKeyRow> {
    let sheet = done.state.sheet()?;
    Some(ApiKeyRow {
        id: ApiKeyId(done.stream.own()?),
        name: sheet.name.as_str().to_owned(),
        prefix: sheet.prefix.clone(),
        permissions: sheet.permissions.iter().copied().collect(),
        expires_at: sheet.expires_at,
        last_used_at: sheet.last_used_at,
        revoked_at: done.state.revoked_at(),
        created_at: sheet.created_at,
    })
}

impl Refusal for ApiKeyError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyCreated => Code::AlreadyExists,
            Self::NameMalformed | Self::ExpiryPast | Self::PermissionUnknown(_) | Self::TooMany => {
                Code::ValidationFailed
            }
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NameMalformed => Some("name"),
            Self::ExpiryPast => Some("expiresAt"),
            Self::PermissionUnknown(_) => Some("permissions"),
            Self::NotFound | Self::AlreadyCreated | Self::TooMany => None,
        }
    }
}
