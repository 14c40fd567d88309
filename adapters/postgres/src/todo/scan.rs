//! A walk over a person's todos as they all were at one moment.

use application::{
    BoxError, Direction, Edge, Keyset, Window,
    ports::{Cursor, ReadModel},
    todo::{SCAN_ROWS, SCAN_SORT, TodoFilter, TodoRow, TodoScan, TodoScope},
};
use async_trait::async_trait;

use super::{
    order::{field, key, order},
    rows::{COLUMNS, read, start},
};
use crate::readers::{TenantReaders, TenantSnapshot};

/// The walk: pages in one transaction, so that nothing moves under it.
struct Scan {
    snapshot: TenantSnapshot,
    position: Cursor,
    scope: TodoScope,
    filter: TodoFilter,
    after: Option<Keyset>,
    is_over: bool,
}

/// Begins a walk.
pub(super) async fn begin(
    readers: &TenantReaders,
    scope: TodoScope,
    filter: TodoFilter,
    after: Option<Keyset>,
) -> Result<Box<dyn TodoScan>, BoxError> {
    let (snapshot, position) = readers.snapshot(scope.tenant(), ReadModel::TodoList.name()).await?;
    Ok(Box::new(Scan { snapshot, position, scope, filter, after, is_over: false }))
}

#[async_trait]
impl TodoScan for Scan {
    fn position(&self) -> Cursor {
        self.position
    }

    async fn next(&mut self) -> Result<Vec<Edge<TodoRow>>, BoxError> {
        if self.is_over {
            return Ok(Vec::new());
        }
        let mut sql = start(&format!("SELECT {COLUMNS} FROM todo_list"), self.scope);
        sql.push(" AND ");
        sql.filter(&self.filter, &mut field);
        let (expression, cast, direction): (_, _, Direction) = order(SCAN_SORT);
        let window = Window::First(SCAN_ROWS, self.after.take());
        sql.page(expression, cast, direction, &window);
        let mut rows = self.snapshot.query(&sql.sql, &sql.borrowed()).await?;
        // One row more than wanted says that there are more.
        self.is_over = rows.len() <= SCAN_ROWS;
        rows.truncate(SCAN_ROWS);
        let edges: Vec<_> =
            rows.iter().map(read).map(|row| Edge { key: key(&row, SCAN_SORT), node: row }).collect();
        self.after = edges.last().map(|edge| edge.key.clone());
        Ok(edges)
    }
}
