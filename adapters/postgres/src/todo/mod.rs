//! The read model of todos: rows and changes.

mod changes;
mod order;
mod rows;
mod todo_list;

pub use rows::PgTodoList;
pub use todo_list::TodoListProjection;
pub(crate) use todo_list::ids;
