//! A surface's life: settings, composition, serving, end.

use std::{process::ExitCode, sync::Arc};

use adapter_jwt::{KeyError, RsaTokens};
use adapter_postgres::{PgOutbox, log::identity};
use adapter_rest::{Composed, RestDeps};
use adapter_web::{ClientKeys, CursorCodec, Edge, EdgeRules, LogMark, ServeLimits, layers, serve};
use application::{
    App, Platform,
    mail::Outbox,
    ports::Limit,
    standing::{Admission, ClosedDoor},
};
use poem::{Response, endpoint::BoxEndpoint};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    cli,
    compose::{ComposeError, Node},
    gate::{Gate, Opened},
    healthcheck::healthcheck,
    migrate::unknown,
    operators::{Wish, operator},
    preflight,
    readiness::NodeReadiness,
    scrape, seed,
    settings::{Process, Settings},
    telemetry, traces,
    workers::Workers,
    world::{SystemClock, SystemEntropy},
};

/// What a surface binary brings: it links its own GraphQL, and no other.
pub struct Surface {
    /// Which.
    pub platform: Platform,
    /// Its GraphQL over an application.
    pub graphql: fn(App, Arc<Edge>) -> BoxEndpoint<'static, Response>,
    /// Its REST.
    pub rest: fn(RestDeps) -> BoxEndpoint<'static, Response>,
    /// Its schema as text.
    pub sdl: fn() -> String,
    /// Its `OpenAPI` document.
    pub openapi: fn() -> String,
}

/// Why a surface ended.
#[derive(Debug, Error)]
enum ServeError {
    #[error(transparent)]
    Compose(#[from] ComposeError),
    #[error("Config validation error: {0}")]
    Keys(#[from] KeyError),
    #[error("cannot listen on port {port}: {cause}")]
    Listen { port: u16, cause: std::io::Error },
    #[error("{0}")]
    Task(String),
}

const USAGE: &str = "usage: without arguments it serves; otherwise one of\n  \
    healthcheck   ask the surface on PROJECT_PORT whether it is well\n  \
    schema        print the GraphQL schema\n  \
    openapi       print the OpenAPI document\n  \
    preflight [--url URL]... [--strict]   look whether this process is fit to go live\n  \
    seed-demo     (api, development only) make a demo tenant\n  \
    operator create --email E --fullname N --role SUPPORT|OPERATIONS|SUPER_ADMIN   \
    (portal-api) make an operator; the password is read from standard input\n  \
    operator password --email E   (portal-api) set the password of an operator who forgot it, read from \
    standard input";

/// The `api` and `portal-api` binaries.
#[expect(clippy::print_stdout, reason = "schemas and help are for pipes and people")]
pub fn surface(surface: &Surface) -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let process = if surface.platform == Platform::User { Process::Api } else { Process::Portal };
    match (words.as_slice(), surface.platform) {
        ([], _) => with_settings(process, |settings| cli::run(run(surface, settings))),
        (["schema"], _) => {
            print!("{}", (surface.sdl)());
            ExitCode::SUCCESS
        }
        (["openapi"], _) => {
            print!("{}", (surface.openapi)());
            ExitCode::SUCCESS
        }
        (["healthcheck"], platform) => {
            let default = if platform == Platform::User { 3333 } else { 3334 };
            let port = crate::settings::environment().get("PROJECT_PORT").and_then(|port| port.parse().ok());
            healthcheck(port.unwrap_or(default))
        }
        (["preflight", rest @ ..], _) => preflight::preflight(process, rest),
        (["--help" | "-h" | "help"], _) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        (["seed-demo"], Platform::User) => {
            with_settings(process, |settings| cli::run(task(surface, settings, seed::demo)))
        }
        (["operator", rest @ ..], Platform::Portal) => match Wish::parse(rest) {
            Some(Ok(wish)) => with_settings(process, |settings| operator(surface, settings, wish)),
            Some(Err(problem)) => cli::misconfigured(&[problem, USAGE.to_owned()]),
            None => unknown(&words.join(" "), USAGE),
        },
        (words, _) => unknown(&words.join(" "), USAGE),
    }
}

fn with_settings(process: Process, run: impl FnOnce(Settings) -> ExitCode) -> ExitCode {
    let _log = telemetry::start();
    match Settings::of(process) {
        Ok(settings) => run(settings),
        Err(problems) => cli::misconfigured(&problems),
    }
}

/// Runs something over the application, without serving.
async fn task<F>(surface: &Surface, settings: Settings, work: F) -> Result<(), ServeError>
where
    F: AsyncFnOnce(&App, &Settings) -> Result<(), String>,
{
    with_app(surface, settings, work).await?.map_err(ServeError::Task)
}

/// Composes an application, with its consumers, for one piece of work.
pub(crate) async fn with_app<T>(
    surface: &Surface,
    settings: Settings,
    work: impl AsyncFnOnce(&App, &Settings) -> T,
) -> Result<T, ServeErrorText> {
    let stop = cli::stop_signal();
    let text = |error: &dyn std::fmt::Display| ServeErrorText(error.to_string());
    let tokens = tokens(surface, &settings).map_err(|error| text(&error))?;
    let node = Node::new(&settings).await.map_err(|error| text(&error))?;
    node.ready(&stop).await.map_err(|error| text(&error))?;
    let app = node.app(&settings, tokens).map_err(|error| text(&error))?;
    let workers = Workers::start(&node, &settings).map_err(|error| text(&error))?;
    let done = work(&app, &settings).await;
    workers.end().await;
    node.signals.close().await;
    Ok(done)
}

/// Why a piece of work could not begin.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct ServeErrorText(String);

impl From<ServeErrorText> for ServeError {
    fn from(error: ServeErrorText) -> Self {
        Self::Task(error.0)
    }
}

fn tokens(surface: &Surface, settings: &Settings) -> Result<Arc<RsaTokens>, KeyError> {
    let keys = settings.keys.as_ref();
    let text = |of: fn(&crate::settings::Keys) -> &str| keys.map_or("", of);
    Ok(Arc::new(RsaTokens::new(adapter_jwt::Surface {
        platform: surface.platform,
        private_pem: text(|keys| keys.private.expose()),
        public_pem: text(|keys| &keys.public),
        previous_pems: text(|keys| &keys.previous),
    })?))
}

async fn run(surface: &Surface, settings: Settings) -> Result<(), ServeError> {
    let stop = cli::stop_signal();
    let tokens = tokens(surface, &settings)?;
    let traces = traces::start(&settings).map_err(ComposeError::Traces)?;
    let node = Node::new(&settings).await?;
    let port = settings.port;
    let listener = TcpListener::bind(("0.0.0.0", port)).await;
    let listener = listener.map_err(|cause| ServeError::Listen { port, cause })?;
    let production = settings.environment.is_public();
    let outbox = (!production).then(|| Arc::new(PgOutbox::new(node.pools.pool.clone())) as Arc<dyn Outbox>);
    let (graphql, rest_opened): (Opened, adapter_rest::Opened) = Default::default();
    let readiness = NodeReadiness {
        pools: node.pools.clone(),
        signals: Arc::clone(&node.signals),
        opened: Arc::clone(&graphql),
    };
    let rest = (surface.rest)(RestDeps {
        production,
        readiness: Arc::new(readiness),
        jwks: tokens.jwks(),
        outbox,
        server_url: format!("http://localhost:{port}"),
        opened: Arc::clone(&rest_opened),
    });
    let edge = edge(surface, &settings, &node, &tokens);
    let gate = layers(
        Gate { rest, graphql: Arc::clone(&graphql) },
        Arc::new(edge(Marks::default(), Arc::new(ClosedDoor))),
    );
    let ending = CancellationToken::new();
    scrape::metrics(&node, &settings, ending.clone()).await.map_err(ComposeError::Metrics)?;
    let serving = tokio::spawn(serve(listener, gate, ServeLimits::default(), ending.clone()));
    let workers = match open(&settings, &node, tokens, &edge, &stop).await {
        Ok((app, edge, workers)) => {
            drop(graphql.set((surface.graphql)(app.clone(), Arc::clone(&edge))));
            drop(rest_opened.set(Composed { app, edge }));
            workers
        }
        Err(error) => {
            ending.cancel();
            // To be stopped while waiting for the database is no failure.
            return if stop.is_cancelled() { Ok(()) } else { Err(error) };
        }
    };
    let name = if surface.platform == Platform::User { "API" } else { "Portal API" };
    tracing::info!("{name} running at http://localhost:{port}");
    tracing::info!("application successfully started");
    stop.cancelled().await;
    ending.cancel();
    if let Ok(Err(error)) = serving.await {
        tracing::warn!(%error, "the listener ended with an error");
    }
    if let Some(workers) = workers {
        workers.end().await;
    }
    node.signals.close().await;
    traces.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// What of the edge is in the database: keys that all nodes share, and which log it is.
#[derive(Default)]
struct Marks {
    cursors: [u8; 32],
    clients: [u8; 32],
    log: LogMark,
}

/// Waits for the database and composes what needs it.
async fn open(
    settings: &Settings,
    node: &Node,
    tokens: Arc<RsaTokens>,
    edge: &impl Fn(Marks, Arc<dyn Admission>) -> Edge,
    stop: &CancellationToken,
) -> Result<(App, Arc<Edge>, Option<Workers>), ServeError> {
    node.ready(stop).await?;
    if settings.data_key.is_none() {
        tracing::warn!("DATA_KEY is not set: the keys of personal data are stored unwrapped");
    }
    let cursors = node.vault.derive("cursors").await.map_err(ComposeError::Vault)?;
    let clients = node.vault.derive("clients").await.map_err(ComposeError::Vault)?;
    let log = identity(&node.pools.pool).await.map_err(ComposeError::Log)?;
    let marks = Marks { cursors, clients, log };
    let app = node.app(settings, tokens)?;
    let standings = node.standings(&app);
    let workers = (!settings.external_workers).then(|| Workers::start(node, settings)).transpose();
    let workers = workers.map_err(ComposeError::Mail)?;
    Ok((app, Arc::new(edge(marks, Arc::new(standings))), workers))
}

fn edge(
    surface: &Surface,
    settings: &Settings,
    node: &Node,
    tokens: &Arc<RsaTokens>,
) -> impl Fn(Marks, Arc<dyn Admission>) -> Edge + use<> {
    let base =
        if settings.environment.is_public() { EdgeRules::production() } else { EdgeRules::development() };
    let rules = EdgeRules {
        allowed_origins: settings.allowed_origins.clone(),
        trusted_proxies: settings.trusted_proxies,
        trusted_traceparent: settings.trusted_traceparent,
        public: Limit { most: settings.public_limit, ..base.public },
        ..base
    };
    let (platform, tokens) = (surface.platform, Arc::clone(tokens));
    let limits = Arc::clone(&node.limits);
    move |marks, admission| Edge {
        platform,
        tokens: Arc::clone(&tokens) as _,
        admission,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        codec: CursorCodec::new(marks.cursors, marks.log),
        rules: rules.clone(),
        limits: Arc::clone(&limits) as _,
        clients: ClientKeys::new(marks.clients),
    }
}
