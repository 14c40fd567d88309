//! The people of a tenant: list, invite, suspend, reinstate.

use adapter_web::{ContextExt, CursorText, failed, limited, refused, relay};
use application::{
    PageRequest,
    user::{AcceptInvitation, InviteUser, ListPeople, ReinstateUser, SuspendUser},
};
use async_graphql::{Context, ID, InputObject, Object, Result};
use domain::{
    role::{RoleRef, SystemRole},
    user::UserError,
};

use super::{
    account::UserPayload,
    connection::UserConnection,
    filter::{UserFilterInput, UserSortInput},
};
use crate::terms::{page_weight, parse, person, terms};

#[derive(Default)]
pub(crate) struct AdministrationQuery;

#[derive(Default)]
pub(crate) struct AdministrationMutation;

/// Who is asked to join.
#[derive(InputObject)]
struct InviteUserInput {
    /// Where the invitation goes.
    email: String,
    /// Whom it greets.
    fullname: String,
    /// Names of roles that every tenant has, or ids of your tenant's own; `Member` when absent.
    roles: Option<Vec<String>>,
}

/// Who follows an invitation.
#[derive(InputObject)]
struct AcceptInvitationInput {
    /// From the mail; it works once, for 7 days.
    token: String,
    /// Letters, digits and underscores.
    username: String,
    /// 8 to 128 characters, with an upper-case letter and a digit.
    password: String,
    /// When the invitation has it wrong.
    fullname: Option<String>,
}

/// Roles by their names or ids, each once.
fn roles(named: Option<Vec<String>>) -> Result<Vec<RoleRef>> {
    let Some(named) = named else { return Ok(vec![SystemRole::Member.into()]) };
    let parsed = named.iter().map(|role| role.parse()).collect::<std::result::Result<Vec<_>, _>>();
    let mut roles: Vec<RoleRef> = parsed.map_err(|_| refused(UserError::RoleUnknown))?;
    roles.sort_unstable();
    roles.dedup();
    Ok(roles)
}

#[Object]
impl AdministrationQuery {
    /// The people of your tenant, newest first unless you say otherwise.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Relay connection")]
    #[graphql(complexity = "page_weight(first, last, child_complexity)")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<CursorText>,
        last: Option<i32>,
        before: Option<CursorText>,
        filter: Option<UserFilterInput>,
        sort: Option<UserSortInput>,
    ) -> Result<UserConnection> {
        let sort = UserSortInput::order(sort);
        let of_list = format!("users {sort:?}");
        let filter = filter.unwrap_or_default().parse()?;
        let window = relay::window(ctx, &of_list, first, after, last, before)?;
        let request = PageRequest { filter: filter.clone(), sort, window };
        let page = ctx.app().ask(ctx.caller(), ListPeople { request }, ctx.after()).await.map_err(failed)?;
        Ok(UserConnection::new(page, filter, of_list))
    }
}

#[Object]
impl AdministrationMutation {
    /// Asks somebody to join your tenant, by a mail. Whoever was invited already gets a new mail,
    /// and the one before works no longer. You can only give roles that allow no more than yours.
    async fn invite_user(
        &self,
        ctx: &Context<'_>,
        input: InviteUserInput,
        idempotency_key: Option<String>,
    ) -> Result<UserPayload> {
        let invite = InviteUser {
            email: parse(input.email)?,
            fullname: parse(input.fullname)?,
            roles: roles(input.roles)?,
        };
        let done =
            ctx.app().send(ctx.caller(), invite, terms(idempotency_key, None)).await.map_err(failed)?;
        Ok(UserPayload::of(ctx, done))
    }

    /// Makes you a user of the tenant that invited you. Sign in next.
    #[graphql(directive = limited::apply())]
    async fn accept_invitation(
        &self,
        ctx: &Context<'_>,
        input: AcceptInvitationInput,
        idempotency_key: Option<String>,
    ) -> Result<UserPayload> {
        let accept = AcceptInvitation {
            token: input.token,
            username: parse(input.username)?,
            password: parse(input.password)?,
            fullname: input.fullname.map(parse).transpose()?,
        };
        let done =
            ctx.app().send(ctx.caller(), accept, terms(idempotency_key, None)).await.map_err(failed)?;
        Ok(UserPayload::of(ctx, done))
    }

    /// Keeps a person of your tenant out and ends all sessions; withdraws an invitation.
    async fn suspend_user(
        &self,
        ctx: &Context<'_>,
        id: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<UserPayload> {
        let suspend = SuspendUser { user: person(&id)? };
        let terms = terms(idempotency_key, expected_version);
        let done = ctx.app().send(ctx.caller(), suspend, terms).await.map_err(failed)?;
        Ok(UserPayload::of(ctx, done))
    }

    /// Lets a person of your tenant in again.
    async fn reinstate_user(
        &self,
        ctx: &Context<'_>,
        id: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<UserPayload> {
        let reinstate = ReinstateUser { user: person(&id)? };
        let terms = terms(idempotency_key, expected_version);
        let done = ctx.app().send(ctx.caller(), reinstate, terms).await.map_err(failed)?;
        Ok(UserPayload::of(ctx, done))
    }
}
