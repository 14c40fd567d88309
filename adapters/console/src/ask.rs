//! Asks the portal's GraphQL, in the same process and on the operator's behalf.

use http::{
    HeaderValue, Method, Uri,
    header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE},
};
use poem::{Body, Endpoint, IntoResponse, Request, RequestParts, Response};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use thiserror::Error;

use crate::{cookies::Cookies, forms::Fields};

const GRAPHQL: &str = "/graphql";
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// The largest answer that a page is made of, in bytes.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Why there is nothing to show.
#[derive(Debug, Error)]
pub(crate) enum NotAnswered {
    /// Nobody is signed in, or not any more.
    #[error("please sign in")]
    SignIn,
    /// The portal refused.
    #[error("{message}")]
    Refused {
        /// Its code.
        code: String,
        /// In its words.
        message: String,
        /// To be named to whoever looks into the log.
        request_id: Option<String>,
    },
    /// The answer is not what was asked for.
    #[error("the portal's answer could not be read")]
    Unreadable(#[from] serde_json::Error),
}

/// One visit of a page.
pub(crate) struct Visit<'g, G> {
    graphql: &'g G,
    /// The way to the page, without `/console` and slashes around it.
    pub(crate) path: String,
    pub(crate) method: Method,
    pub(crate) query: Fields,
    pub(crate) cookies: Cookies,
    parts: RequestParts,
    body: Option<Body>,
}

impl<'g, G: Endpoint> Visit<'g, G> {
    pub(crate) fn new(graphql: &'g G, request: Request, cookies: Cookies) -> Self {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().trim_start_matches(crate::CONSOLE_PATH).trim_matches('/').to_owned();
        Self {
            graphql,
            path,
            method: parts.method.clone(),
            query: Fields::read(parts.uri.query().unwrap_or_default().as_bytes()),
            cookies,
            parts,
            body: Some(body),
        }
    }

    /// The fields of the form that was sent.
    pub(crate) async fn form(&mut self) -> Fields {
        match self.body.take() {
            Some(body) => Fields::of_body(body).await,
            None => Fields::default(),
        }
    }

    /// Runs a document for the operator who is signed in.
    pub(crate) async fn ask<T: DeserializeOwned>(
        self,
        document: &str,
        variables: Value,
    ) -> Result<T, NotAnswered> {
        if self.cookies.session.is_none() {
            return Err(NotAnswered::SignIn);
        }
        match self.run(document, variables).await {
            Err(NotAnswered::Refused { code, .. }) if code == "UNAUTHENTICATED" => Err(NotAnswered::SignIn),
            answered => answered,
        }
    }

    /// The same visit, by nobody known.
    pub(crate) fn without_session(mut self) -> Self {
        self.cookies.session = None;
        self
    }

    /// Runs a document, for whoever it is.
    pub(crate) async fn run<T: DeserializeOwned>(
        self,
        document: &str,
        variables: Value,
    ) -> Result<T, NotAnswered> {
        let mut parts = self.parts;
        parts.method = Method::POST;
        parts.uri = Uri::from_static(GRAPHQL);
        for name in [COOKIE, CONTENT_LENGTH, CONTENT_ENCODING] {
            parts.headers.remove(name);
        }
        parts.headers.insert(CONTENT_TYPE, JSON);
        parts.headers.insert(ACCEPT, JSON);
        authorize(&mut parts, self.cookies.session.as_deref());
        let body = Body::from_string(json!({ "query": document, "variables": variables }).to_string());
        let answered = self.graphql.call(Request::from_parts(parts, body)).await;
        let response = answered.map_or_else(poem::Error::into_response, IntoResponse::into_response);
        let bytes = response.into_body().into_bytes_limit(ANSWER_BYTES_MAX).await.unwrap_or_default();
        serde_json::from_slice::<Answer>(&bytes)?.data()
    }
}

fn authorize(parts: &mut RequestParts, token: Option<&str>) {
    parts.headers.remove(AUTHORIZATION);
    if let Some(value) = token.and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok()) {
        parts.headers.insert(AUTHORIZATION, value);
    }
}

/// Passes the script's socket on, with the operator's token.
pub(crate) async fn socket<G: Endpoint>(
    graphql: &G,
    request: Request,
    cookies: &Cookies,
) -> poem::Result<Response> {
    let (mut parts, body) = request.into_parts();
    parts.uri = Uri::from_static(GRAPHQL);
    parts.headers.remove(COOKIE);
    authorize(&mut parts, cookies.session.as_deref());
    graphql.call(Request::from_parts(parts, body)).await.map(IntoResponse::into_response)
}

/// An answer of GraphQL.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    data: Value,
    #[serde(default)]
    errors: Vec<AnswerError>,
}

#[derive(Deserialize)]
struct AnswerError {
    message: String,
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Extensions {
    code: Option<String>,
    request_id: Option<String>,
}

impl Answer {
    fn data<T: DeserializeOwned>(self) -> Result<T, NotAnswered> {
        let Some(first) = self.errors.into_iter().next() else {
            return Ok(serde_json::from_value(self.data)?);
        };
        let code = first.extensions.code.unwrap_or_default();
        Err(NotAnswered::Refused { code, message: first.message, request_id: first.extensions.request_id })
    }
}
