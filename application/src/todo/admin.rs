//! What operators do with the todos of any tenant.

use domain::{
    StreamId, TenantId, TodoId,
    operator::OperatorRole,
    todo::{Todo, TodoCommand, TodoError},
};
use serde::Serialize;

use crate::{
    Access, App, Caller, Command, Committed, Failure, Handle, Order, Outcome, Terms, order::idempotency,
    ports::ReadModel,
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
