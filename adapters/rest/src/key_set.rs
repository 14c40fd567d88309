//! The public keys that tokens of this surface can be verified with.

use poem_openapi::{ApiResponse, OpenApi, payload::Json};
use serde_json::Value;

/// How long the key set may be kept, in seconds. A new key is announced at least this long before
/// anybody must know it, because the old one goes on verifying.
pub const KEY_SET_MAX_AGE_SECONDS: u32 = 300;

/// The operation.
pub(crate) struct KeySetApi {
    pub(crate) jwks: Value,
}

#[expect(clippy::unused_async, reason = "the macro wants all operations async")]
#[OpenApi]
impl KeySetApi {
    /// The public keys of this surface's tokens (RFC 7517)
    #[oai(path = "/.well-known/jwks.json", method = "get", operation_id = "jwks")]
    async fn jwks(&self) -> KeySet {
        KeySet::Keys(Json(self.jwks.clone()), format!("public, max-age={KEY_SET_MAX_AGE_SECONDS}"))
    }
}

#[derive(ApiResponse)]
enum KeySet {
    /// The current key first, then those that still verify.
    #[oai(status = 200)]
    Keys(Json<Value>, #[oai(header = "Cache-Control")] String),
}
