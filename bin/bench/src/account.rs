//! People, made through the public API as a client would.

use anyhow::{Context, Result};
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::http::{Connection, get};

/// Everybody's.
pub(crate) const PASSWORD: &str = "Benchmark1";
/// The verification mail is written by a consumer: it may take a moment.
const MAIL_TRIES: u32 = 500;
/// More would only wait for each other's password.
const JOINING_AT_ONCE: usize = 8;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) token: String,
    pub(crate) user: String,
    pub(crate) tenant: String,
}

impl Account {
    /// Registers, reads the mail, verifies the address, signs in.
    pub(crate) async fn new(port: u16, username: &str) -> Result<Self> {
        let user = join(port, username).await?;
        let mut connection = Connection::open(port).await?;
        let input = json!({ "identifier": username, "password": PASSWORD });
        let answer = connection.graphql(None, LOGIN, json!({ "input": input })).await?;
        Ok(Self {
            token: text(&answer["login"]["accessToken"])?,
            user: text(&user["id"])?,
            tenant: text(&user["tenant"]["id"])?,
        })
    }

    /// Makes tags.
    pub(crate) async fn tags(&self, port: u16, count: usize) -> Result<Vec<String>> {
        let mut connection = Connection::open(port).await?;
        let create = "mutation($input: CreateTagInput!) { createTag(input: $input) { tag { id } } }";
        let mut tags = Vec::with_capacity(count);
        for number in 1..=count {
            let input = json!({ "input": { "name": format!("Tag {number}") } });
            let made = connection.graphql(Some(&self.token), create, input).await?;
            tags.push(text(&made["createTag"]["tag"]["id"])?);
        }
        Ok(tags)
    }
}

/// Signs in.
pub(crate) const LOGIN: &str = "mutation($input: LoginInput!) { login(input: $input) { accessToken } }";

/// The address of somebody.
pub(crate) fn email(username: &str) -> String {
    format!("{username}@bench.test")
}

/// Registers, reads the mail, verifies the address: somebody who may sign in.
pub(crate) async fn join(port: u16, username: &str) -> Result<Value> {
    let mut connection = Connection::open(port).await?;
    let email = email(username);
    let register =
        "mutation($input: RegisterInput!) { register(input: $input) { user { id tenant { id } } } }";
    let input =
        json!({ "fullname": "Ada Bench", "username": username, "email": email, "password": PASSWORD });
    let mut registered = connection.graphql(None, register, json!({ "input": input })).await?;
    let token = verification(&mut connection, &email).await?;
    let verify = "mutation($token: String!) { verifyEmail(token: $token) { verified } }";
    connection.graphql(None, verify, json!({ "token": token })).await?;
    Ok(registered["register"]["user"].take())
}

/// Many of them, some at a time.
pub(crate) async fn join_many(port: u16, names: Vec<String>) -> Result<()> {
    let mut joining = futures_util::stream::iter(names.iter().map(|name| join(port, name)))
        .buffer_unordered(JOINING_AT_ONCE);
    while let Some(joined) = joining.next().await {
        joined?;
    }
    Ok(())
}

/// The token in the link of the mail to `email`.
async fn verification(connection: &mut Connection, email: &str) -> Result<String> {
    for _ in 0..MAIL_TRIES {
        let answer = connection.send(&get(&format!("/dev/outbox?to={email}"))).await?;
        let mails: Value =
            serde_json::from_slice(answer.body).context("the outbox does not answer in JSON")?;
        if let Some(link) = mails[0]["links"][0].as_str() {
            let (_, token) = link.split_once("token=").with_context(|| format!("{link} has no token"))?;
            return Ok(token.split('&').next().unwrap_or(token).to_owned());
        }
        tokio::time::sleep(PAUSE).await;
    }
    anyhow::bail!("no mail came for {email}")
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("{value} is not a text"))
}
