//! Asking a running system over HTTP, with certificates that are verified.

use std::{collections::BTreeMap, time::Duration};

use adapter_https::{Trust, open};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use poem::http::{Request, Uri, header};
use preflight::{Answer, Web};
use tokio::{runtime::Handle, time::timeout};

/// The longest an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// What is read of an answer, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Asks from a thread that is not the runtime's.
pub(crate) struct Https(pub(crate) Handle);

/// Whether it is the address of a surface.
pub(crate) fn is_url(text: &str) -> bool {
    place(text).is_ok_and(|place| matches!(place.path.as_str(), "" | "/"))
}

struct Place {
    tls: bool,
    authority: String,
    host: String,
    port: u16,
    path: String,
}

fn place(url: &str) -> Result<Place, String> {
    let malformed = || format!("{url} is no address");
    let uri: Uri = url.parse().map_err(|_| malformed())?;
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(malformed()),
    };
    let authority = uri.authority().filter(|own| !own.as_str().contains('@')).ok_or_else(malformed)?;
    Ok(Place {
        tls,
        authority: authority.to_string(),
        host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
        port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
        path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
    })
}

impl Web for Https {
    fn ask(&self, url: &str, body: Option<&str>) -> Result<Answer, String> {
        let place = place(url)?;
        let body = body.map(str::to_owned);
        // The clock of a time limit is the runtime's: it is made inside.
        let asked = self.0.block_on(async { timeout(ANSWER_MAX, ask(place, body)).await });
        asked.unwrap_or_else(|_| Err("it did not answer in time".to_owned()))
    }
}

async fn ask(place: Place, body: Option<String>) -> Result<Answer, String> {
    let trust = if place.tls { Some(Trust::of(None).map_err(|error| error.to_string())?) } else { None };
    let mut sender =
        open(&place.host, place.port, trust.as_ref()).await.map_err(|error| error.to_string())?;
    let request = Request::builder()
        .uri(&place.path)
        .method(if body.is_some() { "POST" } else { "GET" })
        .header(header::HOST, &place.authority)
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body.unwrap_or_default())));
    let request = request.map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| error.to_string())?;
    let text = |value: &header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: BTreeMap<String, String> =
        head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    Ok(Answer {
        status: head.status.as_u16(),
        headers,
        body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_and_others_refused() {
        let whole = |url: &str| place(url).map(|it| (it.tls, it.host, it.port, it.path));
        assert_eq!(
            whole("https://api.todo.example/graphql?query=%7Bhealth%7D"),
            Ok((true, "api.todo.example".to_owned(), 443, "/graphql?query=%7Bhealth%7D".to_owned()))
        );
        assert_eq!(whole("http://[::1]:3333/"), Ok((false, "::1".to_owned(), 3333, "/".to_owned())));
        for odd in ["", "api.todo.example", "ftp://api", "https://user:key@api", "/graphql"] {
            assert!(place(odd).is_err(), "{odd}");
        }
        assert!(is_url("https://api.todo.example") && !is_url("https://api.todo.example/graphql"));
    }
}
