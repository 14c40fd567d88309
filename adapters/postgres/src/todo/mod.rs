//! The read model of todos: their rows, their changes, their history.

mod changes;
mod history;
mod order;
mod past;
mod rows;
mod scan;
mod store;
mod stored;
mod todo_list;
mod versions;

pub use changes::TodoChangesProjection;
pub use past::PgTodoPast;
pub use rows::PgTodoList;
pub use todo_list::TodoListProjection;
pub(crate) use todo_list::ids;
pub use versions::TodoVersionsProjection;
