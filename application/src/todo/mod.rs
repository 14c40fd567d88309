//! Todos: commands, queries, live changes.

mod admin;
mod changes;
mod commands;
mod past;
mod queries;

pub use admin::{AdminCountTodos, AdminDeleteTodo, AdminTodos};
pub(crate) use changes::topic;
pub use changes::{TodoChange, TodoChangeKind};
pub use commands::{
    ArchiveTodo, AssignTodo, CompleteTodo, CreateTodo, DeleteTodo, ReopenTodo, TagTodo, UntagTodo,
    UpdateTodo, written_row,
};
pub use past::{CountTodosAsOf, TodoPast, TodosAsOf};
pub use queries::{
    CountTodos, ExportTodos, GetTodo, HistoryEntry, ListTodos, SCAN_ROWS, SCAN_SORT, TodoField, TodoFilter,
    TodoHistory, TodoList, TodoPage, TodoRow, TodoScan, TodoScope, TodoSort, TodoStatus, matches,
};
