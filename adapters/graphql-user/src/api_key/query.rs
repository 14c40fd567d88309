//! What can be asked about keys.

use adapter_web::{ContextExt, failed};
use application::api_key::ListApiKeys;
use async_graphql::{Context, Object, Result};

use super::types::ApiKey;

#[derive(Default)]
pub(crate) struct ApiKeyQuery;

#[Object]
impl ApiKeyQuery {
    /// Your own keys, at most 100: those that are not revoked first, then the newest.
    async fn api_keys(&self, ctx: &Context<'_>) -> Result<Vec<ApiKey>> {
        let rows = ctx.app().ask(ctx.caller(), ListApiKeys, ctx.after()).await.map_err(failed)?;
        Ok(rows.into_iter().map(ApiKey).collect())
    }
}
