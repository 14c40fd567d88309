//! GraphQL over WebSocket: the `graphql-transport-ws` protocol.
//!
//! Close codes beside the protocol's own: 1001 when the server goes away, 1009 for a message that
//! is too large, 1013 (try again later) for a client that does not read what it asked for.

mod goodbye;
mod operation;
mod protocol;
mod session;
mod writer;

use std::sync::Arc;

use application::{Code, Problem};
use async_graphql::Executor;
use http::{
    HeaderValue, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN, SEC_WEBSOCKET_PROTOCOL},
};
use poem::{
    FromRequest, IntoResponse, Request, Response,
    web::websocket::{WebSocket, WebSocketConfig},
};

use self::session::Session;
use crate::{
    Graphql, RequestId, client_address, http::failed_answer, request_id::X_REQUEST_ID, serve::Going,
};

/// The only subprotocol.
const SUBPROTOCOL: &str = "graphql-transport-ws";
/// The buffer for what comes in, in bytes; taken at once for every socket.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Upgrades a request to a socket, unless it comes from a foreign page.
pub(crate) async fn upgrade<X: Executor>(graphql: &Graphql<X>, request: Request) -> Response {
    let id = RequestId::of(&request, &*graphql.edge.entropy);
    if let Some(origin) = request.headers().get(ORIGIN) {
        // Browsers send it always, and let any page open a socket anywhere: only we can refuse.
        let allowed = origin.to_str().is_ok_and(|origin| graphql.edge.rules.allows_origin(origin));
        if !allowed {
            return refused(StatusCode::FORBIDDEN, Code::Forbidden, "this origin may not open a socket", &id);
        }
    }
    let Ok(socket) = WebSocket::from_request_without_body(&request).await else {
        return refused(StatusCode::BAD_REQUEST, Code::ValidationFailed, "not a WebSocket handshake", &id);
    };
    let rules = &graphql.edge.rules;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_frame_size(Some(rules.frame_bytes))
        .max_message_size(Some(rules.frame_bytes));
    let going = request.extensions().get::<Going>().cloned().unwrap_or_default();
    let (schema, edge, supply) = (graphql.schema.clone(), Arc::clone(&graphql.edge), graphql.supply.clone());
    let gate = Arc::clone(&graphql.gate);
    let authorization =
        request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default().to_owned());
    let client = client_address(&request, rules.trusted_proxies);
    let agreed = speaks(&request);
    let stall = rules.write_stall;
    let upgraded = socket.protocols([SUBPROTOCOL]).config(config);
    let mut response = upgraded
        .on_upgrade(move |socket| {
            let session = Session::new(schema, edge, supply, gate, authorization, client, agreed);
            writer::hold(socket, session, stall, going)
        })
        .into_response();
    response.headers_mut().insert(X_REQUEST_ID, id.header());
    response
}

fn speaks(request: &Request) -> bool {
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL);
    let mut offered =
        offered.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    offered.any(|protocol| protocol.trim() == SUBPROTOCOL)
}

fn refused(status: StatusCode, code: Code, message: &str, id: &RequestId) -> Response {
    let answer = failed_answer(Problem::new(code, message), id.as_str());
    let body = serde_json::json!({ "errors": answer.errors }).to_string();
    let mut response = Response::from(body);
    response.set_status(status);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(X_REQUEST_ID, id.header());
    response
}
