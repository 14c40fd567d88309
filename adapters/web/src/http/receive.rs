//! What came in: head, body, and the request inside.

use async_graphql::Variables;
use http::{
    HeaderMap, Method, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};
use poem::Request;
use serde::Deserialize;

use super::Turned;
use crate::{BodyRefused, EdgeRules, gate::Wanted, read_body};

/// The parameters of a request as JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    query: Option<String>,
    operation_name: Option<String>,
    #[serde(default)]
    variables: Variables,
    #[serde(rename = "extensions")]
    _extensions: Option<Extensions>,
}

/// Nothing here uses them; they must be an object.
#[derive(Deserialize)]
struct Extensions {}

/// The request in a JSON object; the text says what is wrong.
pub(crate) fn read_wanted(json: &[u8]) -> Result<Wanted, String> {
    if json.trim_ascii_start().starts_with(b"[") {
        return Err("batches are not accepted".to_owned());
    }
    let parameters: Parameters = serde_json::from_slice(json).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "the parameters of the request have wrong types".to_owned(),
        _ => format!("the body is not JSON: {error}"),
    })?;
    let Parameters { query, operation_name, variables, .. } = parameters;
    Ok(Wanted { query: query.ok_or("the query is missing")?, operation_name, variables })
}

/// Checks all that can be known before the body.
pub(super) fn check_head(request: &Request, rules: &EdgeRules) -> Result<(), Turned> {
    match *request.method() {
        Method::GET => return Ok(()),
        Method::POST => {}
        _ => return Err(Turned::http(StatusCode::METHOD_NOT_ALLOWED, "use GET or POST")),
    }
    let headers = request.headers();
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > rules.body_bytes as u64) {
        return Err(BodyRefused::TooLarge { most: rules.body_bytes }.into());
    }
    if !is_json(headers) {
        return Err(Turned::http(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must be application/json in UTF-8",
        ));
    }
    // What unpacks to an unknown size is as good as too large.
    let packed = headers
        .get(CONTENT_ENCODING)
        .is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if packed {
        return Err(Turned::http(StatusCode::PAYLOAD_TOO_LARGE, "compressed bodies are not accepted"));
    }
    Ok(())
}

/// Reads what the client wants run.
pub(super) async fn wanted(request: &mut Request, rules: &EdgeRules) -> Result<Wanted, Turned> {
    let bad = |message: String| Turned::http(StatusCode::BAD_REQUEST, message);
    if request.method() == Method::GET {
        return from_query(request.uri().query().unwrap_or_default()).map_err(bad);
    }
    let body = read_body(request.take_body(), rules).await?;
    read_wanted(&body).map_err(bad)
}

fn from_query(text: &str) -> Result<Wanted, String> {
    let (mut query, mut wanted) = (None, Wanted::default());
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        match &*name {
            "query" => query = Some(value.into_owned()),
            "operationName" => wanted.operation_name = Some(value.into_owned()),
            "variables" => wanted.variables = json(&value).ok_or("variables must be a JSON object")?,
            "extensions" => {
                json::<Option<Extensions>>(&value).ok_or("extensions must be a JSON object")?;
            }
            _ => {}
        }
    }
    Ok(Wanted { query: query.ok_or("the query is missing")?, ..wanted })
}

fn json<'t, T: Deserialize<'t>>(text: &'t str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// Only a type that a foreign page cannot send without asking first: anything else would let it
/// ride on what a browser holds.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(text) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = text.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    json && parts.all(|part| match part.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    })
}
