//! What can be done with keys.

use std::collections::BTreeSet;

use adapter_web::{ContextExt, CursorText, failed, refused};
use application::{
    Committed,
    api_key::{CreateApiKey, RevokeApiKey, written_row},
};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    ApiKeyId,
    api_key::{self, ApiKeyError},
    role::Permission,
};

use super::types::ApiKey;
use crate::terms::{known, not_found, parse, position, stored, terms, version};

#[derive(Default)]
pub(crate) struct ApiKeyMutation;

/// A new key.
#[derive(InputObject)]
struct CreateApiKeyInput {
    /// 1 to 50 characters.
    name: String,
    /// Slugs. You can only give what you may do yourself; without any, the key reads.
    permissions: Vec<String>,
    /// In the future; absent, it works until it is revoked.
    expires_at: Option<DateTime<Utc>>,
}

/// A key that was made.
#[derive(SimpleObject)]
struct CreateApiKeyPayload {
    api_key: ApiKey,
    /// The key itself, this once: it is stored nowhere. `null` when this `idempotencyKey` made it
    /// before.
    key: Option<String>,
    /// One up per event.
    version: i32,
    /// The place of the last event: send it back as `X-Consistency-Token`.
    cursor: CursorText,
}

/// A key after a change.
#[derive(SimpleObject)]
struct ApiKeyPayload {
    api_key: ApiKey,
    /// One up per event.
    version: i32,
    /// The place of the last event: send it back as `X-Consistency-Token`.
    cursor: CursorText,
}

impl ApiKeyPayload {
    fn of(ctx: &Context<'_>, done: &Committed<api_key::ApiKey>) -> Result<Self> {
        ctx.note_visibility(done.visibility);
        let row = written_row(done).ok_or_else(|| not_found("API key"))?;
        Ok(Self { api_key: ApiKey(row), version: version(done.version), cursor: position(ctx, done.cursor) })
    }
}

#[Object]
impl ApiKeyMutation {
    /// Makes a key that acts for you: `Authorization: ApiKey <key>`. A key itself makes none.
    async fn create_api_key(
        &self,
        ctx: &Context<'_>,
        input: CreateApiKeyInput,
        idempotency_key: Option<String>,
    ) -> Result<CreateApiKeyPayload> {
        let slugs = input.permissions.into_iter().map(Permission::try_from);
        let permissions: BTreeSet<Permission> = slugs
            .collect::<Result<_, _>>()
            .map_err(|unknown| refused(ApiKeyError::PermissionUnknown(unknown.0)))?;
        let (name, expires_at) = (parse(input.name)?, input.expires_at.map(stored));
        let create = CreateApiKey { name, permissions, expires_at };
        let made = ctx.app().send(ctx.caller(), create, terms(idempotency_key, None)).await;
        let made = made.map_err(failed)?;
        let ApiKeyPayload { api_key, version, cursor } = ApiKeyPayload::of(ctx, &made.done)?;
        Ok(CreateApiKeyPayload { api_key, key: made.clear, version, cursor })
    }

    /// Ends one of your keys, on every node within a second and on open sockets within five.
    async fn revoke_api_key(
        &self,
        ctx: &Context<'_>,
        id: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<ApiKeyPayload> {
        let id = known(&id).map(ApiKeyId).ok_or_else(|| not_found("API key"))?;
        let terms = terms(idempotency_key, expected_version);
        let done = ctx.app().send(ctx.caller(), RevokeApiKey { id }, terms).await;
        ApiKeyPayload::of(ctx, &done.map_err(failed)?)
    }
}
