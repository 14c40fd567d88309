//! Tenants as operators see and manage them.

use adapter_web::{ContextExt, CursorText, failed, problem, relay, relay::PageInfo};
use application::{
    Code, Direction, Failure, Filter, Page, PageRequest, Problem, Test,
    tenant::{
        CountTenants, CreateTenant, GetTenant, ListTenants, ReinstateTenant, SuspendTenant, TenantChanged,
        TenantField, TenantFilter as Which, TenantListing, UpdateTenant,
    },
};
use async_graphql::{Context, Error, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    TenantId,
    tenant::{TenantError, TenantName},
};

use crate::terms::{id, int, kept, page_weight, parse, position, terms, text_like};

#[derive(Default)]
pub(crate) struct TenantQuery;

#[derive(Default)]
pub(crate) struct TenantMutation;

/// A company, or a person's own space.
#[derive(SimpleObject)]
struct Tenant {
    id: ID,
    name: String,
    slug: String,
    /// Whether its people may come in.
    active: bool,
    created_at: DateTime<Utc>,
}

impl From<TenantListing> for Tenant {
    fn from(row: TenantListing) -> Self {
        let TenantListing { id, name, slug, active, created_at } = row;
        Self { id: id.to_string().into(), name, slug, active, created_at }
    }
}

/// A tenant in a list.
#[derive(SimpleObject)]
struct TenantEdge {
    cursor: CursorText,
    node: Tenant,
}

/// A page of tenants.
struct TenantConnection {
    page: Page<TenantListing>,
    filter: Which,
    list: &'static str,
}

#[Object]
impl TenantConnection {
    async fn edges(&self, ctx: &Context<'_>) -> Vec<TenantEdge> {
        let cursor = |key| CursorText(ctx.codec().keyset(self.list, key));
        let edges = self.page.edges.iter();
        edges.map(|edge| TenantEdge { cursor: cursor(&edge.key), node: edge.node.clone().into() }).collect()
    }

    async fn nodes(&self) -> Vec<Tenant> {
        self.page.edges.iter().map(|edge| edge.node.clone().into()).collect()
    }

    async fn page_info(&self, ctx: &Context<'_>) -> PageInfo {
        PageInfo::of(&self.page, self.list, ctx.codec())
    }

    /// How many tenants pass the filter.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let count = CountTenants { filter: self.filter.clone() };
        ctx.app().ask(ctx.caller(), count, None).await.map(int).map_err(failed)
    }
}

/// Which tenants: all that is given must hold.
#[derive(InputObject, Default)]
struct TenantFilter {
    /// A pattern with `%` and `_` for name or slug; ASCII letters alike in both cases.
    text_like: Option<String>,
    /// Whether its people may come in.
    active: Option<bool>,
}

impl TenantFilter {
    fn parse(self) -> Result<Which> {
        let mut all = Vec::new();
        if let Some(pattern) = text_like(self.text_like)? {
            let tests =
                [TenantField::Name(Test::Like(pattern.clone())), TenantField::Slug(Test::Like(pattern))];
            all.push(Filter::Any(tests.map(Filter::Field).into()));
        }
        all.extend(self.active.map(|active| Filter::Field(TenantField::Active(Test::Eq(active)))));
        Ok(Filter::All(all))
    }
}

#[Object]
impl TenantQuery {
    /// All tenants, newest first.
    #[graphql(complexity = "page_weight(first, last, child_complexity)")]
    async fn tenants(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<CursorText>,
        last: Option<i32>,
        before: Option<CursorText>,
        filter: Option<TenantFilter>,
    ) -> Result<TenantConnection> {
        let list = "tenants";
        let filter = filter.unwrap_or_default().parse()?;
        let window = relay::window(ctx, list, first, after, last, before)?;
        let request = PageRequest { filter: filter.clone(), sort: Direction::Desc, window };
        let page = ctx.app().ask(ctx.caller(), ListTenants { request }, ctx.after()).await.map_err(failed)?;
        Ok(TenantConnection { page, filter, list })
    }

    /// One tenant.
    async fn tenant(&self, ctx: &Context<'_>, #[graphql(name = "id")] of: ID) -> Result<Option<Tenant>> {
        let get = GetTenant { id: TenantId(id(&of, "id")?) };
        let row = ctx.app().ask(ctx.caller(), get, ctx.after()).await.map_err(failed)?;
        Ok(row.map(Tenant::from))
    }
}

/// What a new tenant is called.
#[derive(InputObject)]
struct CreateTenantInput {
    /// 1 to 100 characters, not blank.
    name: String,
    /// Lower-case letters, digits and hyphens; from the name when absent.
    slug: Option<String>,
}

/// What is to change; what is absent stays.
#[derive(InputObject)]
struct UpdateTenantInput {
    name: MaybeUndefined<String>,
    slug: MaybeUndefined<String>,
}

/// A tenant after a change.
#[derive(SimpleObject)]
struct TenantPayload {
    tenant: Tenant,
    /// One up per event.
    version: i32,
    /// The place of the last event: send it back as `X-Consistency-Token`.
    cursor: CursorText,
}

impl TenantPayload {
    fn of(ctx: &Context<'_>, done: Result<TenantChanged, Failure<TenantError>>) -> Result<Self> {
        let done = done.map_err(|failure| refused(failure.into()))?;
        ctx.note_visibility(done.visibility);
        let (version, cursor) = (int(done.version), position(ctx, done.cursor));
        Ok(Self { tenant: done.tenant.into(), version, cursor })
    }
}

/// The fields here are called otherwise than those of a registration.
fn refused(of: Problem) -> Error {
    match of.code {
        Code::AlreadyExists => problem(of.of_field("slug")),
        Code::ValidationFailed if of.field == Some("tenantName") => problem(of.of_field("name")),
        _ => problem(Problem { field: of.field.filter(|field| *field != "tenantName"), ..of }),
    }
}

fn name(raw: String) -> Result<TenantName> {
    raw.try_into().map_err(|error: TenantError| refused(error.into()))
}

#[Object]
impl TenantMutation {
    /// Makes a tenant, with nobody in it yet: `inviteOwner` asks its first Owner.
    async fn create_tenant(
        &self,
        ctx: &Context<'_>,
        input: CreateTenantInput,
        idempotency_key: Option<String>,
    ) -> Result<TenantPayload> {
        let create = CreateTenant { name: name(input.name)?, slug: input.slug.map(parse).transpose()? };
        let terms = terms(idempotency_key, None);
        TenantPayload::of(ctx, ctx.app().send(ctx.caller(), create, terms).await)
    }

    /// Gives a tenant another name or slug.
    async fn update_tenant(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "id")] of: ID,
        input: UpdateTenantInput,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<TenantPayload> {
        let update = UpdateTenant {
            tenant: TenantId(id(&of, "id")?),
            name: kept(input.name, "name")?.map(name).transpose()?,
            slug: kept(input.slug, "slug")?.map(parse).transpose()?,
        };
        let terms = terms(idempotency_key, expected_version);
        TenantPayload::of(ctx, ctx.app().send(ctx.caller(), update, terms).await)
    }

    /// Keeps all its people out: nobody signs in, and live tokens stop working.
    async fn suspend_tenant(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "id")] of: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<TenantPayload> {
        let suspend = SuspendTenant { tenant: TenantId(id(&of, "id")?) };
        let terms = terms(idempotency_key, expected_version);
        TenantPayload::of(ctx, ctx.app().send(ctx.caller(), suspend, terms).await)
    }

    /// Lets its people in again.
    async fn reinstate_tenant(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "id")] of: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<TenantPayload> {
        let reinstate = ReinstateTenant { tenant: TenantId(id(&of, "id")?) };
        let terms = terms(idempotency_key, expected_version);
        TenantPayload::of(ctx, ctx.app().send(ctx.caller(), reinstate, terms).await)
    }
}
