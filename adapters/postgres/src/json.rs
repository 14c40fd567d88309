//! JSON to and from Postgres without a detour through a tree.

use application::BoxError;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio_postgres::types::Json;

/// JSON text bound as `jsonb`.
pub(crate) type Raw<'a> = Json<&'a RawValue>;

/// Decodes JSON text.
pub(crate) fn decode<T: DeserializeOwned>(raw: &RawValue) -> Result<T, BoxError> {
    serde_json::from_str(raw.get()).map_err(Into::into)
}
