//! The operators' portal, on port 3334.

use std::{process::ExitCode, sync::Arc};

use adapter_console::console;
use adapter_graphql_portal as graphql;
use application::Platform;
use poem::EndpointExt;
use runtime::Surface;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    runtime::surface(&Surface {
        platform: Platform::Portal,
        graphql: |app, edge| {
            let schema = |mode| graphql::schema(app.clone(), &edge.rules, mode);
            console(adapter_web::graphql(schema, Arc::clone(&edge)), edge.rules.production).boxed()
        },
        rest: adapter_rest::portal_rest,
        sdl: graphql::sdl,
        openapi: adapter_rest::portal_spec,
    })
}
