//! Which media type an answer has.

use http::{HeaderMap, HeaderValue, header::ACCEPT};

/// The media types of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    /// `application/graphql-response+json`: the status says what became of the request.
    Graphql,
    /// `application/json`: 200 for every well-formed request, as older clients expect.
    Json,
}

impl Media {
    /// The type the client likes best; of two it likes alike, the newer one when both are named.
    /// `None` when it accepts neither.
    pub(crate) fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let mut accepts = headers.get_all(ACCEPT).iter().peekable();
        if accepts.peek().is_none() {
            return Some(Self::Json);
        }
        let mut best: Option<(Self, u16)> = None;
        for range in accepts.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
            let Some((media, quality)) = range_of(range) else { continue };
            let better = best.is_none_or(|(held, held_quality)| {
                quality > held_quality
                    || (quality == held_quality && media == Self::Graphql && held == Self::Json)
            });
            if better {
                best = Some((media, quality));
            }
        }
        best.map(|(media, _)| media)
    }

    /// The `Content-Type` of an answer.
    pub(crate) const fn content_type(self) -> HeaderValue {
        match self {
            Self::Graphql => HeaderValue::from_static("application/graphql-response+json; charset=utf-8"),
            Self::Json => HeaderValue::from_static("application/json; charset=utf-8"),
        }
    }
}

/// The media type a range stands for, and its quality in thousandths.
fn range_of(range: &str) -> Option<(Media, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let media = match parts.next()? {
        kind if kind.eq_ignore_ascii_case("application/graphql-response+json") => Media::Graphql,
        kind if kind.eq_ignore_ascii_case("application/json") => Media::Json,
        "*/*" | "application/*" => Media::Json,
        _ => return None,
    };
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    match quality.map(thousandths) {
        None => Some((media, 1_000)),
        Some(Some(quality)) if quality > 0 => Some((media, quality)),
        Some(_) => None,
    }
}

/// `0.75` as 750; without floating point, of which a header has no need.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    Some(whole.parse::<u16>().ok()?.checked_mul(1_000)?.checked_add(fraction)?.min(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiated(accept: &str) -> Option<Media> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().expect("a header"));
        Media::negotiate(&headers)
    }

    #[test]
    fn the_client_chooses() {
        let newer = "application/graphql-response+json";
        assert_eq!(Media::negotiate(&HeaderMap::new()), Some(Media::Json));
        assert_eq!(negotiated("*/*"), Some(Media::Json));
        assert_eq!(negotiated(newer), Some(Media::Graphql));
        assert_eq!(negotiated("application/json, */*"), Some(Media::Json));
        assert_eq!(negotiated(&format!("application/json, {newer}")), Some(Media::Graphql));
        assert_eq!(negotiated(&format!("{newer};q=0.5, application/json;q=0.9")), Some(Media::Json));
        assert_eq!(
            negotiated(&format!("{newer}; charset=utf-8, application/json;q=0.9")),
            Some(Media::Graphql)
        );
        for neither in ["text/html", "application/json;q=0", "text/*", "application/xml, image/png"] {
            assert_eq!(negotiated(neither), None, "{neither}");
        }
    }
}
