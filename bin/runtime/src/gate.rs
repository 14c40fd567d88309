//! Until the database is there, a process only says that it lives, and what it waits for.

use std::sync::{Arc, OnceLock};

use adapter_web::RequestId;
use application::Code;
use futures_util::{
    FutureExt,
    future::{BoxFuture, ready},
};
use poem::{
    Endpoint, Request, Response,
    endpoint::{BoxEndpoint, DynEndpoint},
    http::StatusCode,
};
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

    fn call(&self, request: Request) -> impl Future<Output = poem::Result<Response>> + Send {
        self.pass(request)
    }
}

impl Gate {
    /// Hands on the boxed future of an endpoint, so that ours holds no request besides.
    fn pass(&self, request: Request) -> BoxFuture<'_, poem::Result<Response>> {
        let path = request.uri().path();
        let composed = ["/graphql", "/console"].iter().any(|start| path.starts_with(start));
        if path != "/" && !composed && !path.starts_with("/graphiql") {
            return DynEndpoint::call(&*self.rest, request);
        }
        match self.graphql.get() {
            Some(graphql) => DynEndpoint::call(&**graphql, request),
            None => ready(Ok(not_yet(&request))).boxed(),
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
