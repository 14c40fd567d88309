//! The surfaces: which operations they have, and what is said of them.

use std::sync::Arc;

use adapter_web::RequestId;
use application::mail::Outbox;
use async_trait::async_trait;
use poem::{Endpoint, EndpointExt, IntoResponse, Request, Response, Route, endpoint::BoxEndpoint};
use poem_openapi::{OpenApi, OpenApiService};
use serde_json::{Value, json};

use crate::{Check, Problem, Readiness, health::HealthApi, key_set::KeySetApi, outbox::OutboxApi};

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
}

/// REST of the user surface.
pub fn user_rest(deps: RestDeps) -> BoxEndpoint<'static, Response> {
    let RestDeps { production, readiness, jwks, outbox, server_url } = deps;
    match outbox {
        Some(outbox) if !production => {
            let api = (HealthApi { readiness }, KeySetApi { jwks }, OutboxApi { outbox });
            endpoint(described(api, USER_TITLE).server(server_url), production)
        }
        Some(_) | None => endpoint(machine(readiness, jwks, USER_TITLE).server(server_url), production),
    }
}

/// REST of the portal surface.
pub fn portal_rest(deps: RestDeps) -> BoxEndpoint<'static, Response> {
    let RestDeps { production, readiness, jwks, outbox: _, server_url } = deps;
    endpoint(machine(readiness, jwks, PORTAL_TITLE).server(server_url), production)
}

/// The document of the user surface in production: pretty JSON, the same at each call.
pub fn user_spec() -> String {
    document(USER_TITLE)
}

/// The document of the portal surface in production: pretty JSON, the same at each call.
pub fn portal_spec() -> String {
    document(PORTAL_TITLE)
}

const USER_TITLE: &str = "Enterprise Todo";
const PORTAL_TITLE: &str = "Enterprise Todo Portal";
const DESCRIPTION: &str = "What Enterprise Todo offers to machines. Errors of any kind are problem \
    documents (RFC 9457, `application/problem+json`).";

/// Both APIs of a surface that every environment has.
type Machine = (HealthApi, KeySetApi);

fn machine(readiness: Arc<dyn Readiness>, jwks: Value, title: &str) -> OpenApiService<Machine, ()> {
    described((HealthApi { readiness }, KeySetApi { jwks }), title)
}

fn described<A: OpenApi>(api: A, title: &str) -> OpenApiService<A, ()> {
    OpenApiService::new(api, title, env!("CARGO_PKG_VERSION")).description(DESCRIPTION)
}

fn document(title: &str) -> String {
    let service = machine(Arc::new(Nothing), json!({ "keys": [] }), title);
    let mut text = service.server("/").spec();
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
    production: bool,
) -> BoxEndpoint<'static, Response> {
    let mut route = Route::new().at("/openapi.json", poem::get(service.spec_endpoint()));
    if !production {
        route = route.nest("/docs", service.swagger_ui());
    }
    Problems(route.nest("/", service)).boxed()
}

/// Turns whatever goes wrong inside into a problem document.
struct Problems<E>(E);

impl<E: Endpoint> Endpoint for Problems<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let id = request.extensions().get::<RequestId>().cloned();
        match self.0.call(request).await {
            Ok(response) => Ok(response.into_response()),
            // Somebody inside has made the response already.
            Err(error) if error.is_from_response() => Ok(error.into_response()),
            Err(error) => {
                let problem = Problem::of_error(&error);
                Ok(match id {
                    Some(id) => problem.in_request(&id),
                    None => problem,
                }
                .into_response())
            }
        }
    }
}
