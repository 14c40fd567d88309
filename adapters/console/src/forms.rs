//! What forms send.

use std::borrow::Cow;

use http::header::{HOST, HeaderName, ORIGIN};
use poem::{Body, Request};

/// The most a form may send, in bytes.
const FORM_BYTES_MAX: usize = 16 * 1024;
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The fields of a form or of a query, in order.
#[derive(Debug, Default, Clone)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded` text.
    pub(crate) fn read(text: &[u8]) -> Self {
        Self(
            form_urlencoded::parse(text).map(|(key, value)| (key.into_owned(), value.into_owned())).collect(),
        )
    }

    /// Reads the body of a form; what is too long is as good as empty.
    pub(crate) async fn of_body(body: Body) -> Self {
        let bytes = body.into_bytes_limit(FORM_BYTES_MAX).await;
        bytes.map(|bytes| Self::read(&bytes)).unwrap_or_default()
    }

    /// A field that was filled in.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// A field as it was sent: passwords may begin or end with a space.
    pub(crate) fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The same fields but for some.
    pub(crate) fn without(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(key, _)| !names.contains(&key.as_str())).cloned().collect())
    }

    /// The same fields as a query, with one of them replaced or, with `None`, left out.
    pub(crate) fn with(&self, name: &str, value: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (key, kept) in self.0.iter().filter(|(key, kept)| key != name && !kept.is_empty()) {
            query.append_pair(key, kept);
        }
        if let Some(value) = value {
            query.append_pair(name, value);
        }
        query.finish()
    }
}

/// One part of a path or query, escaped.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    let mut escaped = String::new();
    form_urlencoded::byte_serialize(text.as_bytes()).for_each(|part| escaped.push_str(part));
    if escaped == text { Cow::Borrowed(text) } else { Cow::Owned(escaped.replace('+', "%20")) }
}

/// Whether a page of ours sent this form. Browsers say so themselves; the cookie's `SameSite` is the
/// other wall.
pub(crate) fn is_ours(request: &Request) -> bool {
    if let Some(site) = request.headers().get(SEC_FETCH_SITE) {
        return site.as_bytes() == b"same-origin";
    }
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    match (text(ORIGIN), text(HOST)) {
        (Some(origin), Some(host)) => {
            origin.strip_prefix("https://").or(origin.strip_prefix("http://")) == Some(host)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(headers: &[(&'static str, &'static str)]) -> bool {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        is_ours(&request.finish())
    }

    #[test]
    fn forms_of_other_sites_are_not_ours() {
        assert!(from(&[("sec-fetch-site", "same-origin")]));
        assert!(from(&[("origin", "https://portal.example.com"), ("host", "portal.example.com")]));
        for headers in [
            &[("sec-fetch-site", "cross-site"), ("origin", "http://a"), ("host", "a")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://evil.example.com"), ("host", "portal.example.com")],
            &[("origin", "null"), ("host", "portal.example.com")],
            &[("host", "portal.example.com")],
        ] {
            assert!(!from(headers), "{headers:?}");
        }
    }

    #[test]
    fn a_query_keeps_its_fields_but_for_the_one_that_changes() {
        let fields = Fields::read(b"type=todo&after=x&empty=&text=a%20b");
        assert_eq!(fields.with("after", Some("y")), "type=todo&text=a+b&after=y");
        assert_eq!(fields.with("after", None), "type=todo&text=a+b");
        assert_eq!((fields.get("empty"), fields.raw("text")), (None, "a b"));
        assert_eq!(escaped("a/b ü"), "a%2Fb%20%C3%BC");
    }
}
