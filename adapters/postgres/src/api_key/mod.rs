//! Keys for machines, as their owners see them.

mod api_key_list;

pub use api_key_list::{ApiKeyListProjection, PgApiKeyList};
