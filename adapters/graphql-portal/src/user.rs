//! People as operators see them: all of a tenant.

use adapter_web::{ContextExt, CursorText, failed, relay, relay::PageInfo};
use application::{
    Direction, Failure, Filter, Page, PageRequest, Test,
    ports::Cursor,
    tenant::{CountPeopleOfTenant, PeopleOfTenant},
    user::{
        CountPeopleAsOf, EraseUser, InviteOwner, PeopleAsOf, PersonChanged, PersonField, PersonFilter,
        PersonRow, PersonSort, PersonStatus, ReinstateUserOfTenant, ResetTwoFactorOfTenant,
        SuspendUserOfTenant,
    },
};
use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{TenantId, UserId, user::UserError};

use crate::audit::{AsOf, shown_at};
use crate::terms::{id, int, page_weight, parse, position, terms, text_like};

#[derive(Default)]
pub(crate) struct UserQuery;

#[derive(Default)]
pub(crate) struct UserMutation;

/// Whether a person may sign in.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "PersonStatus")]
enum UserStatus {
    /// The e-mail address is not verified yet.
    Inactive,
    /// May sign in.
    Active,
    /// May not.
    Suspended,
}

/// A person of a tenant, as operators see one.
#[derive(SimpleObject)]
struct User {
    id: ID,
    tenant_id: ID,
    fullname: String,
    username: String,
    email: String,
    status: UserStatus,
    /// The names of the person's roles.
    roles: Vec<String>,
    created_at: DateTime<Utc>,
}

impl From<&PersonRow> for User {
    fn from(row: &PersonRow) -> Self {
        Self {
            id: row.id.to_string().into(),
            tenant_id: row.tenant.id.to_string().into(),
            fullname: row.fullname.clone(),
            username: row.username.clone(),
            email: row.email.clone(),
            status: row.status.into(),
            roles: row.roles.clone(),
            created_at: row.created_at,
        }
    }
}

/// A person in a list.
#[derive(SimpleObject)]
struct UserEdge {
    cursor: CursorText,
    node: User,
}

/// A page of people.
struct UserConnection {
    page: Page<PersonRow>,
    tenant: TenantId,
    filter: PersonFilter,
    as_of: Option<Cursor>,
    list: &'static str,
}

#[Object]
impl UserConnection {
    async fn edges(&self, ctx: &Context<'_>) -> Vec<UserEdge> {
        let cursor = |key| CursorText(ctx.codec().keyset(self.list, key));
        let edges = self.page.edges.iter();
        edges.map(|edge| UserEdge { cursor: cursor(&edge.key), node: (&edge.node).into() }).collect()
    }

    async fn nodes(&self) -> Vec<User> {
        self.page.edges.iter().map(|edge| (&edge.node).into()).collect()
    }

    async fn page_info(&self, ctx: &Context<'_>) -> PageInfo {
        PageInfo::of(&self.page, self.list, ctx.codec())
    }

    /// How many people pass the filter.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let (tenant, filter) = (self.tenant, self.filter.clone());
        let counted = match self.as_of {
            Some(at) => ctx.app().ask(ctx.caller(), CountPeopleAsOf { tenant, at, filter }, None).await,
            None => ctx.app().ask(ctx.caller(), CountPeopleOfTenant { tenant, filter }, None).await,
        };
        counted.map(int).map_err(failed)
    }
}

/// Which people: all that is given must hold.
#[derive(InputObject, Default)]
struct UserFilter {
    /// A pattern with `%` and `_` for full name, username or e-mail address; ASCII letters alike in
    /// both cases.
    text_like: Option<String>,
    status: Option<UserStatus>,
}

impl UserFilter {
    fn parse(self) -> Result<PersonFilter> {
        let mut all = Vec::new();
        if let Some(pattern) = text_like(self.text_like)? {
            let like = || Test::Like(pattern.clone());
            let tests =
                [PersonField::Fullname(like()), PersonField::Username(like()), PersonField::Email(like())];
            all.push(Filter::Any(tests.map(Filter::Field).into()));
        }
        all.extend(self.status.map(|status| Filter::Field(PersonField::Status(Test::Eq(status.into())))));
        Ok(Filter::All(all))
    }
}

#[Object]
impl UserQuery {
    /// The people of a tenant, newest first; with `asOf`, as the list was then. Personal data of the
    /// past is shown while the person is not erased.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Relay connection")]
    #[graphql(complexity = "page_weight(first, last, child_complexity)")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        tenant_id: ID,
        first: Option<i32>,
        after: Option<CursorText>,
        last: Option<i32>,
        before: Option<CursorText>,
        filter: Option<UserFilter>,
        as_of: Option<AsOf>,
    ) -> Result<UserConnection> {
        let (tenant, list) = (TenantId(id(&tenant_id, "tenantId")?), "users");
        let filter = filter.unwrap_or_default().parse()?;
        let window = relay::window(ctx, list, first, after, last, before)?;
        let as_of = match as_of {
            Some(as_of) => Some(as_of.place(ctx).await?),
            None => None,
        };
        let page = if let Some(at) = as_of {
            let asked = PeopleAsOf { tenant, at, filter: filter.clone(), window };
            ctx.app().ask(ctx.caller(), asked, shown_at(ctx, at)).await
        } else {
            let sort = PersonSort::CreatedAt(Direction::Desc);
            let request = PageRequest { filter: filter.clone(), sort, window };
            ctx.app().ask(ctx.caller(), PeopleOfTenant { tenant, request }, ctx.after()).await
        };
        Ok(UserConnection { page: page.map_err(failed)?, tenant, filter, as_of, list })
    }
}

/// A person after an operator's change.
#[derive(SimpleObject)]
struct UserPayload {
    user: User,
    /// One up per event.
    version: i32,
    /// The place of the last event: send it back as `X-Consistency-Token`.
    cursor: CursorText,
}

impl UserPayload {
    fn of(ctx: &Context<'_>, done: Result<PersonChanged, Failure<UserError>>) -> Result<Self> {
        let done = done.map_err(failed)?;
        ctx.note_visibility(done.visibility);
        let (version, cursor) = (int(done.version), position(ctx, done.cursor));
        Ok(Self { user: (&done.person).into(), version, cursor })
    }
}

/// Who is to be an Owner.
#[derive(InputObject)]
struct InviteOwnerInput {
    /// Where the invitation goes. Whoever has an account already cannot be invited.
    email: String,
    /// Whom the mail greets.
    fullname: String,
}

/// Somebody was here.
#[derive(SimpleObject)]
struct EraseUserPayload {
    user_id: ID,
    /// One up per event.
    version: i32,
    /// The place of the last event: send it back as `X-Consistency-Token`.
    cursor: CursorText,
}

#[Object]
impl UserMutation {
    /// Keeps a person out: all sessions end.
    async fn suspend_user(
        &self,
        ctx: &Context<'_>,
        tenant_id: ID,
        #[graphql(name = "id")] of: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<UserPayload> {
        let (tenant, user) = (TenantId(id(&tenant_id, "tenantId")?), UserId(id(&of, "id")?));
        let terms = terms(idempotency_key, expected_version);
        let suspend = SuspendUserOfTenant { tenant, user };
        UserPayload::of(ctx, ctx.app().send(ctx.caller(), suspend, terms).await)
    }

    /// Lets a person in again.
    async fn reinstate_user(
        &self,
        ctx: &Context<'_>,
        tenant_id: ID,
        #[graphql(name = "id")] of: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<UserPayload> {
        let (tenant, user) = (TenantId(id(&tenant_id, "tenantId")?), UserId(id(&of, "id")?));
        let terms = terms(idempotency_key, expected_version);
        let reinstate = ReinstateUserOfTenant { tenant, user };
        UserPayload::of(ctx, ctx.app().send(ctx.caller(), reinstate, terms).await)
    }

    /// Takes the second factor of a person away, who lost it and proved who they are; `reason` says
    /// how, and is written into the audit trail. All sessions end, and a mail tells the person.
    /// Without a second factor nothing happens.
    async fn reset_user_two_factor(
        &self,
        ctx: &Context<'_>,
        tenant_id: ID,
        #[graphql(name = "id")] of: ID,
        reason: String,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<UserPayload> {
        let (tenant, user) = (TenantId(id(&tenant_id, "tenantId")?), UserId(id(&of, "id")?));
        let reset = ResetTwoFactorOfTenant { tenant, user, reason: parse(reason)? };
        let terms = terms(idempotency_key, expected_version);
        UserPayload::of(ctx, ctx.app().send(ctx.caller(), reset, terms).await)
    }

    /// Asks somebody by mail to become an Owner of a tenant, as the first one of a tenant that was
    /// made here. Asking again sends another link, and the one before works no longer.
    async fn invite_owner(
        &self,
        ctx: &Context<'_>,
        tenant_id: ID,
        input: InviteOwnerInput,
        idempotency_key: Option<String>,
    ) -> Result<UserPayload> {
        let (email, fullname) = (parse(input.email)?, parse(input.fullname)?);
        let invite = InviteOwner { tenant: TenantId(id(&tenant_id, "tenantId")?), email, fullname };
        UserPayload::of(ctx, ctx.app().send(ctx.caller(), invite, terms(idempotency_key, None)).await)
    }

    /// Erases a person for ever: sessions end, username and address are free again, and the key of
    /// the personal data is destroyed, so that it cannot be read in any copy of the log.
    async fn erase_user(
        &self,
        ctx: &Context<'_>,
        tenant_id: ID,
        #[graphql(name = "id")] of: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<EraseUserPayload> {
        let (tenant, user) = (TenantId(id(&tenant_id, "tenantId")?), UserId(id(&of, "id")?));
        let terms = terms(idempotency_key, expected_version);
        let done = ctx.app().send(ctx.caller(), EraseUser { tenant, user }, terms).await.map_err(failed)?;
        ctx.note_visibility(done.visibility);
        Ok(EraseUserPayload {
            user_id: done.user.to_string().into(),
            version: int(done.version),
            cursor: position(ctx, done.cursor),
        })
    }
}
