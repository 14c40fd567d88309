//! Keys for machines: made once, shown once, revoked. How they open is in [`crate::standing`].

mod commands;
mod queries;

pub(crate) use commands::has_the_form_of_a_key;
pub use commands::{CreateApiKey, NewApiKey, RevokeApiKey, written_row};
pub use queries::{ApiKeyList, ApiKeyRow, LISTED_MAX, ListApiKeys};
