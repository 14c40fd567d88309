//! From the `Authorization` header to the caller.

use application::{Caller, Code, Failure, Never, Problem, ports::TokenError, standing::NotAdmitted};
use thiserror::Error;

use crate::Edge;

/// The longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// A token that was shown and does not work. It never says which check failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenRefused {
    /// Not a token of ours that works now.
    #[error("Invalid or expired token")]
    Invalid,
    /// It cannot be told now whether it still works.
    #[error("temporarily unavailable, please try again")]
    Unavailable,
    /// A token of the other surface.
    #[error("a token of the other surface")]
    WrongPlatform {
        /// What this surface serves.
        required: &'static str,
        /// What was shown.
        received: &'static str,
    },
}

impl From<TokenRefused> for Problem {
    fn from(refused: TokenRefused) -> Self {
        match refused {
            TokenRefused::Invalid => Self::new(Code::Unauthenticated, refused.to_string()),
            TokenRefused::Unavailable => Self::new(Code::Unavailable, refused.to_string()),
            TokenRefused::WrongPlatform { required, received } => {
                Failure::<Never>::WrongPlatform { required, received }.into()
            }
        }
    }
}

/// Who shows the value of an `Authorization` header, with the rights of this moment; without one,
/// nobody known.
pub async fn caller_of(
    edge: &Edge,
    authorization: Option<&str>,
    correlation: &str,
) -> Result<Caller, TokenRefused> {
    let Some(authorization) = authorization else {
        return Ok(Caller::anonymous(edge.platform, correlation));
    };
    let token = bearer(authorization).ok_or(TokenRefused::Invalid)?;
    let caller = verify(edge, token)?.in_request(correlation);
    edge.admission.admit(caller).await.map_err(|not| match not {
        NotAdmitted::Ended => TokenRefused::Invalid,
        NotAdmitted::Unavailable(error) => {
            tracing::warn!(request_id = correlation, error, "it cannot be told whether a session goes on");
            TokenRefused::Unavailable
        }
    })
}

/// The token in the value of an `Authorization` header.
pub(crate) fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= TOKEN_BYTES_MAX)
        .then_some(token)
}

/// Who shows a token.
pub(crate) fn verify(edge: &Edge, token: &str) -> Result<Caller, TokenRefused> {
    let caller = edge.tokens.verify(token, edge.clock.now()).map_err(|error| match error {
        TokenError::WrongPlatform { received } => {
            TokenRefused::WrongPlatform { required: edge.platform.name(), received }
        }
        TokenError::Invalid(_) | TokenError::Signing(_) => {
            tracing::debug!(%error, "token refused");
            TokenRefused::Invalid
        }
    })?;
    if caller.platform != edge.platform {
        return Err(TokenRefused::WrongPlatform {
            required: edge.platform.name(),
            received: caller.platform.name(),
        });
    }
    Ok(caller)
}
