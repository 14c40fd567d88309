//! What can be asked about people.

use std::sync::Arc;

use adapter_web::{ContextExt, failed};
use application::user::Me;
use async_graphql::{Context, Object, Result};

use super::User;
use crate::terms::not_found;

#[derive(Default)]
pub(crate) struct PersonQuery;

#[Object]
impl PersonQuery {
    /// The person who asks.
    async fn me(&self, ctx: &Context<'_>) -> Result<User> {
        let row = ctx.app().ask(ctx.caller(), Me, ctx.after()).await.map_err(failed)?;
        row.map(|row| User(Arc::new(row))).ok_or_else(|| not_found("user"))
    }
}
