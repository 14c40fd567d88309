//! Plain HTTP requests: health of our own services, and the public API for imports.

use std::time::Duration;

use anyhow::{Context, Result};
use ureq::Agent;

/// An answer whatever its status: GraphQL and health say what is wrong in the body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// A client that keeps connections open. Proxies of the environment are passed by, because the
/// services of this tool run on this machine.
pub(crate) fn client(limit: Duration) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(limit))
        .proxy(None)
        .max_redirects(0)
        .build()
        .into()
}

pub(crate) fn get(client: &Agent, url: &str) -> Result<Answer> {
    let mut response = client.get(url).call().with_context(|| format!("no answer from {url}"))?;
    let status = response.status().as_u16();
    let body =
        response.body_mut().read_to_string().with_context(|| format!("the answer of {url} broke off"))?;
    Ok(Answer { status, body })
}

/// Send JSON, with a bearer token where there is one.
pub(crate) fn post_json(client: &Agent, url: &str, token: Option<&str>, body: &str) -> Result<Answer> {
    let mut request = client
        .post(url)
        .header("content-type", "application/json")
        .header("accept", "application/graphql-response+json, application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut response = request.send(body).with_context(|| format!("no answer from {url}"))?;
    let status = response.status().as_u16();
    let body =
        response.body_mut().read_to_string().with_context(|| format!("the answer of {url} broke off"))?;
    Ok(Answer { status, body })
}
