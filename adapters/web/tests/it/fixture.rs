//! A small surface, and a client that shows all that goes over the wire.
#![expect(clippy::unused_async, reason = "the macros want resolvers to be async")]

use std::{
    fmt::Write,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use adapter_web::{
    ClientKeys, ContextExt, CursorCodec, CursorText, Edge, EdgeRules, ServeLimits, failed, graphql, layers,
    limit, limited, problem, relay, serve, with_rest,
};
use application::{
    Caller, Code, Failure, Keyset, LocalLimits, Member, Never, Platform, Problem, Window,
    ports::{AccessTokens, Clock, Cursor, Entropy, TokenError, TokenSession, TokenSubject, Visibility, Wait},
    standing::{Admission, NotAdmitted},
};
use async_graphql::{Context, Error, Object, Result, Schema, SimpleObject, Subscription};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{SessionId, TenantId, Timestamp, UserId, role::SystemRole};
use futures_util::{Stream, StreamExt, stream};
use poem::{Request, endpoint::make_sync};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const LIST: &str = "things:created:desc";
pub(crate) const PLACE: Cursor = Cursor { tx: 7, position: 42 };
pub(crate) const GRAPHQL_JSON: &str = "application/graphql-response+json";

pub(crate) struct Query;
pub(crate) struct Mutation;
pub(crate) struct Subscriptions;

#[derive(SimpleObject)]
struct Node {
    name: String,
    next: Option<Box<Node>>,
}

/// What the surface puts into an operation beside what the edge does.
struct Supplied(Caller);

struct Leaky;

#[Object]
impl Leaky {
    async fn firm(&self) -> Result<String> {
        Err(Error::new("SELECT secret"))
    }

    async fn maybe(&self) -> Result<Option<String>> {
        Err(Error::new("SELECT secret"))
    }
}

#[Object]
impl Query {
    async fn health(&self) -> &'static str {
        "ok"
    }

    async fn me(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(ctx.caller().signed_in::<Never>().map_err(failed)?.user.to_string())
    }

    #[graphql(directive = limited::apply())]
    async fn look(&self) -> i32 {
        1
    }

    async fn supplied(&self, ctx: &Context<'_>) -> bool {
        ctx.data_unchecked::<Supplied>().0.is_signed_in()
    }

    async fn correlation(&self, ctx: &Context<'_>) -> String {
        ctx.caller().correlation.clone()
    }

    async fn after(&self, ctx: &Context<'_>) -> Option<i64> {
        ctx.after().map(|cursor| cursor.position)
    }

    async fn busy(&self) -> Result<String> {
        Err(failed(Failure::<Never>::RateLimited(Wait(Duration::from_secs(30)))))
    }

    async fn taken(&self) -> Result<Option<String>> {
        Err(problem(Problem::new(Code::AlreadyExists, "taken").of_field("slug")))
    }

    async fn changed(&self) -> Result<Option<String>> {
        Err(failed(Failure::<Never>::Conflict { current_version: 3 }))
    }

    async fn leak(&self) -> Result<Option<String>> {
        Err(Error::new("SELECT secret FROM users"))
    }

    async fn id(&self, id: Uuid) -> String {
        id.to_string()
    }

    async fn fall(&self, safely: Option<bool>) -> Option<bool> {
        assert!(safely.is_some(), "the secret of the resolver");
        safely
    }

    async fn leaks(&self) -> Vec<Leaky> {
        vec![Leaky]
    }

    async fn slow(&self) -> &'static str {
        tokio::time::sleep(Duration::from_mins(1)).await;
        "late"
    }

    #[graphql(complexity = "60")]
    async fn heavy(&self) -> i32 {
        1
    }

    async fn node(&self) -> Node {
        Node { name: "n".to_owned(), next: None }
    }

    async fn things(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<CursorText>,
        last: Option<i32>,
        before: Option<CursorText>,
    ) -> Result<String> {
        let window: Window<Keyset> = relay::window(ctx, LIST, first, after, last, before)?;
        Ok(format!("{window:?}"))
    }
}

#[Object]
impl Mutation {
    /// For anybody, now and then.
    #[graphql(directive = limited::apply())]
    async fn knock(&self, times: Option<i32>) -> Result<i32> {
        times.ok_or_else(|| problem(Problem::new(Code::ValidationFailed, "how often?").of_field("times")))
    }

    async fn bump(&self, ctx: &Context<'_>, late: Option<bool>) -> i32 {
        ctx.note_visibility(Visibility::Shown);
        match late {
            Some(true) => ctx.note_visibility(Visibility::Late),
            Some(false) => ctx.note_visibility(Visibility::Held),
            None => {}
        }
        1
    }
}

#[Subscription]
impl Subscriptions {
    async fn ticks(&self, n: i32) -> impl Stream<Item = i32> {
        stream::iter(0..n)
    }

    async fn forever(&self) -> impl Stream<Item = i32> {
        stream::pending()
    }

    async fn flood(&self) -> impl Stream<Item = String> {
        stream::repeat_with(|| "x".repeat(64 * 1024))
    }

    async fn lost(&self) -> impl Stream<Item = Result<i32>> {
        let mut error = problem(Problem::new(Code::Unavailable, "too slow"));
        error.extensions.get_or_insert_default().set("cursor", "resume-here");
        stream::iter([Ok(1), Err(error)])
    }

    async fn mine(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = String>> {
        let member = ctx.caller().signed_in::<Never>().map_err(failed)?;
        Ok(stream::once(async move { member.user.to_string() }))
    }

    async fn leak(&self) -> impl Stream<Item = Result<i32>> {
        stream::iter([Ok(1), Err(Error::new("SELECT secret"))])
    }

    async fn leak_at_once(&self) -> Result<impl Stream<Item = i32>> {
        Err::<stream::Empty<i32>, _>(Error::new("SELECT secret"))
    }

    async fn leak_inside(&self) -> impl Stream<Item = Leaky> {
        stream::iter([Leaky])
    }

    async fn falls(&self) -> impl Stream<Item = i32> {
        stream::iter(0..2).map(|n| {
            assert!(n < 1, "the secret of the stream");
            n
        })
    }
}

/// Seconds since a fixed start, moved by hand.
#[derive(Default)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(1_000 + self.0.load(Ordering::SeqCst))
    }
}

#[derive(Default)]
struct CountedIds(AtomicI64);

impl Entropy for CountedIds {
    fn id(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst).unsigned_abs()))
    }

    fn secret(&self) -> [u8; 32] {
        [0; 32]
    }
}

/// `good` works for an hour until it is revoked, `portal` is the other surface's.
#[derive(Default)]
pub(crate) struct Tokens {
    pub(crate) revoked: AtomicBool,
}

#[async_trait]
impl AccessTokens for Tokens {
    async fn issue(
        &self,
        _: &TokenSubject,
        _: TokenSession,
        _: Uuid,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<String, TokenError> {
        Err(TokenError::Signing("not here".to_owned()))
    }

    fn verify(&self, token: &str, _: Timestamp) -> Result<Caller, TokenError> {
        match token {
            "good" if !self.revoked.load(Ordering::SeqCst) => {
                let member =
                    Member { tenant: TenantId(Uuid::from_u128(1)), user: UserId(Uuid::from_u128(2)) };
                let until = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(1_000 + 3_600);
                Ok(Caller::member(member, SessionId(Uuid::from_u128(3)), &[SystemRole::Owner.into()], until))
            }
            "portal" => Err(TokenError::WrongPlatform { received: "portal" }),
            _ => Err(TokenError::Invalid("the signature of secret kid 7 does not match".to_owned())),
        }
    }
}

/// Whoever has a good token may act.
struct OpenDoor;

#[async_trait]
impl Admission for OpenDoor {
    async fn admit(&self, caller: Caller) -> Result<Caller, NotAdmitted> {
        Ok(caller)
    }

    async fn admit_key(&self, _: &str, _: &str) -> Result<Caller, NotAdmitted> {
        Err(NotAdmitted::Ended)
    }
}

/// A surface on a port of its own.
pub(crate) struct Surface {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) codec: CursorCodec,
    pub(crate) running: tokio::task::JoinHandle<std::io::Result<()>>,
}

pub(crate) fn production() -> EdgeRules {
    EdgeRules { allowed_origins: vec!["https://app.example.com".to_owned()], ..EdgeRules::production() }
}

pub(crate) async fn surface() -> Surface {
    surface_with(production(), ServeLimits::default()).await
}

pub(crate) async fn surface_with(rules: EdgeRules, limits: ServeLimits) -> Surface {
    crate::logs::keep();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (tokens, clock) = (Arc::new(Tokens::default()), Arc::new(HandClock::default()));
    let codec = CursorCodec::new([9; 32], [7; 8]);
    let edge = Arc::new(Edge {
        platform: Platform::User,
        tokens: Arc::clone(&tokens) as Arc<dyn AccessTokens>,
        admission: Arc::new(OpenDoor),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        entropy: Arc::new(CountedIds::default()),
        codec: codec.clone(),
        rules,
        limits: Arc::new(LocalLimits::default()),
        clients: ClientKeys::new([8; 32]),
    });
    let rest = make_sync(|request: Request| {
        assert!(request.uri().path() != "/v1/fall", "the secret of the handler");
        "rest"
    });
    let schema = |mode| {
        let schema = limit(Schema::build(Query, Mutation, Subscriptions), &edge.rules);
        schema.validation_mode(mode).finish()
    };
    let graphql =
        graphql(schema, Arc::clone(&edge)).with_data(|caller, data| data.insert(Supplied(caller.clone())));
    let endpoint = layers(with_rest(graphql, rest), edge);
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(serve(listener, endpoint, limits, shutdown.clone()));
    Surface { address, shutdown, tokens, clock, codec, running }
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The code of the first error.
    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Surface {
    /// Sends a request as it is written, and reads the answer to its end.
    pub(crate) async fn send(&self, request: &[u8]) -> Reply {
        let mut socket = TcpStream::connect(self.address).await.expect("connects");
        // The server may answer and close before it has read all of a body that is too large.
        let _ = socket.write_all(request).await;
        let mut bytes = Vec::new();
        let _ = socket.read_to_end(&mut bytes).await;
        let text = String::from_utf8(bytes).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        Reply { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) async fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let mut text = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        for (name, value) in headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        if method == "POST" {
            let _ = write!(text, "Content-Length: {}\r\n", body.len());
        }
        self.send(format!("{text}\r\n{body}").as_bytes()).await
    }

    /// A well-formed POST.
    pub(crate) async fn post(&self, document: &str, headers: &[(&str, &str)]) -> Reply {
        let body = serde_json::json!({ "query": document }).to_string();
        let headers = [&[("Content-Type", "application/json")], headers].concat();
        self.request("POST", "/graphql", &headers, &body).await
    }
}
