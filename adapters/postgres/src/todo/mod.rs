//! The read model of todos: rows and changes.

mod changes;
mod rows;
mod todo_list;

pub use rows::PgTodoList;
pub(crate) use todo_list::ids;
pub use todo_list::TodoListProjection;
