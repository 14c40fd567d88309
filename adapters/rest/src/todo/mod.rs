//! Todos in REST: one at a time, and as streams of lines.

mod api;
mod bulk;
mod etag;
mod export;
mod filter;
mod import;
mod text;
mod types;

pub(crate) use api::TodoApi;
pub(crate) use bulk::TodoBulkApi;
