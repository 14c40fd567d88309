//! What every operation below `/v1` has behind it: who asks is known, the body is not too large and
//! does not take too long, and the answer does not either.

use std::sync::{Arc, OnceLock};

use adapter_web::{
    BodyRefused, Edge, Reading, RequestId, caller_of, client_address, read_body, shown_position,
};
use application::{App, Caller, Code, Failure, Never, ports::Cursor};
use poem::{
    Body, Endpoint, IntoResponse, Request, Response,
    http::{
        StatusCode,
        header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH},
    },
};
use tokio::time::timeout;

use crate::{Problem, asker::Asker, routes::Routes};

/// Where operations that need a token begin.
const V1: &str = "/v1/";
/// Operations that read their body while they answer: they have limits of their own.
pub(crate) const STREAMED_IN: &[&str] = &["/v1/todos/import"];

/// What operations behind a token need.
pub struct Composed {
    /// The buses.
    pub app: App,
    /// Tokens, limits, cursors.
    pub edge: Arc<Edge>,
}

/// Set once the process is composed; until then operations behind a token are unavailable.
pub type Opened = Arc<OnceLock<Composed>>;

/// Lets a request through, or says why not.
pub(crate) struct Gate<E> {
    pub(crate) inner: E,
    pub(crate) opened: Opened,
    pub(crate) routes: Arc<Routes>,
}

impl<E: Endpoint> Endpoint for Gate<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        if !request.uri().path().starts_with(V1) {
            return self.inner.call(request).await.map(IntoResponse::into_response);
        }
        let Some(Composed { app, edge }) = self.opened.get() else {
            return Err(Problem::new(Code::Unavailable, "not ready yet; see /health/ready").into());
        };
        let id = RequestId::of(&request, &*edge.entropy);
        let asker = asker(app, edge, &request, &id).await?;
        self.check_parameters(&request)?;
        if !STREAMED_IN.contains(&request.uri().path()) {
            take_body(&mut request, edge).await?;
        }
        request.extensions_mut().insert(asker);
        match timeout(edge.rules.execution, id.scope(self.inner.call(request))).await {
            Ok(answered) => answered.map(IntoResponse::into_response),
            // The future is dropped here, and with it whatever it was waiting for.
            Err(_) => Err(Problem::new(Code::Timeout, "the operation took too long").into()),
        }
    }
}

impl<E> Gate<E> {
    fn check_parameters(&self, request: &Request) -> Result<(), Problem> {
        let Some(query) = request.uri().query() else { return Ok(()) };
        match self.routes.unknown_parameter(request.method(), request.uri().path(), query) {
            None => Ok(()),
            Some(name) => {
                let name: String = name.chars().take(NAME_CHARS_SHOWN).collect();
                Err(Problem::invalid("there is no such parameter").of_field(&name))
            }
        }
    }
}

/// How much of a name that a client made up is told back.
const NAME_CHARS_SHOWN: usize = 50;

/// Who asks. Nothing below `/v1` is for strangers.
async fn asker(app: &App, edge: &Arc<Edge>, request: &Request, id: &RequestId) -> Result<Asker, Problem> {
    let client = client_address(request, edge.rules.trusted_proxies);
    let shown = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    let of_edge = |problem: application::Problem| Problem::from(problem).in_request(id);
    let caller: Caller =
        caller_of(edge, shown, client, id.as_str()).await.map_err(|refused| of_edge(refused.into()))?;
    if !caller.is_signed_in() {
        return Err(of_edge(Failure::<Never>::Unauthenticated.into()));
    }
    let after: Option<Cursor> = shown_position(edge, request.headers()).map_err(of_edge)?;
    Ok(Asker {
        app: app.clone(),
        edge: Arc::clone(edge),
        caller,
        after,
        id: id.clone(),
        shown: shown.unwrap_or_default().into(),
        client,
        reading: request.extensions().get::<Reading>().cloned(),
    })
}

/// Reads the whole body, within the limits.
async fn take_body(request: &mut Request, edge: &Edge) -> Result<(), Problem> {
    let rules = &edge.rules;
    let refused = |refused: BodyRefused| {
        let code = if refused == BodyRefused::Late { Code::Timeout } else { Code::ValidationFailed };
        Problem::with_status(refused.status(), code, refused.to_string())
    };
    let headers = request.headers();
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > rules.body_bytes as u64) {
        return Err(refused(BodyRefused::TooLarge { most: rules.body_bytes }));
    }
    let body = read_body(request.take_body(), rules).await.map_err(refused)?;
    if !body.is_empty() {
        unpacked(request)?;
    }
    request.set_body(Body::from(body));
    Ok(())
}

/// What unpacks to an unknown size is not taken.
pub(crate) fn unpacked(request: &Request) -> Result<(), Problem> {
    let packed = request
        .headers()
        .get(CONTENT_ENCODING)
        .is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if !packed {
        return Ok(());
    }
    let (status, code) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::ValidationFailed);
    Err(Problem::with_status(status, code, "compressed bodies are not accepted"))
}
