//! Who brought whom.

use std::{collections::HashMap, sync::Arc};

use adapter_web::{ContextExt, CursorText, failed, relay, relay::PageInfo};
use application::{
    Direction, Filter, Page, PageRequest,
    user::{
        CountDownline, MyDownline, MyReferralStats, PeopleById, PersonRow, ReferralField, ReferralFilter,
        ReferralRow, ReferralSort,
    },
};
use async_graphql::{Context, Enum, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::UserId;
use tokio::sync::OnceCell;

use super::User;
use crate::{
    filter::{BooleanFilter, DateTimeFilter, fields, too_large},
    tag::SortDirection,
    terms::{self, page_weight},
};

#[derive(Default)]
pub(crate) struct ReferralQuery;

/// Your place in the tree of who brought whom.
#[derive(SimpleObject)]
struct ReferralStats {
    /// Those you brought.
    direct_count: i32,
    /// Those, and all whom they brought.
    total_descendants: i32,
    /// How far below a root you are; 0 when nobody brought you.
    depth: i32,
}

/// Which of those below you.
#[derive(InputObject, Default, Clone)]
#[graphql(name = "ReferralFilter")]
pub(crate) struct ReferralFilterInput {
    /// All of these hold.
    and: Option<Vec<ReferralFilterInput>>,
    /// One of these holds.
    or: Option<Vec<ReferralFilterInput>>,
    /// Whether you brought them yourself.
    direct: Option<BooleanFilter>,
    joined_at: Option<DateTimeFilter>,
}

impl ReferralFilterInput {
    fn parse(self) -> Result<ReferralFilter> {
        self.tree()?.bounded().map_err(too_large)
    }

    fn tree(self) -> Result<ReferralFilter> {
        let mut all: Vec<ReferralFilter> = Vec::new();
        all.extend(fields(self.direct.unwrap_or_default().tests(), ReferralField::Direct));
        all.extend(fields(self.joined_at.unwrap_or_default().tests("joinedAt")?, ReferralField::JoinedAt));
        for part in self.and.unwrap_or_default() {
            all.push(part.tree()?);
        }
        if let Some(parts) = self.or {
            all.push(Filter::Any(parts.into_iter().map(Self::tree).collect::<Result<_>>()?));
        }
        Ok(Filter::All(all))
    }
}

/// By what they are sorted.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReferralSortField {
    JoinedAt,
    /// Those you brought yourself come first when ascending.
    Level,
}

/// In which order; newest first when absent.
#[derive(InputObject, Clone, Copy)]
#[graphql(name = "ReferralSort")]
pub(crate) struct ReferralSortInput {
    field: ReferralSortField,
    #[graphql(default_with = "SortDirection::Asc")]
    direction: SortDirection,
}

impl ReferralSortInput {
    fn order(sort: Option<Self>) -> ReferralSort {
        let Some(Self { field, direction }) = sort else { return ReferralSort::JoinedAt(Direction::Desc) };
        match field {
            ReferralSortField::JoinedAt => ReferralSort::JoinedAt(direction.into()),
            ReferralSortField::Level => ReferralSort::Level(direction.into()),
        }
    }
}

/// The people of one page that belong to the caller's tenant, loaded together when one is asked.
#[derive(Default)]
struct Colleagues {
    ids: Vec<UserId>,
    people: OnceCell<HashMap<UserId, Arc<PersonRow>>>,
}

impl Colleagues {
    async fn person(&self, ctx: &Context<'_>, id: UserId) -> Result<Option<Arc<PersonRow>>> {
        let people = self.people.get_or_try_init(|| async {
            let rows = ctx.app().ask(ctx.caller(), PeopleById { ids: self.ids.clone() }, None).await;
            let rows = rows.map_err(failed)?.into_iter();
            Ok::<_, async_graphql::Error>(rows.map(|row| (row.id, Arc::new(row))).collect())
        });
        Ok(people.await?.get(&id).cloned())
    }
}

/// Somebody below you. Of people of other tenants you see no name.
pub(crate) struct Referral {
    row: Arc<ReferralRow>,
    colleagues: Arc<Colleagues>,
}

#[Object]
impl Referral {
    /// What the person gives to friends.
    async fn referral_code(&self) -> &str {
        &self.row.referral_code
    }

    /// Since when the person is here.
    async fn joined_at(&self) -> DateTime<Utc> {
        self.row.joined_at
    }

    /// How far below you: 1 for those you brought yourself.
    async fn level(&self) -> i32 {
        self.row.level
    }

    /// The person, when of your own tenant.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        if ctx.caller().tenant() != Some(self.row.tenant) {
            return Ok(None);
        }
        Ok(self.colleagues.person(ctx, self.row.user).await?.map(User))
    }
}

/// Somebody in a list.
#[derive(SimpleObject)]
pub(crate) struct ReferralEdge {
    cursor: CursorText,
    node: Referral,
}

/// A page of those below you.
pub(crate) struct ReferralConnection {
    page: Page<Arc<ReferralRow>>,
    colleagues: Arc<Colleagues>,
    filter: ReferralFilter,
    list: String,
}

impl ReferralConnection {
    fn node(&self, row: &Arc<ReferralRow>) -> Referral {
        Referral { row: Arc::clone(row), colleagues: Arc::clone(&self.colleagues) }
    }
}

#[Object]
impl ReferralConnection {
    async fn edges(&self, ctx: &Context<'_>) -> Vec<ReferralEdge> {
        let text = |key| CursorText(ctx.codec().keyset(&self.list, key));
        let edges = self.page.edges.iter();
        edges.map(|edge| ReferralEdge { cursor: text(&edge.key), node: self.node(&edge.node) }).collect()
    }

    async fn nodes(&self) -> Vec<Referral> {
        self.page.edges.iter().map(|edge| self.node(&edge.node)).collect()
    }

    async fn page_info(&self, ctx: &Context<'_>) -> PageInfo {
        PageInfo::of(&self.page, &self.list, ctx.codec())
    }

    /// How many of those below you pass the filter.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let count = CountDownline { filter: self.filter.clone() };
        ctx.app().ask(ctx.caller(), count, None).await.map(terms::version).map_err(failed)
    }
}

#[Object]
impl ReferralQuery {
    /// How many people came through you, and how far below a root you are.
    async fn my_referral_stats(&self, ctx: &Context<'_>) -> Result<ReferralStats> {
        let stats = ctx.app().ask(ctx.caller(), MyReferralStats {}, ctx.after()).await.map_err(failed)?;
        Ok(ReferralStats {
            direct_count: terms::version(stats.direct),
            total_descendants: terms::version(stats.descendants),
            depth: terms::version(stats.depth),
        })
    }

    /// Those who came through you, newest first unless you say otherwise.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Relay connection")]
    #[graphql(complexity = "page_weight(first, last, child_complexity)")]
    async fn my_downline(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<CursorText>,
        last: Option<i32>,
        before: Option<CursorText>,
        filter: Option<ReferralFilterInput>,
        sort: Option<ReferralSortInput>,
    ) -> Result<ReferralConnection> {
        let sort = ReferralSortInput::order(sort);
        let list = format!("myDownline {sort:?}");
        let filter = filter.unwrap_or_default().parse()?;
        let window = relay::window(ctx, &list, first, after, last, before)?;
        let request = PageRequest { filter: filter.clone(), sort, window };
        let page = ctx.app().ask(ctx.caller(), MyDownline { request }, ctx.after()).await.map_err(failed)?;
        let own = ctx.caller().tenant();
        let ids = page.edges.iter().filter(|edge| Some(edge.node.tenant) == own);
        let colleagues = Colleagues { ids: ids.map(|edge| edge.node.user).collect(), ..Default::default() };
        let edges = page.edges.into_iter();
        let edges =
            edges.map(|edge| application::Edge { key: edge.key, node: Arc::new(edge.node) }).collect();
        let page = Page { edges, has_next: page.has_next, has_previous: page.has_previous };
        Ok(ReferralConnection { page, colleagues: Arc::new(colleagues), filter, list })
    }
}
