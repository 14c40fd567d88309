//! What the edge of a surface needs, and the limits it holds.

use std::{fmt, sync::Arc, time::Duration};

use application::{
    PUBLIC_LIMIT, Platform,
    ports::{AccessTokens, Clock, Entropy, Limit, RateLimits},
    standing::Admission,
};
use async_graphql::SchemaBuilder;

use crate::{ClientKeys, CursorCodec};

/// The deepest operation in production, in fields from the root.
const DEPTH_PRODUCTION: usize = 7;
/// The most complexity of an operation in production, in weighted fields.
const COMPLEXITY_PRODUCTION: usize = 50;
/// The most aliases of a document in production.
const ALIASES_PRODUCTION: usize = 15;
/// In development, deep enough for the introspection query of GraphQL tools.
const DEPTH_DEVELOPMENT: usize = 25;
/// In development, room for the introspection query of GraphQL tools.
const COMPLEXITY_DEVELOPMENT: usize = 2_000;
/// In development.
const ALIASES_DEVELOPMENT: usize = 100;
/// The largest GraphQL document, in bytes.
const DOCUMENT_BYTES_MAX: usize = 16 * 1024;
/// The largest request body, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The longest an operation runs.
const EXECUTION_MAX: Duration = Duration::from_secs(10);
/// The longest a request body takes to arrive.
const BODY_WAIT: Duration = Duration::from_secs(10);
/// The largest WebSocket frame and message, in bytes.
const FRAME_BYTES_MAX: usize = 256 * 1024;
/// The most operations that live on one socket.
const SOCKET_OPERATIONS_MAX: usize = 20;
/// The longest a socket stays without `connection_init`.
const INIT_WAIT: Duration = Duration::from_secs(10);
/// How often a socket is pinged.
const PING_EVERY: Duration = Duration::from_secs(20);
/// The longest silence of a socket.
const SILENCE_MAX: Duration = Duration::from_secs(40);
/// How often the token of an open socket is checked again: with the second that a change may take
/// to be known, below the 5 s of the contract.
const TOKEN_RECHECK: Duration = Duration::from_secs(2);
/// The longest one outgoing message may wait for a client that does not read.
const WRITE_STALL_MAX: Duration = Duration::from_secs(10);

/// What the edge of a surface needs.
pub struct Edge {
    /// Which surface this is.
    pub platform: Platform,
    /// Who shows a token.
    pub tokens: Arc<dyn AccessTokens>,
    /// Whether that one may still act, and what.
    pub admission: Arc<dyn Admission>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// New request ids.
    pub entropy: Arc<dyn Entropy>,
    /// Positions and places as clients see them.
    pub codec: CursorCodec,
    /// The limits.
    pub rules: EdgeRules,
    /// Counts what clients without a token do.
    pub limits: Arc<dyn RateLimits>,
    /// Under which keys.
    pub clients: ClientKeys,
}

impl fmt::Debug for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edge")
            .field("platform", &self.platform)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

/// The limits of a surface.
#[derive(Debug, Clone)]
pub struct EdgeRules {
    /// Introspection and `GraphiQL` off, strict headers.
    pub production: bool,
    /// The origins browsers may come from, as `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// The deepest operation, in fields from the root.
    pub depth: usize,
    /// The most complexity of an operation.
    pub complexity: usize,
    /// The most aliases of a document, fragments counted at each use.
    pub aliases: usize,
    /// The largest document, in bytes.
    pub document_bytes: usize,
    /// The largest request body, in bytes.
    pub body_bytes: usize,
    /// The longest a request body takes to arrive.
    pub body_wait: Duration,
    /// The longest an operation runs.
    pub execution: Duration,
    /// How many proxies in front of us are ours: the client's address is that many places from the
    /// end of `X-Forwarded-For`. 0 trusts nobody, and takes the address of the connection.
    pub trusted_proxies: usize,
    /// Whether the hop in front of us sets or removes `traceparent`, so that it may be believed.
    pub trusted_traceparent: bool,
    /// The largest WebSocket frame and message, in bytes.
    pub frame_bytes: usize,
    /// The most operations that live on one socket.
    pub socket_operations: usize,
    /// The longest a socket stays without `connection_init`.
    pub init_wait: Duration,
    /// How often a socket is pinged.
    pub ping_every: Duration,
    /// The longest silence of a socket.
    pub silence: Duration,
    /// How often the token of an open socket is checked again.
    pub token_recheck: Duration,
    /// The longest one outgoing message may wait for a client that does not read.
    pub write_stall: Duration,
    /// How often one client may use the operations that need no token.
    pub public: Limit,
}

impl EdgeRules {
    /// The limits of production.
    pub fn production() -> Self {
        Self {
            production: true,
            allowed_origins: Vec::new(),
            depth: DEPTH_PRODUCTION,
            complexity: COMPLEXITY_PRODUCTION,
            aliases: ALIASES_PRODUCTION,
            document_bytes: DOCUMENT_BYTES_MAX,
            body_bytes: BODY_BYTES_MAX,
            body_wait: BODY_WAIT,
            execution: EXECUTION_MAX,
            trusted_proxies: 0,
            trusted_traceparent: false,
            frame_bytes: FRAME_BYTES_MAX,
            socket_operations: SOCKET_OPERATIONS_MAX,
            init_wait: INIT_WAIT,
            ping_every: PING_EVERY,
            silence: SILENCE_MAX,
            token_recheck: TOKEN_RECHECK,
            write_stall: WRITE_STALL_MAX,
            public: PUBLIC_LIMIT,
        }
    }

    /// The limits of development: tools that ask for the whole schema work.
    pub fn development() -> Self {
        Self {
            production: false,
            depth: DEPTH_DEVELOPMENT,
            complexity: COMPLEXITY_DEVELOPMENT,
            aliases: ALIASES_DEVELOPMENT,
            ..Self::production()
        }
    }

    /// Whether a browser may come from `origin`.
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin))
            || (!self.production && is_local(origin))
    }
}

/// Puts the limits that the schema itself holds into it.
pub fn limit<Q, M, S>(schema: SchemaBuilder<Q, M, S>, rules: &EdgeRules) -> SchemaBuilder<Q, M, S> {
    let schema = schema.limit_depth(rules.depth).limit_complexity(rules.complexity);
    if rules.production { schema.disable_introspection().disable_suggestions() } else { schema }
}

fn is_local(origin: &str) -> bool {
    let Some(rest) = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) else {
        return false;
    };
    let host = if rest.starts_with('[') {
        rest.split_inclusive(']').next().unwrap_or(rest)
    } else {
        rest.split(':').next().unwrap_or(rest)
    };
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_production_only_listed_origins_are_allowed() {
        let rules = EdgeRules {
            allowed_origins: vec!["https://app.example.com/".to_owned()],
            ..EdgeRules::production()
        };
        assert!(rules.allows_origin("https://app.example.com"));
        for foreign in
            ["https://evil.example", "http://localhost:3333", "https://app.example.com.evil.example", "null"]
        {
            assert!(!rules.allows_origin(foreign), "{foreign}");
        }
    }

    #[test]
    fn in_development_everything_on_this_host_is_allowed() {
        let rules = EdgeRules::development();
        for local in
            ["http://localhost:5173", "http://127.0.0.1:3333", "https://localhost", "http://[::1]:8080"]
        {
            assert!(rules.allows_origin(local), "{local}");
        }
        for foreign in ["http://localhost.evil.example", "https://evil.example", "localhost"] {
            assert!(!rules.allows_origin(foreign), "{foreign}");
        }
    }
}
