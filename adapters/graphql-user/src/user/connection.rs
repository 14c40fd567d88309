//! A page of people.

use std::sync::Arc;

use adapter_web::{ContextExt, CursorText, failed, relay::PageInfo};
use application::{
    Edge, Page,
    user::{CountPeople, PersonFilter, PersonRow},
};
use async_graphql::{Context, Object, Result, SimpleObject};

use super::User;
use crate::terms;

/// A person in a list.
#[derive(SimpleObject)]
pub(crate) struct UserEdge {
    cursor: CursorText,
    node: User,
}

/// A page of people.
pub(crate) struct UserConnection {
    page: Page<Arc<PersonRow>>,
    filter: PersonFilter,
    list: String,
}

impl UserConnection {
    pub(crate) fn new(page: Page<PersonRow>, filter: PersonFilter, list: String) -> Self {
        let edges = page.edges.into_iter();
        let edges = edges.map(|edge| Edge { key: edge.key, node: Arc::new(edge.node) }).collect();
        Self { page: Page { edges, has_next: page.has_next, has_previous: page.has_previous }, filter, list }
    }
}

#[Object]
impl UserConnection {
    async fn edges(&self, ctx: &Context<'_>) -> Vec<UserEdge> {
        let text = |key| CursorText(ctx.codec().keyset(&self.list, key));
        let edges = self.page.edges.iter();
        edges.map(|edge| UserEdge { cursor: text(&edge.key), node: User(Arc::clone(&edge.node)) }).collect()
    }

    async fn nodes(&self) -> Vec<User> {
        self.page.edges.iter().map(|edge| User(Arc::clone(&edge.node))).collect()
    }

    async fn page_info(&self, ctx: &Context<'_>) -> PageInfo {
        PageInfo::of(&self.page, &self.list, ctx.codec())
    }

    /// How many people pass the filter.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let count = CountPeople { filter: self.filter.clone() };
        ctx.app().ask(ctx.caller(), count, None).await.map(terms::version).map_err(failed)
    }
}
