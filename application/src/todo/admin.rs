//! What operators do with the todos of any tenant.

use domain::{
    StreamId, TenantId, TodoId,
    operator::OperatorRole,
    todo::{Todo, TodoCommand, TodoError},
};
use serde::Serialize;

use super::{TodoFilter, TodoPage, TodoScope, TodoSort};
use crate::{
    Access, Answer, Answered, App, Caller, Command, Committed, Failure, Handle, Order, Outcome, PageRequest,
    Query, Terms, order::idempotency, ports::ReadModel,
};

/// Takes a todo away from whoever owns it, for ever.
#[derive(Debug, Clone, Serialize)]
pub struct AdminDeleteTodo {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Which.
    pub id: TodoId,
}

impl Command for AdminDeleteTodo {
    type Output = Committed<Todo>;
    type Rejection = TodoError;
    const NAME: &'static str = "todo.admin_delete";
    const ACCESS: Access = Access::Operator(OperatorRole::Operations);
    const SHOWN_IN: &'static [ReadModel] = &[ReadModel::TodoList];
}

impl Handle<AdminDeleteTodo> for App {
    async fn handle(
        &self,
        caller: &Caller,
        delete: AdminDeleteTodo,
        terms: Terms,
    ) -> Outcome<AdminDeleteTodo> {
        let (stream, name) = (StreamId::within(delete.tenant, delete.id.0), AdminDeleteTodo::NAME);
        let (_, todo) = self.todos.load_cached(&stream).await?;
        if todo.sheet().is_none() {
            return Err(Failure::Rejected(TodoError::NotFound));
        }
        let key = idempotency(caller, name, &delete, &terms);
        let intent = TodoCommand::Delete;
        let order = Order { stream, intent, caller, name, terms: &terms, key, at: self.clock.now() };
        self.todos.execute(order).await
    }
}

/// All todos of a tenant, for operators.
#[derive(Debug, Clone)]
pub struct AdminTodos {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Which, and which of them.
    pub request: PageRequest<TodoFilter, TodoSort>,
}

/// How many todos of a tenant pass a filter, for operators.
#[derive(Debug, Clone)]
pub struct AdminCountTodos {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Which todos.
    pub filter: TodoFilter,
}

impl Query for AdminTodos {
    type Answer = TodoPage;
    const NAME: &'static str = "todo.admin_list";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[ReadModel::TodoList];
    fn about(&self) -> Option<String> {
        Some(self.tenant.to_string())
    }
}

impl Answer<AdminTodos> for App {
    async fn answer(&self, _: &Caller, query: AdminTodos) -> Answered<AdminTodos> {
        let scope = TodoScope::Tenant(query.tenant);
        self.todo_list.page(scope, &query.request).await.map_err(Failure::Unavailable)
    }
}

impl Query for AdminCountTodos {
    type Answer = i64;
    const NAME: &'static str = "todo.admin_count";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[ReadModel::TodoList];
    // The count of a connection: the page beside it is written down.
    const NOTED: bool = false;
}

impl Answer<AdminCountTodos> for App {
    async fn answer(&self, _: &Caller, query: AdminCountTodos) -> Answered<AdminCountTodos> {
        let scope = TodoScope::Tenant(query.tenant);
        self.todo_list.count(scope, &query.filter).await.map_err(Failure::Unavailable)
    }
}
