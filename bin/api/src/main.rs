//! The user surface, on port 3333.

use std::{process::ExitCode, sync::Arc};

use adapter_graphql_user as graphql;
use application::Platform;
use poem::EndpointExt;
use runtime::Surface;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    runtime::surface(&Surface {
        platform: Platform::User,
        graphql: |app, edge| {
            let schema = |mode| graphql::schema(app.clone(), &edge.rules, mode);
            adapter_web::graphql(schema, Arc::clone(&edge)).boxed()
        },
        rest: adapter_rest::user_rest,
        sdl: graphql::sdl,
        openapi: adapter_rest::user_spec,
    })
}
