//! Until the database is there, a process only says that it lives, and what it waits for.

use std::sync::{Arc, OnceLock};

use poem::{Endpoint, IntoResponse, Request, Response, endpoint::BoxEndpoint, http::StatusCode};

/// REST from the start, everything else once it is composed.
pub(crate) struct Gate {
    pub(crate) rest: BoxEndpoint<'static, Response>,
    pub(crate) graphql: Arc<OnceLock<BoxEndpoint<'static, Response>>>,
}

impl Endpoint for Gate {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let path = request.uri().path();
        if path != "/graphql" && path != "/" && !path.starts_with("/graphiql") {
            return self.rest.call(request).await;
        }
        match self.graphql.get() {
            Some(graphql) => graphql.call(request).await,
            None => {
                Ok((StatusCode::SERVICE_UNAVAILABLE, "not ready yet; see /health/ready\n").into_response())
            }
        }
    }
}
