//! The list of todos as it was at a place of the log.

use application::{
    BoxError, Edge, Page, PageRequest,
    ports::Cursor,
    todo::{TodoFilter, TodoPage, TodoPast, TodoSort},
};
use async_trait::async_trait;
use domain::TenantId;

use super::{
    order::{field, key, order},
    rows::{COLUMNS, read},
};
use crate::{keyset::Where, readers::TenantReaders, versions};

/// What may change of a todo, and what does not but for its time and id.
const REST: &str = "tenant_id, owner_id, number, text, archived, priority, due_at, assignee_id, tags, completed_at, \
     updated_at, version, position, deleted";

/// The versions in Postgres.
pub struct PgTodoPast {
    readers: TenantReaders,
}

impl PgTodoPast {
    /// Queries from `readers`.
    pub fn new(readers: TenantReaders) -> Self {
        Self { readers }
    }
}

#[async_trait]
impl TodoPast for PgTodoPast {
    async fn page(
        &self,
        tenant: TenantId,
        at: Cursor,
        request: &PageRequest<TodoFilter, TodoSort>,
    ) -> Result<TodoPage, BoxError> {
        let mut reader = self.readers.of(tenant).await?;
        let mut sql = start(COLUMNS, tenant, at);
        sql.filter(&request.filter, &mut field);
        let (expression, cast, direction) = order(request.sort);
        sql.page(expression, cast, direction, &request.window);
        let rows = reader.query(&sql.sql, &sql.borrowed()).await?;
        let edges =
            rows.iter().map(read).map(|row| Edge { key: key(&row, request.sort), node: row }).collect();
        Ok(Page::from_read(edges, &request.window))
    }

    async fn count(&self, tenant: TenantId, at: Cursor, filter: &TodoFilter) -> Result<i64, BoxError> {
        let mut reader = self.readers.of(tenant).await?;
        let mut sql = start("count(*)", tenant, at);
        sql.filter(filter, &mut field);
        reader.count(&sql.sql, &sql.borrowed()).await
    }
}

fn start(select: &str, tenant: TenantId, at: Cursor) -> Where {
    let mut sql = versions::newest(select, "todo_versions", REST, tenant, at);
    sql.push(" WHERE NOT deleted AND ");
    sql
}
