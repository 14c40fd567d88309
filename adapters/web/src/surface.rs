//! The endpoint of a surface.

use std::sync::Arc;

use ::http::header::UPGRADE;
use application::Caller;
use async_graphql::{Data, Executor, ObjectType, Schema, SubscriptionType, ValidationMode};
use poem::{Endpoint, IntoResponse, Request, Response, Result, error::NotFoundError};

use crate::{Edge, gate::Gate, graphiql, http, ws};

/// Where GraphQL answers.
pub(crate) const GRAPHQL_PATH: &str = "/graphql";

/// Puts what an operation needs beside the caller into its data, such as batch loaders.
pub(crate) type Supply = dyn Fn(&Caller, &mut Data) + Send + Sync;

/// GraphQL over HTTP and WebSocket, and `GraphiQL` outside production.
pub struct Graphql<X> {
    pub(crate) schema: X,
    /// The same for what is known to be valid: it weighs documents and does not validate them again.
    pub(crate) trusting: X,
    pub(crate) edge: Arc<Edge>,
    pub(crate) supply: Option<Arc<Supply>>,
    pub(crate) gate: Arc<Gate>,
}

/// GraphQL at `/graphql`; outside production `GraphiQL` at `/`. The schema is built twice: to
/// validate strictly, and for documents that were validated before.
pub fn graphql<Q, M, S>(
    schema: impl Fn(ValidationMode) -> Schema<Q, M, S>,
    edge: Arc<Edge>,
) -> Graphql<Schema<Q, M, S>>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let (schema, trusting) = (schema(ValidationMode::Strict), schema(ValidationMode::Fast));
    let gate = Arc::new(Gate::of(&schema.sdl()));
    Graphql { schema, trusting, edge, supply: None, gate }
}

impl<X: Executor> Graphql<X> {
    /// Puts more data into each operation: over HTTP and over a socket, fresh each time. A
    /// subscription is one operation for all its deliveries, so loaders that it holds must not
    /// cache (`DataLoader::new` does not).
    #[must_use]
    pub fn with_data(mut self, supply: impl Fn(&Caller, &mut Data) + Send + Sync + 'static) -> Self {
        self.supply = Some(Arc::new(supply));
        self
    }

    fn serves(&self, path: &str) -> bool {
        path == GRAPHQL_PATH || (!self.edge.rules.production && graphiql::is_page(path))
    }
}

impl<X: Executor> Endpoint for Graphql<X> {
    type Output = Response;

    #[expect(clippy::manual_async_fn, reason = "an async fn holds what it is given twice")]
    fn call(&self, mut request: Request) -> impl Future<Output = Result<Response>> + Send {
        async move {
            if request.uri().path() == GRAPHQL_PATH {
                // Other protocols that a client offers to change to are ignored, as HTTP allows.
                let offered = request.headers().get(UPGRADE);
                if offered.is_some_and(|offered| offered.as_bytes().eq_ignore_ascii_case(b"websocket")) {
                    // The rare way, boxed so that it does not make every request's future larger.
                    return Ok(Box::pin(ws::upgrade(self, request)).await);
                }
                return Ok(http::answer(self, &mut request).await);
            }
            if self.edge.rules.production {
                return Err(NotFoundError.into());
            }
            graphiql::answer(&request).ok_or_else(|| NotFoundError.into())
        }
    }
}

/// GraphQL where it answers, a REST endpoint everywhere else.
pub struct WithRest<X, R> {
    graphql: Graphql<X>,
    rest: R,
}

/// Puts `rest` beside `graphql`.
pub fn with_rest<X: Executor, R: Endpoint>(graphql: Graphql<X>, rest: R) -> WithRest<X, R> {
    WithRest { graphql, rest }
}

impl<X: Executor, R: Endpoint> Endpoint for WithRest<X, R> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if self.graphql.serves(request.uri().path()) {
            self.graphql.call(request).await
        } else {
            self.rest.call(request).await.map(IntoResponse::into_response)
        }
    }
}
