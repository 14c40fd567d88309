//! Keys, tokens of any shape, and the door every test goes through.

use std::sync::OnceLock;

use adapter_jwt::{RsaTokens, Surface, generate_pair};
use application::{
    Caller, Platform,
    ports::{AccessTokens, TokenError, TokenSession, TokenSubject},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{OperatorId, SessionId, TenantId, Timestamp, UserId, operator::OperatorRole, role::SystemRole};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::sign};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const USER: UserId = UserId(Uuid::from_u128(1));
pub(crate) const TENANT: TenantId = TenantId(Uuid::from_u128(2));
pub(crate) const SESSION: SessionId = SessionId(Uuid::from_u128(3));
pub(crate) const OPERATOR: OperatorId = OperatorId(Uuid::from_u128(4));
const TOKEN: Uuid = Uuid::from_u128(5);

/// Seconds since 1970 at which all tokens here are issued.
pub(crate) const NOW: i64 = 1_800_000_000;
/// How long before that the password was shown, in seconds.
pub(crate) const CONFIRMED_BEFORE: i64 = 600;
/// How long they work, in seconds.
pub(crate) const LIFETIME: i64 = 900;

pub(crate) struct Pair {
    pub(crate) private: String,
    pub(crate) public: String,
}

/// Making a key takes a moment, so each is made once.
pub(crate) fn own() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(pair)
}

pub(crate) fn foreign() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(pair)
}

fn pair() -> Pair {
    let (private, public) = generate_pair(2048).unwrap();
    Pair { private, public }
}

pub(crate) fn tokens_of(platform: Platform, pair: &Pair, previous: &str) -> RsaTokens {
    let (private_pem, public_pem) = (pair.private.as_str(), pair.public.as_str());
    RsaTokens::new(Surface { platform, private_pem, public_pem, previous_pems: previous }).unwrap()
}

pub(crate) fn user_tokens() -> RsaTokens {
    tokens_of(Platform::User, own(), "")
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(seconds, 0).unwrap()
}

pub(crate) fn a_user() -> TokenSubject {
    TokenSubject::User { user: USER, tenant: TENANT, roles: vec![SystemRole::Member.into()] }
}

pub(crate) fn an_operator() -> TokenSubject {
    TokenSubject::Operator { operator: OPERATOR, role: OperatorRole::Operations }
}

pub(crate) fn session() -> TokenSession {
    TokenSession { id: SESSION, confirmed_at: at(NOW - CONFIRMED_BEFORE) }
}

/// What a future comes to.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(crate) fn issue(tokens: &RsaTokens, subject: &TokenSubject) -> String {
    now(tokens.issue(subject, session(), TOKEN, at(NOW), at(NOW + LIFETIME))).unwrap()
}

pub(crate) fn verify(token: &str) -> Result<Caller, TokenError> {
    user_tokens().verify(token, at(NOW))
}

/// The claims of a good user token, to be changed.
pub(crate) fn claims() -> Value {
    json!({
        "iss": "enterprise-todo", "aud": "enterprise-todo-api", "sub": USER, "platform": "user",
        "tenantId": TENANT, "roles": ["Member"], "sid": SESSION, "jti": TOKEN,
        "auth_time": NOW - CONFIRMED_BEFORE,
        "iat": NOW, "nbf": NOW, "exp": NOW + LIFETIME,
    })
}

/// The header of a good user token, to be changed.
pub(crate) fn header() -> Value {
    let kid = &user_tokens().jwks()["keys"][0]["kid"];
    json!({ "typ": "JWT", "alg": "RS256", "kid": kid })
}

/// `object` with some members replaced; `null` takes one away.
pub(crate) fn with(mut object: Value, changes: Value) -> Value {
    let members = object.as_object_mut().unwrap();
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (name, value) in changes {
        if value.is_null() {
            members.remove(&name)
        } else {
            members.insert(name, value)
        };
    }
    object
}

/// Signs whatever there is with whatever key.
pub(crate) fn forge(header: &Value, claims: &Value, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// Signed with our own private key: what only our own mistakes could make.
pub(crate) fn forge_own(header: &Value, claims: &Value) -> String {
    forge(header, claims, &EncodingKey::from_rsa_pem(own().private.as_bytes()).unwrap(), Algorithm::RS256)
}

pub(crate) fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[track_caller]
pub(crate) fn refused(token: &str) {
    match verify(token) {
        Err(TokenError::Invalid(_)) => {}
        Err(other) => panic!("expected an invalid token, found {other:?}"),
        Ok(_) => panic!("the token was let in"),
    }
}
