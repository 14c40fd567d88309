//! Surfaces with chosen answers, and the door every test goes through.

use std::sync::{Arc, Mutex};

use adapter_rest::{Check, Opened, Readiness, RestDeps, portal_rest, user_rest};
use application::{
    BoxError,
    mail::{Outbox, SentMail},
};
use async_trait::async_trait;
use domain::Timestamp;
use poem::{
    Endpoint, Request, Response,
    endpoint::BoxEndpoint,
    http::{HeaderMap, Method, StatusCode, header},
};
use serde_json::{Value, json};

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) type Surface = BoxEndpoint<'static, Response>;

pub(crate) async fn call(surface: &Surface, method: Method, uri: &str) -> Answer {
    let request = Request::builder().method(method).uri(uri.parse().unwrap()).finish();
    answer(surface, request).await
}

pub(crate) async fn answer(surface: &Surface, request: Request) -> Answer {
    let mut response = surface.call(request).await.expect("errors are answers, too");
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.take_body().into_string().await.unwrap();
    Answer { status, headers, text }
}

pub(crate) async fn get(surface: &Surface, uri: &str) -> Answer {
    call(surface, Method::GET, uri).await
}

pub(crate) fn user() -> Surface {
    user_rest(deps(false))
}

pub(crate) fn user_in_production() -> Surface {
    user_rest(deps(true))
}

pub(crate) fn portal() -> Surface {
    portal_rest(deps(false))
}

pub(crate) fn with_checks(checks: impl Readiness) -> Surface {
    user_rest(RestDeps { readiness: Arc::new(checks), ..deps(true) })
}

pub(crate) fn with_outbox(outbox: &Arc<Sent>) -> Surface {
    let outbox: Arc<dyn Outbox> = Arc::clone(outbox) as _;
    user_rest(RestDeps { outbox: Some(outbox), ..deps(false) })
}

pub(crate) fn jwks() -> Value {
    json!({ "keys": [{ "kty": "RSA", "kid": "k", "n": "AQ", "e": "AQAB" }] })
}

fn deps(production: bool) -> RestDeps {
    RestDeps {
        production,
        readiness: Arc::new(Checks(Vec::new())),
        jwks: jwks(),
        outbox: Some(Arc::new(Sent::default())),
        server_url: "http://localhost:3333".to_owned(),
        opened: Opened::default(),
    }
}

/// Answers at once.
pub(crate) struct Checks(pub(crate) Vec<Check>);

#[async_trait]
impl Readiness for Checks {
    async fn checks(&self) -> Vec<Check> {
        self.0.clone()
    }
}

/// Never answers.
pub(crate) struct Hanging;

#[async_trait]
impl Readiness for Hanging {
    async fn checks(&self) -> Vec<Check> {
        std::future::pending().await
    }
}

/// Mails, and what was asked for.
#[derive(Default)]
pub(crate) struct Sent {
    pub(crate) mails: Vec<SentMail>,
    pub(crate) broken: bool,
    pub(crate) asked: Mutex<Vec<(Option<String>, usize)>>,
}

#[async_trait]
impl Outbox for Sent {
    async fn sent(&self, to: Option<&str>, limit: usize) -> Result<Vec<SentMail>, BoxError> {
        self.asked.lock().unwrap().push((to.map(str::to_owned), limit));
        if self.broken { Err("password=hunter2".into()) } else { Ok(self.mails.clone()) }
    }
}

pub(crate) fn mail(to: &str) -> SentMail {
    SentMail {
        to: to.to_owned(),
        subject: "Please verify your email address".to_owned(),
        text: "Hello".to_owned(),
        links: vec!["https://todo.example/verify-email?token=t".to_owned()],
        sent_at: Timestamp::from_timestamp(1_800_000_000, 0).unwrap(),
    }
}
