//! The body of a request, read whole within the limits.

use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited, combinators::BoxBody};
use hyper::body::Bytes;
use poem::Body;
use thiserror::Error;

use crate::EdgeRules;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BodyRefused {
    /// More than the rules allow.
    #[error("the body is larger than {most} bytes")]
    TooLarge {
        /// The most, in bytes.
        most: usize,
    },
    /// It ended before its end.
    #[error("the body could not be read")]
    Cut,
    /// It did not come in time.
    #[error("the body took too long")]
    Late,
}

impl BodyRefused {
    /// The status of an answer that says so.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Cut => StatusCode::BAD_REQUEST,
            Self::Late => StatusCode::REQUEST_TIMEOUT,
        }
    }
}

/// Reads a body within the size and the time that the rules allow. Poem's own reader holds a buffer
/// of 4 KiB, which makes the future of every request that might have a body larger by as much.
pub async fn read_body(body: Body, rules: &EdgeRules) -> Result<Bytes, BodyRefused> {
    let most = rules.body_bytes;
    let reading = Limited::new(BoxBody::from(body), most).collect();
    match tokio::time::timeout(rules.body_wait, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyRefused::TooLarge { most }),
        Ok(Err(_)) => Err(BodyRefused::Cut),
        Err(_) => Err(BodyRefused::Late),
    }
}
