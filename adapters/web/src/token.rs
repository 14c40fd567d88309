//! From the `Authorization` header to the caller.

use std::net::IpAddr;

use application::{
    Caller, Code, Failure, Never, Platform, Problem,
    ports::{TokenError, Wait},
    standing::NotAdmitted,
};
use thiserror::Error;

use crate::{Edge, public};

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
    /// Keys were guessed from the same address, too many of them.
    #[error(transparent)]
    Guessed(Wait),
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
            TokenRefused::Guessed(wait) => wait.into(),
            TokenRefused::WrongPlatform { required, received } => {
                Failure::<Never>::WrongPlatform { required, received }.into()
            }
        }
    }
}

/// Who shows the value of an `Authorization` header, with the rights of this moment; without one,
/// nobody known. Whoever shows keys that are nobody's has to wait after a while; a good key works
/// from the same address all the same.
pub async fn caller_of(
    edge: &Edge,
    authorization: Option<&str>,
    client: Option<IpAddr>,
    correlation: &str,
) -> Result<Caller, TokenRefused> {
    let Some(authorization) = authorization else {
        return Ok(Caller::anonymous(edge.platform, correlation));
    };
    let admitted = match (credential(authorization).ok_or(TokenRefused::Invalid)?, edge.platform) {
        (Credential::Token(token), _) => {
            let caller = verify(edge, token)?.in_request(correlation);
            edge.admission.admit(caller).await
        }
        (Credential::Key(key), Platform::User) => edge.admission.admit_key(key, correlation).await,
        // Machines have no business on the portal.
        (Credential::Key(_), Platform::Portal) => return Err(TokenRefused::Invalid),
    };
    match admitted {
        Ok(caller) => Ok(caller),
        Err(NotAdmitted::Ended) => Err(TokenRefused::Invalid),
        Err(NotAdmitted::UnknownKey) => {
            let counted = public::count_guess(edge, client).await;
            Err(counted.map_or_else(TokenRefused::Guessed, |()| TokenRefused::Invalid))
        }
        Err(NotAdmitted::Unavailable(error)) => {
            tracing::warn!(request_id = correlation, error, "it cannot be told whether a session goes on");
            Err(TokenRefused::Unavailable)
        }
    }
}

/// What the value of an `Authorization` header holds.
enum Credential<'a> {
    /// A signed token.
    Token(&'a str),
    /// A key for machines.
    Key(&'a str),
}

/// The token or key in the value of an `Authorization` header.
fn credential(authorization: &str) -> Option<Credential<'_>> {
    let (scheme, shown) = authorization.split_once(' ')?;
    let shown = Some(shown.trim()).filter(|it| !it.is_empty() && it.len() <= TOKEN_BYTES_MAX)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Some(Credential::Token(shown))
    } else if scheme.eq_ignore_ascii_case("apikey") {
        Some(Credential::Key(shown))
    } else {
        None
    }
}

/// Who shows a token.
fn verify(edge: &Edge, token: &str) -> Result<Caller, TokenRefused> {
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
