//! People who register, verify, sign in, and then use the system.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::{client::Client, service::Service, wait::until};

pub(crate) const PASSWORD: &str = "Correct7Horse";

pub(crate) const REGISTER: &str = "mutation($input: RegisterInput!, $key: String) { \
    register(input: $input, idempotencyKey: $key) { \
    user { id fullname username email status roles referralCode createdAt tenant { id name slug } } version cursor } }";
pub(crate) const VERIFY: &str =
    "mutation($token: String!) { verifyEmail(token: $token) { verified version cursor } }";
pub(crate) const LOGIN: &str = "mutation($identifier: String!, $password: String!) { \
    login(input: {identifier: $identifier, password: $password}) { \
    accessToken refreshToken expiresIn requiresTwoFactor twoFactorToken } }";
pub(crate) const REFRESH: &str = "mutation($token: String!) { refreshToken(input: {refreshToken: $token}) { \
    accessToken refreshToken expiresIn } }";
pub(crate) const ME: &str =
    "{ me { id fullname username email status roles referralCode createdAt tenant { id name slug } } }";

/// Somebody with a tenant alone, signed in.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) tenant: String,
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) cursor: Value,
}

/// A username that nobody else has.
pub(crate) fn fresh_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("p{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What a person of that name registers with.
pub(crate) fn input(username: &str) -> Value {
    json!({
        "fullname": format!("Person {username}"),
        "username": username,
        "email": format!("{username}@people.test"),
        "password": PASSWORD,
    })
}

/// The token in the newest mail to an address.
pub(crate) async fn mailed_token(client: &Client, email: &str) -> String {
    let mut token = None;
    until("mail", async || {
        let mails = client.get(&format!("/dev/outbox?to={email}")).await.expect("an answer").json();
        let link = mails[0]["links"][0].as_str().map(str::to_owned);
        token = link.and_then(|link| Some(link.split_once("token=")?.1.to_owned()));
        token.is_some()
    })
    .await;
    token.expect("a token")
}

/// All mails to an address, the newest first.
pub(crate) async fn outbox(client: &Client, email: &str) -> Value {
    client.get(&format!("/dev/outbox?to={email}")).await.expect("an answer").json()
}

/// The token in the newest link to a page in the mails to an address, once it is not `old`.
pub(crate) async fn mailed_link(client: &Client, email: &str, page: &str, old: Option<&str>) -> String {
    let start = format!("http://web.test/{page}?token=");
    let mut token = None;
    until("mail", async || {
        let mails = outbox(client, email).await;
        let mut links = mails.as_array().expect("mails").iter().filter_map(|mail| mail["links"][0].as_str());
        token = links.find_map(|link| link.strip_prefix(&start)).map(str::to_owned);
        token.is_some() && token.as_deref() != old
    })
    .await;
    token.expect("a token")
}

impl Person {
    /// Somebody new.
    pub(crate) async fn new(service: &Service) -> Self {
        Self::named(service, &fresh_name()).await
    }

    /// Somebody new of that name.
    pub(crate) async fn named(service: &Service, username: &str) -> Self {
        let client = service.client();
        let input = input(username);
        let registered = client.ask(REGISTER, json!({"input": input})).await;
        let email = format!("{username}@people.test");
        let token = mailed_token(&client, &email).await;
        let verified = client.ask(VERIFY, json!({"token": token})).await;
        let tokens = login(&client, username, PASSWORD).await;
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        Self {
            id: text(&registered["user"]["id"]),
            tenant: text(&registered["user"]["tenant"]["id"]),
            username: username.to_owned(),
            email,
            access: text(&tokens["accessToken"]),
            refresh: text(&tokens["refreshToken"]),
            cursor: verified["cursor"].clone(),
        }
    }

    /// The person at a node.
    pub(crate) fn at(&self, service: &Service) -> Client {
        service.client().bearer(&self.access)
    }
}

/// Signs in.
pub(crate) async fn login(client: &Client, identifier: &str, password: &str) -> Value {
    client.ask(LOGIN, json!({"identifier": identifier, "password": password})).await
}

/// Somebody of the demo tenant, signed in: `demo`, `bruno`, `chiara`, `dmitri` or `esi`.
pub(crate) async fn demo_person(service: &Service, identifier: &str) -> Client {
    let tokens = login(&service.client(), identifier, "Demo1234").await;
    service.client().bearer(tokens["accessToken"].as_str().expect("a token"))
}
