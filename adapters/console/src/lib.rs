//! The operators' console: pages at `/console` for people who would rather look than write queries.
//!
//! The console is a client of the portal's own GraphQL, in the same process: every page is one
//! document, run with the operator's token. What an operator may see and do, what is refused, what
//! is counted and what is audited is therefore decided in one place, and nothing here can go
//! around it.
//!
//! # How to add a page
//!
//! 1. `src/pages/NAME.rs`: the document, structs of its answer, and the template with its context.
//! 2. `templates/NAME.html`, which extends `page.html`.
//! 3. A row in [`pages::route`], and one in the navigation of `page.html`.
//!
//! Pages work without the script; `assets/console.js` only makes them livelier. Styles and scripts
//! are files of their own: the content security policy allows nothing inline.
#![deny(missing_docs)]

mod ask;
mod assets;
mod cookies;
mod forms;
mod pages;
mod view;

use http::Method;
use poem::{Endpoint, IntoResponse, Request, Response, Result};

use self::{ask::Visit, cookies::Cookies};

/// Where the pages are.
pub const CONSOLE_PATH: &str = "/console";
/// Where the script listens; the socket speaks `graphql-transport-ws`.
const LIVE_PATH: &str = "/console/live";

/// The console beside an endpoint that answers GraphQL at `/graphql`.
pub struct Console<G> {
    graphql: G,
    production: bool,
}

/// Puts the console beside the portal's GraphQL. In production its cookies need HTTPS.
pub fn console<G>(graphql: G, production: bool) -> Console<G> {
    Console { graphql, production }
}

impl<G: Endpoint> Endpoint for Console<G> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let path = request.uri().path();
        if path != CONSOLE_PATH && !path.starts_with("/console/") {
            return self.graphql.call(request).await.map(IntoResponse::into_response);
        }
        if let Some(file) = assets::answer(&request) {
            return Ok(file);
        }
        let cookies = Cookies::of(&request, self.production);
        if path == LIVE_PATH {
            return ask::socket(&self.graphql, request, &cookies).await;
        }
        if request.method() != Method::GET && !forms::is_ours(&request) {
            return Ok(view::refused("This form was not sent from the console itself."));
        }
        let visit = Visit::new(&self.graphql, request, cookies);
        let response = Box::pin(pages::route(visit)).await;
        Ok(view::secured(response))
    }
}
