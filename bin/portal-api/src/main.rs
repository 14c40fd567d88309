//! The operators' portal, on port 3334.

use std::process::ExitCode;

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
            let production = edge.rules.production;
            console(adapter_web::graphql(graphql::schema(app, &edge.rules), edge), production).boxed()
        },
        rest: adapter_rest::portal_rest,
        sdl: graphql::sdl,
        openapi: adapter_rest::portal_spec,
    })
}
