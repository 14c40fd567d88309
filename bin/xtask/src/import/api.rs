//! The public GraphQL API as far as an import needs it: sign in, send, try again where that helps.

use std::{
    sync::{PoisonError, RwLock},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use ureq::Agent;

use crate::{http, signals};

const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// Pauses before the tries after the first one: half a minute in all, which outlasts a restart.
const RETRY_PAUSES: [Duration; 6] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(15),
];
const RETRY_AFTER_MAX_SECONDS: u64 = 120;

const LOGIN: &str = "mutation Login($input: LoginInput!) { login(input: $input) { accessToken } }";

/// Who signs in.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    pub(super) identifier: String,
    pub(super) password: String,
}

/// Why a request did not do what was asked.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The server understood, and said no to this one: the rest can go on.
    Said { code: String, message: String },
    /// Nothing can go on: no server, or nobody we are signed in as.
    Broken(anyhow::Error),
}

/// A signed-in client, shared by the threads of an import.
#[derive(Debug)]
pub(super) struct Api {
    client: Agent,
    endpoint: String,
    credentials: Credentials,
    token: RwLock<String>,
    /// Who we are, by whatever name we signed in.
    subject: String,
    /// The session's id, which was made when we signed in.
    session: Option<String>,
}

impl Api {
    pub(super) fn sign_in(url: &str, credentials: Credentials) -> Result<Self> {
        ensure!(
            url.starts_with("http://"),
            "{url} cannot be used: this tool speaks plain http://, to services on this machine or \
             through a tunnel"
        );
        let mut api = Self {
            client: http::client(REQUEST_LIMIT),
            endpoint: format!("{}/graphql", url.trim_end_matches('/')),
            credentials,
            token: RwLock::default(),
            subject: String::new(),
            session: None,
        };
        let token = api.log_in()?;
        let claims = claims(&token).unwrap_or_default();
        let subject = claims["sub"].as_str().unwrap_or(&api.credentials.identifier);
        api.subject = String::from(subject);
        api.session = session(&claims);
        api.token = RwLock::new(token);
        Ok(api)
    }

    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether an object was there before this import signed in. Ids are `UUIDv7`, and so is the
    /// session's: both begin with the server's own time, so that no clock of ours is asked.
    pub(super) fn is_older_than_session(&self, id: &str) -> bool {
        self.session.as_deref().is_some_and(|session| id.to_ascii_lowercase().as_str() < session)
    }

    /// One operation, tried again while waiting helps; signs in again when the token ran out.
    pub(super) fn ask(&self, query: &str, variables: &Value) -> Result<Value, Refusal> {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let mut pauses = RETRY_PAUSES.iter();
        loop {
            signals::check().map_err(Refusal::Broken)?;
            let token = self.token();
            let failure = match self.send(&body, Some(&token)) {
                Ok(answer) => match data(&answer) {
                    Ok(data) => return Ok(data),
                    Err(failure) => failure,
                },
                Err(error) => Failure::unreachable(error),
            };
            match (failure.remedy(), pauses.next()) {
                (Remedy::None, _) | (_, None) => return Err(failure.refusal()),
                (Remedy::SignIn, Some(_)) => self.renew(&token).map_err(Refusal::Broken)?,
                (Remedy::Wait(Some(asked)), Some(_)) => thread::sleep(asked),
                (Remedy::Wait(None), Some(pause)) => thread::sleep(*pause),
            }
        }
    }

    fn send(&self, body: &str, token: Option<&str>) -> Result<Value> {
        let answer = http::post_json(&self.client, &self.endpoint, token, body)?;
        serde_json::from_str(&answer.body)
            .with_context(|| format!("{} answered {} without JSON", self.endpoint, answer.status))
    }

    fn log_in(&self) -> Result<String> {
        let Credentials { identifier, password } = &self.credentials;
        let input = json!({ "input": { "identifier": identifier, "password": password } });
        let body = json!({ "query": LOGIN, "variables": input }).to_string();
        loop {
            let answer = self.send(&body, None).with_context(|| {
                format!("could not reach {}; is it up? (cargo xtask up --detach)", self.endpoint)
            })?;
            match data(&answer) {
                Ok(data) => match data["login"]["accessToken"].as_str() {
                    Some(token) => return Ok(token.to_owned()),
                    None => bail!("{identifier} signs in with a second factor, which an import cannot give"),
                },
                Err(failure) => match failure.remedy() {
                    Remedy::Wait(Some(asked)) => thread::sleep(asked),
                    _ => bail!("could not sign in as {identifier}: {}", failure.message),
                },
            }
            signals::check()?;
        }
    }

    fn token(&self) -> String {
        self.token.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first thread that finds the token used up signs in for all.
    fn renew(&self, used_up: &str) -> Result<()> {
        let mut token = self.token.write().unwrap_or_else(PoisonError::into_inner);
        if *token == used_up {
            *token = self.log_in()?;
        }
        Ok(())
    }
}

/// The first error of an answer, with what its code lets us do.
#[derive(Debug)]
struct Failure {
    code: String,
    message: String,
    retry_after: Option<Duration>,
    unreachable: Option<anyhow::Error>,
}

enum Remedy {
    None,
    SignIn,
    Wait(Option<Duration>),
}

impl Failure {
    fn unreachable(error: anyhow::Error) -> Self {
        let (code, message) = (String::new(), String::new());
        Self { code, message, retry_after: None, unreachable: Some(error) }
    }

    fn remedy(&self) -> Remedy {
        if self.unreachable.is_some() {
            return Remedy::Wait(None);
        }
        match self.code.as_str() {
            "UNAUTHENTICATED" => Remedy::SignIn,
            "RATE_LIMITED" => Remedy::Wait(self.retry_after.or(Some(Duration::from_secs(1)))),
            "UNAVAILABLE" | "TIMEOUT" | "CONFLICT" => Remedy::Wait(None),
            _ => Remedy::None,
        }
    }

    fn refusal(self) -> Refusal {
        if let Some(error) = self.unreachable {
            return Refusal::Broken(error);
        }
        match self.code.as_str() {
            "UNAUTHENTICATED" | "UNAVAILABLE" => Refusal::Broken(anyhow!("{}: {}", self.code, self.message)),
            _ => Refusal::Said { code: self.code, message: self.message },
        }
    }
}

/// The data of an answer, or its first error.
fn data(answer: &Value) -> Result<Value, Failure> {
    let Some(error) = answer["errors"].as_array().and_then(|errors| errors.first()) else {
        return Ok(answer["data"].clone());
    };
    let seconds = error["extensions"]["retryAfterSeconds"].as_u64();
    Err(Failure {
        code: error["extensions"]["code"].as_str().unwrap_or("INTERNAL").to_owned(),
        message: error["message"].as_str().unwrap_or("no reason given").to_owned(),
        retry_after: seconds.map(|it| Duration::from_secs(it.clamp(1, RETRY_AFTER_MAX_SECONDS))),
        unreachable: None,
    })
}

/// The claims of a token. Nothing is verified here: the token is the server's own business.
fn claims(token: &str) -> Option<Value> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// The `sid` claim, if it is an id that tells the time.
fn session(claims: &Value) -> Option<String> {
    const VERSION_AT: usize = 14;
    let session = claims["sid"].as_str()?;
    (session.as_bytes().get(VERSION_AT) == Some(&b'7')).then(|| session.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_decides() {
        let answer = json!({ "data": null, "errors": [
            { "message": "slow down", "extensions": { "code": "RATE_LIMITED", "retryAfterSeconds": 9999 } }
        ]});
        let failure = data(&answer).unwrap_err();
        assert_eq!(failure.code, "RATE_LIMITED");
        assert_eq!(failure.retry_after, Some(Duration::from_secs(RETRY_AFTER_MAX_SECONDS)));
    }

    #[test]
    fn only_a_session_that_tells_the_time_is_used() {
        let found = |sid: &str| {
            let payload = URL_SAFE_NO_PAD.encode(json!({ "sid": sid }).to_string());
            session(&claims(&format!("head.{payload}.signature")).unwrap())
        };
        let sid = "0198f0a0-0000-7000-8000-000000000000";
        assert_eq!(found(sid).as_deref(), Some(sid));
        assert_eq!(found("0198f0a0-0000-4000-8000-000000000000"), None);
        assert_eq!(claims("garbage"), None);
    }
}
