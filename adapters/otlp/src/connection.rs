//! The way to the collector: HTTP/1.1, in the clear or with TLS, kept open between two requests.

use std::time::Duration;

use adapter_https::{Sender, Trust};
use application::BoxError;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode, Uri,
    header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT},
};
use http_body_util::{BodyExt, Full, Limited};
use tokio::time::timeout_at;

use crate::settings::{Endpoint, OtlpSettings, SettingsError};

/// What is read of an answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// The longest pause that a collector may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// What a collector made of a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It took it; the body may say of what it took none.
    Taken(Bytes),
    /// Later, perhaps after a pause that it named.
    Later(StatusCode, Option<Duration>),
    /// Never.
    Refused(StatusCode),
}

/// The way to one collector.
pub(crate) struct Connection {
    settings: OtlpSettings,
    trust: Option<Trust>,
    open: Option<Sender>,
}

impl Connection {
    /// Connects to nothing yet. Reads files.
    pub(crate) fn new(settings: OtlpSettings) -> Result<Self, SettingsError> {
        let trust = settings.trust()?;
        Ok(Self { settings, trust, open: None })
    }

    /// Brings a request to the collector, within the time it may take.
    pub(crate) async fn bring(&mut self, body: Bytes) -> Result<Answer, BoxError> {
        let until = tokio::time::Instant::now() + self.settings.timeout;
        match timeout_at(until, self.exchange(body)).await {
            Ok(Ok(answer)) => Ok(answer),
            failed => {
                // Whatever is still on its way there belongs to no request of ours any more.
                self.open = None;
                match failed {
                    Ok(failed) => failed,
                    Err(_) => Err("the collector did not answer in time".into()),
                }
            }
        }
    }

    async fn exchange(&mut self, body: Bytes) -> Result<Answer, BoxError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::try_from(&self.settings.endpoint.path)?;
        *request.headers_mut() = self.headers()?;
        let sender = self.sender().await?;
        let response = sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
        Ok(match head.status {
            status if status.is_success() => Answer::Taken(body),
            status @ (StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => Answer::Later(status, pause(&head.headers)),
            status => Answer::Refused(status),
        })
    }

    fn headers(&self) -> Result<HeaderMap, BoxError> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::try_from(self.settings.endpoint.authority())?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let agent = concat!("enterprise-todo/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        headers.extend(self.settings.headers.iter().cloned());
        Ok(headers)
    }

    /// The connection that stands, or a new one.
    async fn sender(&mut self) -> Result<&mut Sender, BoxError> {
        let stands = match &mut self.open {
            Some(open) => open.ready().await.is_ok(),
            None => false,
        };
        if !stands {
            self.open = None;
        }
        match &mut self.open {
            Some(open) => Ok(open),
            empty => {
                let Endpoint { host, port, .. } = &self.settings.endpoint;
                Ok(empty.insert(adapter_https::open(host, *port, self.trust.as_ref()).await?))
            }
        }
    }
}

/// The pause that an answer asks for, in whole seconds; dates are not read.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}
