//! The id of a request: the client's own when it is sane, else a new one.

use application::ports::Entropy;
use http::{HeaderMap, HeaderName, HeaderValue};
use poem::Request;
use uuid::fmt::Hyphenated;

/// The header it comes and goes in.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id a client may choose, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// The id of a request, ready to be a header; visible ASCII, so that it is safe in a log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

tokio::task_local! {
    /// The id of the request that this task answers, for log lines deep inside.
    pub(crate) static CURRENT: RequestId;
}

impl RequestId {
    /// The id of the request that this task answers.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Runs something as part of the request.
    pub fn scope<F: Future>(self, answering: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, answering)
    }

    /// The id that the layers gave a request, or its own, or a new one.
    pub fn of(request: &Request, entropy: &dyn Entropy) -> Self {
        match request.extensions().get::<Self>() {
            Some(id) => id.clone(),
            None => Self::shown(request.headers()).unwrap_or_else(|| Self::new(entropy)),
        }
    }

    /// A new one.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut buffer = [0; Hyphenated::LENGTH];
        let text = entropy.id().hyphenated().encode_lower(&mut buffer);
        Self(HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-")))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or("-")
    }

    /// As a header.
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    fn shown(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(X_REQUEST_ID)?;
        let bytes = value.as_bytes();
        let sane =
            (1..=REQUEST_ID_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        sane.then(|| Self(value.clone()))
    }
}
