//! The surfaces: which operations they have, and what is said of them.

use std::sync::Arc;

use adapter_web::RequestId;
use application::mail::Outbox;
use async_trait::async_trait;
use poem::{
    Endpoint, EndpointExt, IntoResponse, Request, Response, Route,
    endpoint::BoxEndpoint,
    http::{StatusCode, header::ALLOW},
};
use poem_openapi::{OpenApi, OpenApiService};
use serde_json::{Value, json};

use crate::{
    Check, Opened, Problem, Readiness,
    audit::AuditApi,
    gate::Gate,
    health::HealthApi,
    key_set::KeySetApi,
    outbox::OutboxApi,
    routes::Routes,
    tag::TagApi,
    todo::{TodoApi, TodoBulkApi},
};

/// What a surface's REST needs.
pub struct RestDeps {
    /// In production there are neither pages nor an outbox.
    pub production: bool,
    /// Asks what the process needs.
    pub readiness: Arc<dyn Readiness>,
    /// The key set, as it is shown.
    pub jwks: Value,
    /// The mails that were sent, in development and test; the portal sends none.
    pub outbox: Option<Arc<dyn Outbox>>,
    /// Under which URL clients reach this surface, for the document.
    pub server_url: String,
    /// What operations behind a token need, once there is it.
    pub opened: Opened,
}

/// REST of the user surface.
pub fn user_rest(deps: RestDeps) -> BoxEndpoint<'static, Response> {
    let RestDeps { production, readiness, jwks, outbox, server_url, opened } = deps;
    match outbox {
        Some(outbox) if !production => {
            let api = (user(readiness, jwks), OutboxApi { outbox });
            endpoint(described(api, USER_TITLE).server(server_url), opened, production)
        }
        Some(_) | None => {
            let api = user(readiness, jwks);
            endpoint(described(api, USER_TITLE).server(server_url), opened, production)
        }
    }
}

/// REST of the portal surface.
pub fn portal_rest(deps: RestDeps) -> BoxEndpoint<'static, Response> {
    let RestDeps { production, readiness, jwks, outbox: _, server_url, opened } = deps;
    let api = portal(readiness, jwks);
    endpoint(described(api, PORTAL_TITLE).server(server_url), opened, production)
}

/// The document of the user surface in production: pretty JSON, the same at each call.
pub fn user_spec() -> String {
    document(user(Arc::new(Nothing), json!({ "keys": [] })), USER_TITLE)
}

/// The document of the portal surface in production: pretty JSON, the same at each call.
pub fn portal_spec() -> String {
    document(portal(Arc::new(Nothing), json!({ "keys": [] })), PORTAL_TITLE)
}

const USER_TITLE: &str = "Enterprise Todo";
const PORTAL_TITLE: &str = "Enterprise Todo Portal";
const DESCRIPTION: &str = "What Enterprise Todo offers to machines. Errors of any kind are problem \
    documents (RFC 9457, `application/problem+json`) with the same `code` that GraphQL errors carry.";

/// What every surface and environment has.
type Machine = (HealthApi, KeySetApi);
/// What the user surface has in every environment.
type User = (Machine, TodoApi, TodoBulkApi, TagApi);
/// What the portal has in every environment.
type Portal = (Machine, AuditApi);

fn user(readiness: Arc<dyn Readiness>, jwks: Value) -> User {
    (machine(readiness, jwks), TodoApi, TodoBulkApi::default(), TagApi)
}

fn portal(readiness: Arc<dyn Readiness>, jwks: Value) -> Portal {
    (machine(readiness, jwks), AuditApi)
}

fn machine(readiness: Arc<dyn Readiness>, jwks: Value) -> Machine {
    (HealthApi { readiness }, KeySetApi { jwks })
}

fn described<A: OpenApi>(api: A, title: &str) -> OpenApiService<A, ()> {
    OpenApiService::new(api, title, env!("CARGO_PKG_VERSION")).description(DESCRIPTION)
}

fn document<A: OpenApi>(api: A, title: &str) -> String {
    let mut text = described(api, title).server("/").spec();
    text.push('\n');
    text
}

/// Nothing is needed to describe.
struct Nothing;

#[async_trait]
impl Readiness for Nothing {
    async fn checks(&self) -> Vec<Check> {
        Vec::new()
    }
}

fn endpoint<A: OpenApi + 'static>(
    service: OpenApiService<A, ()>,
    opened: Opened,
    production: bool,
) -> BoxEndpoint<'static, Response> {
    let routes = Arc::new(Routes::of(&service.spec()));
    let mut route = Route::new().at("/openapi.json", poem::get(service.spec_endpoint()));
    if !production {
        route = route.nest("/docs", service.swagger_ui());
    }
    let gate = Gate { inner: route.nest("/", service), opened, routes: Arc::clone(&routes) };
    Problems { inner: gate, routes }.boxed()
}

/// Turns whatever goes wrong inside into a problem document.
struct Problems<E> {
    inner: E,
    routes: Arc<Routes>,
}

impl<E: Endpoint> Endpoint for Problems<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let id = request.extensions().get::<RequestId>().cloned();
        let path = request.uri().path().to_owned();
        match self.inner.call(request).await {
            Ok(response) => Ok(response.into_response()),
            // Somebody inside has made the response already.
            Err(error) if error.is_from_response() => Ok(error.into_response()),
            Err(error) => {
                let problem = Problem::of_error(&error);
                let problem = match id {
                    Some(id) => problem.in_request(&id),
                    None => problem,
                };
                let mut response = problem.into_response();
                if response.status() == StatusCode::METHOD_NOT_ALLOWED {
                    response.headers_mut().insert(ALLOW, self.routes.allow(&path));
                }
                Ok(response)
            }
        }
    }
}
