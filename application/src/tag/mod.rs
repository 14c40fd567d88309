//! Tags: commands and queries.

mod commands;
mod queries;

pub use commands::{CreateTag, DeleteTag, UpdateTag, written_row};
pub use queries::{CountTags, GetTag, ListTags, TagField, TagFilter, TagList, TagRow, TagSort, TagsById};
