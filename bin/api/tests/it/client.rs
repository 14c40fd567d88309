//! A client of a surface: GraphQL and plain HTTP.

use std::time::Duration;

use serde_json::{Value, json};
use ureq::{Agent, Body, http::Response};

const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Asks one process, as somebody.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    pub(crate) port: u16,
    headers: Vec<(&'static str, String)>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) text: String,
}

/// An error of GraphQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) field: Option<String>,
    pub(crate) message: String,
    pub(crate) current_version: Option<i64>,
    pub(crate) retry_after: Option<i64>,
    /// Whether it says that the password is to be shown again.
    pub(crate) reauthenticate: bool,
}

/// A problem document.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) field: String,
    pub(crate) detail: String,
    pub(crate) body: Value,
}

impl Problem {
    /// Status, code and field.
    pub(crate) fn what(&self) -> (u16, &str, &str) {
        (self.status, &self.code, &self.field)
    }
}

impl Client {
    pub(crate) fn new(port: u16) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).proxy(None).max_redirects(0);
        let config = config.timeout_global(Some(ANSWER_MAX)).max_idle_connections_per_host(64);
        Self { agent: config.build().into(), port, headers: Vec::new() }
    }

    /// The same with a header more.
    pub(crate) fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut client = self.clone();
        client.headers.push((name, value.into()));
        client
    }

    /// The same, signed in.
    pub(crate) fn bearer(&self, token: &str) -> Self {
        self.with("authorization", format!("Bearer {token}"))
    }

    /// The token it shows.
    pub(crate) fn token(&self) -> String {
        let shown = self.headers.iter().find(|(name, _)| *name == "authorization");
        shown.and_then(|(_, value)| value.strip_prefix("Bearer ")).expect("signed in").to_owned()
    }

    /// The same, for answers at least as new as `cursor`.
    pub(crate) fn after(&self, cursor: &Value) -> Self {
        self.with("x-consistency-token", cursor.as_str().expect("a cursor"))
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, ureq::Error> {
        self.send("GET", path, None).await
    }

    /// POST with any body and the headers of this client.
    pub(crate) async fn post(&self, path: &str, body: impl Into<String>) -> Result<Answer, ureq::Error> {
        self.send("POST", path, Some(body.into())).await
    }

    /// Any method, with a body in JSON or none.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let client = match &body {
            Some(_) if !self.has("content-type") => self.with("content-type", "application/json"),
            _ => self.clone(),
        };
        client.send(method, path, body.map(|body| body.to_string())).await.expect("an answer")
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(header, _)| *header == name)
    }

    async fn send(&self, method: &str, path: &str, body: Option<String>) -> Result<Answer, ureq::Error> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let agent = self.agent.clone();
        let running = tokio::task::spawn_blocking(move || {
            let response = match body {
                Some(body) => agent.run(request.body(body).expect("a request")),
                None => agent.run(request.body(()).expect("a request")),
            };
            response.and_then(Answer::read)
        });
        running.await.expect("the request does not panic")
    }

    /// A GraphQL request, whatever comes of it.
    pub(crate) async fn graphql(&self, query: &str, variables: Value) -> Result<Answer, ureq::Error> {
        let client = self
            .with("content-type", "application/json")
            .with("accept", "application/graphql-response+json, application/json");
        client.post("/graphql", json!({"query": query, "variables": variables}).to_string()).await
    }

    /// The whole answer of a request that works.
    pub(crate) async fn whole(&self, query: &str, variables: Value) -> Value {
        let answer = self.graphql(query, variables).await.expect("an answer");
        let body = answer.json();
        assert!(body.get("errors").is_none(), "{query}: {body}");
        assert_eq!(answer.status, 200, "{query}: {body}");
        body
    }

    /// The one field of the data of a request that works.
    pub(crate) async fn ask(&self, query: &str, variables: Value) -> Value {
        let mut body = self.whole(query, variables).await;
        let data = body["data"].as_object_mut().expect("data");
        assert_eq!(data.len(), 1, "{query} asks for one thing");
        let name = data.keys().next().cloned().expect("one");
        data.remove(&name).expect("one")
    }

    /// The one error of a request that is refused.
    pub(crate) async fn refused(&self, query: &str, variables: Value) -> Refused {
        let answer = self.graphql(query, variables.clone()).await.expect("an answer");
        answer.refused(&format!("{query} {variables}"))
    }
}

impl Answer {
    fn read(mut response: Response<Body>) -> Result<Self, ureq::Error> {
        let text = response.body_mut().read_to_string()?;
        Ok(Self { status: response.status().as_u16(), headers: response.headers().clone(), text })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The problem document that this is. It must be complete, and say nothing that it should not.
    pub(crate) fn problem(&self, of: &str) -> Problem {
        assert!(self.status >= 400, "{of} was not refused: {self:?}");
        let body = self.json();
        let known = [
            "type",
            "title",
            "status",
            "detail",
            "code",
            "field",
            "currentVersion",
            "requestId",
            "retryAfterSeconds",
        ];
        for name in body.as_object().unwrap_or_else(|| panic!("{of}: {body}")).keys() {
            assert!(known.contains(&name.as_str()), "{of}: {body}");
        }
        assert_eq!(self.header("content-type"), "application/problem+json", "{of}: {body}");
        assert_eq!(body["status"], self.status, "{of}: {body}");
        assert_eq!(body["requestId"], self.header("x-request-id"), "{of}: {body}");
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        assert!(!text("title").is_empty() && !text("detail").is_empty(), "{of}: {body}");
        Problem {
            status: self.status,
            code: text("code"),
            field: text("field"),
            detail: text("detail"),
            body,
        }
    }

    /// The one error. It must be complete, and say nothing that it should not.
    pub(crate) fn refused(&self, of: &str) -> Refused {
        let body = self.json();
        let errors = body["errors"].as_array().unwrap_or_else(|| panic!("{of} was not refused: {body}"));
        assert_eq!(errors.len(), 1, "{of}: {body}");
        let error = errors[0].as_object().expect("an error");
        for name in error.keys() {
            assert!(["message", "path", "locations", "extensions"].contains(&name.as_str()), "{of}: {body}");
        }
        let extensions = error["extensions"].as_object().expect("extensions");
        for name in extensions.keys() {
            let known =
                ["code", "requestId", "field", "currentVersion", "retryAfterSeconds", "reauthenticate"];
            assert!(known.contains(&name.as_str()), "{of}: {body}");
        }
        let text = |name: &str| extensions.get(name).and_then(Value::as_str).map(str::to_owned);
        let request = text("requestId").unwrap_or_else(|| panic!("{of} has no requestId: {body}"));
        assert_eq!(request, self.header("x-request-id"), "{of}");
        Refused {
            code: text("code").unwrap_or_else(|| panic!("{of} has no code: {body}")),
            field: text("field"),
            message: error["message"].as_str().expect("a message").to_owned(),
            current_version: extensions.get("currentVersion").and_then(Value::as_i64),
            retry_after: extensions.get("retryAfterSeconds").and_then(Value::as_i64),
            reauthenticate: extensions.get("reauthenticate") == Some(&Value::Bool(true)),
        }
    }
}

impl Refused {
    /// Code and field.
    pub(crate) fn what(&self) -> (&str, &str) {
        (self.code.as_str(), self.field.as_deref().unwrap_or_default())
    }
}
