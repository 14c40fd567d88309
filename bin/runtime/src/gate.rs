//! Until the database is there, a process only says that it lives, and what it waits for.

use std::sync::{Arc, OnceLock};

use adapter_web::RequestId;
use application::Code;
use poem::{Endpoint, Request, Response, endpoint::BoxEndpoint, http::StatusCode};
use serde_json::json;

/// What is set once the process is composed.
pub(crate) type Opened = Arc<OnceLock<BoxEndpoint<'static, Response>>>;

/// REST from the start, everything else once it is composed.
pub(crate) struct Gate {
    pub(crate) rest: BoxEndpoint<'static, Response>,
    pub(crate) graphql: Opened,
}

impl Endpoint for Gate {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let path = request.uri().path();
        let composed = ["/graphql", "/console"].iter().any(|start| path.starts_with(start));
        if path != "/" && !composed && !path.starts_with("/graphiql") {
            return self.rest.call(request).await;
        }
        match self.graphql.get() {
            Some(graphql) => graphql.call(request).await,
            None => Ok(not_yet(&request)),
        }
    }
}

/// In the form of the answers that come later, so that clients can read it.
fn not_yet(request: &Request) -> Response {
    let id = request.extensions().get::<RequestId>().map(RequestId::as_str);
    let extensions = json!({ "code": Code::Unavailable.as_str(), "requestId": id });
    let error = json!({ "message": "not ready yet; see /health/ready", "extensions": extensions });
    let response = Response::builder().status(StatusCode::SERVICE_UNAVAILABLE);
    response.content_type("application/json; charset=utf-8").body(json!({ "errors": [error] }).to_string())
}
