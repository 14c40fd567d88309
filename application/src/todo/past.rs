//! Todos of a tenant as they were at a place of the log, for operators.

use async_trait::async_trait;
use domain::{TenantId, operator::OperatorRole};

use super::{TodoFilter, TodoPage, TodoSort};
use crate::{
    Access, Answer, Answered, App, BoxError, Caller, Failure, PageRequest, Query,
    ports::{Cursor, ReadModel},
};

/// The read model of todos as they were.
#[async_trait]
pub trait TodoPast: Send + Sync + 'static {
    /// A page of a tenant's list as it was at a place.
    async fn page(
        &self,
        tenant: TenantId,
        at: Cursor,
        request: &PageRequest<TodoFilter, TodoSort>,
    ) -> Result<TodoPage, BoxError>;
    /// How many there were.
    async fn count(&self, tenant: TenantId, at: Cursor, filter: &TodoFilter) -> Result<i64, BoxError>;
}

/// A page of a tenant's todos as they were at a place.
#[derive(Debug, Clone)]
pub struct TodosAsOf {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Where in the log.
    pub at: Cursor,
    /// Which, and which of them.
    pub request: PageRequest<TodoFilter, TodoSort>,
}

/// How many there were.
#[derive(Debug, Clone)]
pub struct CountTodosAsOf {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Where in the log.
    pub at: Cursor,
    /// Which todos.
    pub filter: TodoFilter,
}

impl Query for TodosAsOf {
    type Answer = TodoPage;
    const NAME: &'static str = "todo.list_as_of";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[ReadModel::TodoVersions];
    fn about(&self) -> Option<String> {
        Some(format!("{} at {}", self.tenant, self.at.position))
    }
}

impl Answer<TodosAsOf> for App {
    async fn answer(&self, _: &Caller, query: TodosAsOf) -> Answered<TodosAsOf> {
        self.todo_past.page(query.tenant, query.at, &query.request).await.map_err(Failure::Unavailable)
    }
}

impl Query for CountTodosAsOf {
    type Answer = i64;
    const NAME: &'static str = "todo.count_as_of";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[ReadModel::TodoVersions];
    // The count of a connection: the page beside it is written down.
    const NOTED: bool = false;
}

impl Answer<CountTodosAsOf> for App {
    async fn answer(&self, _: &Caller, query: CountTodosAsOf) -> Answered<CountTodosAsOf> {
        self.todo_past.count(query.tenant, query.at, &query.filter).await.map_err(Failure::Unavailable)
    }
}
