//! The rows of todos, as queries read them.

use application::{
    BoxError, Edge, Keyset, Member, Page, PageRequest,
    ports::Cursor,
    todo::{
        HistoryEntry, TodoFilter, TodoList, TodoPage, TodoRow, TodoScan, TodoScope, TodoSort, TodoStatus,
    },
};
use async_trait::async_trait;
use cqrs_es::persist::EventUpcaster;
use domain::{
    TagId, TenantId, TodoId, UserId,
    todo::{Priority, Sheet, TodoText},
    upcasters,
};
use tokio_postgres::Row as SqlRow;
use uuid::Uuid;

use super::{
    history,
    order::{field, key, order},
    scan,
};
use crate::{
    keyset::Where,
    readers::{AcrossTenants, TenantReaders},
};

pub(super) const COLUMNS: &str = "tenant_id, owner_id, id, number, text, archived, priority, due_at, assignee_id, tags, \
     completed_at, created_at, updated_at, version, position";

/// The read model in Postgres.
pub struct PgTodoList {
    /// Queries may be served by a replica.
    readers: TenantReaders,
    /// Live changes and history never are; one read of changes serves subscribers of many tenants.
    pub(super) live: AcrossTenants,
    steps: Vec<Box<dyn EventUpcaster>>,
}

impl PgTodoList {
    /// Queries from `readers`, live changes and history from the primary.
    pub fn new(readers: TenantReaders, live: AcrossTenants) -> Self {
        Self { readers, live, steps: upcasters() }
    }
}

#[async_trait]
impl TodoList for PgTodoList {
    async fn get(&self, scope: TodoScope, id: TodoId) -> Result<Option<TodoRow>, BoxError> {
        let mut reader = self.readers.of(scope.tenant()).await?;
        let mut sql = start(&format!("SELECT {COLUMNS} FROM todo_list"), scope);
        let place = sql.bind(id.0);
        sql.push(&format!(" AND id = {place}"));
        Ok(reader.query_opt(&sql.sql, &sql.borrowed()).await?.map(|row| read(&row)))
    }

    async fn rows(&self, todos: &[(Member, TodoId)]) -> Result<Vec<TodoRow>, BoxError> {
        let client = self.live.client().await?;
        let column = |value: fn(&(Member, TodoId)) -> Uuid| todos.iter().map(value).collect::<Vec<_>>();
        let tenants = column(|(of, _)| of.tenant.0);
        let owners = column(|(of, _)| of.user.0);
        let ids = column(|(_, id)| id.0);
        let sql = format!(
            "SELECT {COLUMNS} FROM todo_list WHERE (tenant_id, owner_id, id) \
             IN (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]))"
        );
        let statement = client.prepare_cached(&sql).await?;
        Ok(client.query(&statement, &[&tenants, &owners, &ids]).await?.iter().map(read).collect())
    }

    async fn page(
        &self,
        scope: TodoScope,
        request: &PageRequest<TodoFilter, TodoSort>,
    ) -> Result<TodoPage, BoxError> {
        let mut reader = self.readers.of(scope.tenant()).await?;
        let mut sql = start(&format!("SELECT {COLUMNS} FROM todo_list"), scope);
        sql.push(" AND ");
        sql.filter(&request.filter, &mut field);
        let (expression, cast, direction) = order(request.sort);
        sql.page(expression, cast, direction, &request.window);
        let rows = reader.query(&sql.sql, &sql.borrowed()).await?;
        let edges =
            rows.iter().map(read).map(|row| Edge { key: key(&row, request.sort), node: row }).collect();
        Ok(Page::from_read(edges, &request.window))
    }

    async fn count(&self, scope: TodoScope, filter: &TodoFilter) -> Result<i64, BoxError> {
        let mut reader = self.readers.of(scope.tenant()).await?;
        let mut sql = start("SELECT count(*) FROM todo_list", scope);
        sql.push(" AND ");
        sql.filter(filter, &mut field);
        reader.count(&sql.sql, &sql.borrowed()).await
    }

    async fn scan(
        &self,
        scope: TodoScope,
        filter: TodoFilter,
        after: Option<Keyset>,
    ) -> Result<Box<dyn TodoScan>, BoxError> {
        scan::begin(&self.readers, scope, filter, after).await
    }

    async fn history(
        &self,
        scope: TodoScope,
        id: TodoId,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, BoxError> {
        let client = self.live.client().await?;
        history::read(&client, &self.steps, scope, id, after, limit).await
    }
}

/// A statement of this read model: it cannot be begun without a tenant.
pub(super) fn start(select: &str, scope: TodoScope) -> Where {
    let mut sql = Where::default();
    sql.push(select);
    match scope {
        TodoScope::Own(Member { tenant, user }) => {
            let (tenant, owner) = (sql.bind(tenant.0), sql.bind(user.0));
            sql.push(&format!(" WHERE tenant_id = {tenant} AND owner_id = {owner}"));
        }
        TodoScope::Tenant(tenant) => {
            let tenant = sql.bind(tenant.0);
            sql.push(&format!(" WHERE tenant_id = {tenant}"));
        }
    }
    sql
}

pub(super) fn read(row: &SqlRow) -> TodoRow {
    TodoRow {
        tenant: TenantId(row.get(0)),
        owner: UserId(row.get(1)),
        id: TodoId(row.get(2)),
        number: row.get(3),
        text: row.get(4),
        status: if row.get(5) { TodoStatus::Archived } else { TodoStatus::Active },
        priority: match row.get::<_, i16>(6) {
            0 => Priority::Low,
            2 => Priority::High,
            3 => Priority::Urgent,
            _ => Priority::Normal,
        },
        due_at: row.get(7),
        assignee: row.get::<_, Option<Uuid>>(8).map(UserId),
        tags: row.get::<_, Vec<Uuid>>(9).into_iter().map(TagId).collect(),
        completed_at: row.get(10),
        created_at: row.get(11),
        updated_at: row.get(12),
        version: row.get(13),
    }
}

/// The aggregate's state in a row. A stored text was judged when it was written.
pub(super) fn sheet(row: TodoRow) -> Sheet {
    Sheet {
        tenant: row.tenant,
        owner: row.owner,
        number: row.number,
        text: TodoText::stored(row.text),
        priority: row.priority,
        due_at: row.due_at,
        assignee: row.assignee,
        tags: row.tags,
        completed_at: row.completed_at,
        archived: row.status == TodoStatus::Archived,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}
