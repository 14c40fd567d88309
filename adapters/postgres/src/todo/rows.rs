//! The rows of todos: loaded and stored by the projection, read by queries.

use std::collections::HashMap;

use application::{
    BoxError, Edge, Member, Page, PageRequest,
    ports::Cursor,
    todo::{HistoryEntry, TodoFilter, TodoList, TodoPage, TodoRow, TodoScope, TodoSort, TodoStatus},
};
use async_trait::async_trait;
use deadpool_postgres::Transaction;
use domain::{
    Actor, OperatorId, TagId, TenantId, TodoId, UserId,
    todo::{Priority, Sheet, Todo, TodoText},
};
use tokio_postgres::{Row as SqlRow, types::ToSql};
use uuid::Uuid;

use super::order::{field, key, order, priority_to_sql};
use crate::{
    keyset::Where,
    readers::{AcrossTenants, TenantReaders},
};

/// A row while a batch moves it on.
#[derive(Default)]
pub(super) struct Row {
    pub(super) todo: Todo,
    pub(super) version: i64,
    pub(super) position: i64,
    pub(super) touched: bool,
}

const COLUMNS: &str = "tenant_id, owner_id, id, number, text, archived, priority, due_at, assignee_id, tags, \
     completed_at, created_at, updated_at, version, position";

type Result<T> = std::result::Result<T, tokio_postgres::Error>;

/// The rows of these todos, as they are before a batch.
pub(super) async fn load(
    tx: &Transaction<'_>,
    keys: impl Iterator<Item = (TenantId, TodoId)>,
) -> Result<HashMap<(TenantId, TodoId), Row>> {
    let (tenants, ids): (Vec<Uuid>, Vec<Uuid>) = keys.map(|(tenant, id)| (tenant.0, id.0)).unzip();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM todo_list WHERE (tenant_id, id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))"
    );
    let statement = tx.prepare_cached(&sql).await?;
    let rows = tx.query(&statement, &[&tenants, &ids]).await?;
    Ok(rows
        .iter()
        .map(|sql_row| {
            let row = read(sql_row);
            let (version, position) = (row.version, sql_row.get(14));
            ((row.tenant, row.id), Row { todo: Todo::Written(sheet(row)), version, position, touched: false })
        })
        .collect())
}

const UPSERT: &str = "INSERT INTO todo_list AS t (tenant_id, owner_id, id, number, text, archived, priority, due_at, \
     assignee_id, tags, completed_at, created_at, updated_at, version, position) \
     SELECT n, o, i, num, txt, arch, prio, due, ass, string_to_array(tags, ',')::uuid[], done, cre, upd, ver, pos \
     FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::bool[], $7::smallint[], \
       $8::timestamptz[], $9::uuid[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], \
       $14::bigint[], $15::bigint[]) \
       AS u (n, o, i, num, txt, arch, prio, due, ass, tags, done, cre, upd, ver, pos) \
     ON CONFLICT (tenant_id, id) DO UPDATE SET number = excluded.number, text = excluded.text, \
       archived = excluded.archived, priority = excluded.priority, due_at = excluded.due_at, \
       assignee_id = excluded.assignee_id, tags = excluded.tags, completed_at = excluded.completed_at, \
       updated_at = excluded.updated_at, version = excluded.version, position = excluded.position \
     WHERE t.version < excluded.version";

/// Writes the rows that a batch moved on, and removes those of todos that are gone.
pub(super) async fn store(tx: &Transaction<'_>, rows: &HashMap<(TenantId, TodoId), Row>) -> Result<()> {
    let mut written: Vec<(TodoId, &Sheet, &Row)> = Vec::with_capacity(rows.len());
    let (mut gone_tenants, mut gone_ids) = (Vec::new(), Vec::new());
    for ((tenant, id), row) in rows.iter().filter(|(_, row)| row.touched) {
        match &row.todo {
            Todo::Written(sheet) => written.push((*id, sheet, row)),
            Todo::Deleted(_) => {
                gone_tenants.push(tenant.0);
                gone_ids.push(id.0);
            }
            Todo::Unwritten => {}
        }
    }
    if !gone_ids.is_empty() {
        let sql =
            "DELETE FROM todo_list WHERE (tenant_id, id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))";
        tx.execute(sql, &[&gone_tenants, &gone_ids]).await?;
    }
    if written.is_empty() {
        return Ok(());
    }
    macro_rules! column {
        (|$id:ident, $sheet:ident, $row:ident| $value:expr) => {
            &written
                .iter()
                .map(|($id, $sheet, $row)| {
                    let _ = ($id, $sheet, $row);
                    $value
                })
                .collect::<Vec<_>>()
        };
    }
    let statement = tx.prepare_cached(UPSERT).await?;
    let params: [&(dyn ToSql + Sync); 15] = [
        column!(|id, sheet, row| sheet.tenant.0),
        column!(|id, sheet, row| sheet.owner.0),
        column!(|id, sheet, row| id.0),
        column!(|id, sheet, row| sheet.number),
        column!(|id, sheet, row| sheet.text.as_str()),
        column!(|id, sheet, row| sheet.archived),
        column!(|id, sheet, row| priority_to_sql(sheet.priority)),
        column!(|id, sheet, row| sheet.due_at),
        column!(|id, sheet, row| sheet.assignee.map(|user| user.0)),
        column!(|id, sheet, row| sheet
            .tags
            .iter()
            .map(|tag| tag.0.to_string())
            .collect::<Vec<_>>()
            .join(",")),
        column!(|id, sheet, row| sheet.completed_at),
        column!(|id, sheet, row| sheet.created_at),
        column!(|id, sheet, row| sheet.updated_at),
        column!(|id, sheet, row| row.version),
        column!(|id, sheet, row| row.position),
    ];
    tx.execute(&statement, &params).await?;
    Ok(())
}

/// The read model in Postgres.
pub struct PgTodoList {
    /// Queries may be served by a replica.
    readers: TenantReaders,
    /// Live changes never are, and one read serves subscribers of many tenants.
    pub(super) live: AcrossTenants,
}

impl PgTodoList {
    /// Queries from `readers`, live changes from the primary.
    pub fn new(readers: TenantReaders, live: AcrossTenants) -> Self {
        Self { readers, live }
    }
}

#[async_trait]
impl TodoList for PgTodoList {
    async fn get(&self, scope: TodoScope, id: TodoId) -> std::result::Result<Option<TodoRow>, BoxError> {
        let mut reader = self.readers.of(scope.tenant()).await?;
        let mut sql = start(&format!("SELECT {COLUMNS} FROM todo_list"), scope);
        let place = sql.bind(id.0);
        sql.push(&format!(" AND id = {place}"));
        Ok(reader.query_opt(&sql.sql, &sql.borrowed()).await?.map(|row| read(&row)))
    }

    async fn rows(&self, todos: &[(Member, TodoId)]) -> std::result::Result<Vec<TodoRow>, BoxError> {
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
    ) -> std::result::Result<TodoPage, BoxError> {
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

    async fn count(&self, scope: TodoScope, filter: &TodoFilter) -> std::result::Result<i64, BoxError> {
        let mut reader = self.readers.of(scope.tenant()).await?;
        let mut sql = start("SELECT count(*) FROM todo_list", scope);
        sql.push(" AND ");
        sql.filter(filter, &mut field);
        reader.count(&sql.sql, &sql.borrowed()).await
    }

    async fn history(
        &self,
        scope: TodoScope,
        id: TodoId,
        after: Option<Cursor>,
        limit: usize,
    ) -> std::result::Result<Vec<HistoryEntry>, BoxError> {
        let mut reader = self.readers.of(scope.tenant()).await?;
        let columns =
            "SELECT tx_id::text, position, event_type, at, actor_kind, actor_id, version FROM todo_changes";
        let mut sql = start(columns, scope);
        let after = after.unwrap_or_default();
        let (place, position) = (sql.bind(id.0), sql.bind(after.position));
        let (tx, limit) = (sql.bind(after.tx.to_string()), sql.bind(i64::try_from(limit)?));
        sql.push(&format!(
            " AND todo_id = {place} AND (tx_id, position) > ({tx}::text::xid8, {position}::bigint) \
             ORDER BY version LIMIT {limit}"
        ));
        reader
            .query(&sql.sql, &sql.borrowed())
            .await?
            .iter()
            .map(|row| {
                let actor: Option<Uuid> = row.try_get(5)?;
                Ok(HistoryEntry {
                    cursor: Cursor { tx: row.try_get::<_, &str>(0)?.parse()?, position: row.try_get(1)? },
                    event_type: row.try_get(2)?,
                    at: row.try_get(3)?,
                    by: match (row.try_get::<_, &str>(4)?, actor) {
                        ("user", Some(id)) => Actor::User(UserId(id)),
                        ("operator", Some(id)) => Actor::Operator(OperatorId(id)),
                        _ => Actor::System,
                    },
                    version: row.try_get(6)?,
                })
            })
            .collect()
    }
}

/// A statement of this read model: it cannot be begun without a tenant.
fn start(select: &str, scope: TodoScope) -> Where {
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

fn read(row: &SqlRow) -> TodoRow {
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
fn sheet(row: TodoRow) -> Sheet {
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
