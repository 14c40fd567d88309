//! GraphQL over HTTP, as the GraphQL-over-HTTP specification words it.

mod media;
mod receive;
mod respond;

use std::{net::IpAddr, panic::AssertUnwindSafe, sync::Arc};

use application::{Caller, Code, Problem, ports::Cursor};
use async_graphql::{Executor, Response as Answer, parser::types::OperationType};
use futures_util::FutureExt;
use http::{HeaderMap, Method, StatusCode, header::AUTHORIZATION};
use poem::{Request, Response};

use self::media::Media;
pub(crate) use self::{
    receive::read_wanted,
    respond::{
        OperationName, Payload, panic_text, panicked, request_failed, timed_out, whole_request_failed,
    },
};
use crate::{
    BadCursor, BodyRefused, Edge, Graphql, RequestId, client_address,
    context::Asked,
    gate::{Admitted, Wanted, invalid},
    problem::{edge_error, status_of},
    public,
    request_id::CURRENT,
    token,
};

/// The header with the position an answer must be at least as new as.
pub const X_CONSISTENCY_TOKEN: &str = "x-consistency-token";

/// A request that was turned away before anything ran.
pub(crate) struct Turned {
    problem: Problem,
    /// The status whatever the client accepts; without one, the media type decides.
    status: Option<StatusCode>,
}

impl Turned {
    /// Not a request of GraphQL over HTTP at all.
    fn http(status: StatusCode, message: impl Into<String>) -> Self {
        Self { problem: Problem::new(Code::ValidationFailed, message), status: Some(status) }
    }

    /// Refused, and the status says so in either media type.
    fn always(problem: Problem) -> Self {
        Self { status: Some(status_of(problem.code)), problem }
    }
}

impl From<BodyRefused> for Turned {
    fn from(refused: BodyRefused) -> Self {
        Self::http(refused.status(), refused.to_string())
    }
}

impl From<Problem> for Turned {
    fn from(problem: Problem) -> Self {
        Self { problem, status: None }
    }
}

/// Answers a request.
pub(crate) async fn answer<X: Executor>(graphql: &Graphql<X>, request: &mut Request) -> Response {
    let id = RequestId::of(request, &*graphql.edge.entropy);
    let media = Media::negotiate(request.headers());
    let mut called = OperationName::default();
    let ran = match media {
        Some(_) => run(graphql, request, &id, &mut called).await,
        None => Err(Turned::http(
            StatusCode::NOT_ACCEPTABLE,
            "answers are application/graphql-response+json or application/json",
        )),
    };
    let media = media.unwrap_or(Media::Json);
    let mut response = match ran {
        Ok((answer, asked)) => respond::answered(answer, &asked, &id, media),
        Err(turned) => respond::turned(turned, &id, media),
    };
    response.extensions_mut().insert(called);
    response
}

async fn run<X: Executor>(
    graphql: &Graphql<X>,
    request: &mut Request,
    id: &RequestId,
    called: &mut OperationName,
) -> Result<(Answer, Arc<Asked>), Turned> {
    let edge = &graphql.edge;
    receive::check_head(request, &edge.rules)?;
    let client = client_address(request, edge.rules.trusted_proxies);
    let caller = caller(graphql, request, client, id).await?;
    let after = consistency_token(graphql, request)?;
    let by_get = request.method() == Method::GET;
    let wanted = receive::wanted(request, &edge.rules).await?;
    let admitted = admit(graphql, wanted, by_get)?;
    *called = OperationName { name: admitted.name, label: admitted.label };
    // Before anything runs: of a document with too many guesses not one is made.
    public::admit(edge, client, admitted.limited).await.map_err(Turned::always)?;

    let asked = Arc::new(Asked::new(edge, caller, after, client));
    let mut operation = admitted.request;
    if let Some(supply) = &graphql.supply {
        supply(&asked.caller, &mut operation.data);
    }
    operation.data.insert(Arc::clone(&asked));
    let validity = admitted.validity;
    let known = validity.is_known();
    let schema = if known { &graphql.trusting } else { &graphql.schema };
    // Boxed, because what is around it moves it several times.
    let running = CURRENT.scope(id.clone(), Box::pin(schema.execute(operation)));
    let running = AssertUnwindSafe(running).catch_unwind();
    let answer = match tokio::time::timeout(edge.rules.execution, running).await {
        Ok(Ok(answer)) => {
            if !known && answer.errors.is_empty() {
                validity.learn();
            }
            answer
        }
        Ok(Err(panic)) => whole_request_failed(&panicked(&*panic, id), id),
        // The future is dropped here, and with it whatever it was waiting for.
        Err(_) => whole_request_failed(&timed_out(), id),
    };
    Ok((answer, asked))
}

fn admit<X>(graphql: &Graphql<X>, wanted: Wanted, by_get: bool) -> Result<Admitted, Turned> {
    let admitted = graphql.gate.admit(wanted, &graphql.edge.rules)?;
    match admitted.kind {
        OperationType::Mutation if by_get => {
            Err(Turned::http(StatusCode::METHOD_NOT_ALLOWED, "mutations need POST"))
        }
        OperationType::Subscription => Err(Turned::http(
            StatusCode::BAD_REQUEST,
            "subscriptions need a WebSocket (graphql-transport-ws)",
        )),
        OperationType::Query | OperationType::Mutation => Ok(admitted),
    }
}

async fn caller<X>(
    graphql: &Graphql<X>,
    request: &Request,
    client: Option<IpAddr>,
    id: &RequestId,
) -> Result<Caller, Turned> {
    let authorization = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    token::caller_of(&graphql.edge, authorization, client, id.as_str())
        .await
        .map_err(|refused| Turned::always(refused.into()))
}

fn consistency_token<X>(graphql: &Graphql<X>, request: &Request) -> Result<Option<Cursor>, Turned> {
    shown_position(&graphql.edge, request.headers()).map_err(Turned::always)
}

/// The position that a request's answer must be at least as new as, when its headers name one.
pub fn shown_position(edge: &Edge, headers: &HeaderMap) -> Result<Option<Cursor>, Problem> {
    let Some(value) = headers.get(X_CONSISTENCY_TOKEN) else { return Ok(None) };
    let text = value.to_str().map_err(|_| BadCursor::Malformed);
    let cursor = text.and_then(|text| edge.codec.read_position(text));
    cursor.map(Some).map_err(|bad| {
        invalid(match bad {
            BadCursor::Malformed => "X-Consistency-Token is not a cursor of ours",
            BadCursor::OtherLog => "X-Consistency-Token is from another log; start again without it",
        })
    })
}

/// An answer that is one error of the edge.
pub(crate) fn failed_answer(problem: Problem, request_id: &str) -> Answer {
    Answer::from_errors(vec![edge_error(problem, request_id)])
}
