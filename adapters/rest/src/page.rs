//! Pages of a list: `limit` and `cursor` in, the header `Link` (RFC 8288) out.

use application::{Keyset, PAGE_DEFAULT, PAGE_MAX, Window};
use poem::http::Uri;

use crate::{Problem, asker::Asker};

/// The rows of a list that `limit` and `cursor` name.
pub(crate) fn window(
    asker: &Asker,
    of_list: &str,
    limit: Option<i32>,
    cursor: Option<&str>,
) -> Result<Window<Keyset>, Problem> {
    let size = match limit.map(usize::try_from) {
        None => PAGE_DEFAULT,
        Some(Ok(limit @ 1..=PAGE_MAX)) => limit,
        Some(_) => {
            return Err(Problem::invalid(format!("limit must be between 1 and {PAGE_MAX}")).of_field("limit"));
        }
    };
    let after = cursor.map(|text| asker.edge.codec.read_keyset(of_list, text)).transpose();
    let after = after.map_err(|bad| Problem::from(application::Problem::from(bad).of_field("cursor")))?;
    Ok(Window::First(size, after))
}

/// The next page: the same request with another cursor. It is relative to the request, so that no
/// proxy in front of us has to be known.
pub(crate) fn next_link(request: &Uri, cursor: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let before = form_urlencoded::parse(request.query().unwrap_or_default().as_bytes());
    query.extend_pairs(before.filter(|(name, _)| name != "cursor"));
    query.append_pair("cursor", cursor);
    format!("<{}?{}>; rel=\"next\"", request.path(), query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_same_request_with_another_cursor() {
        let link = |uri: &'static str| next_link(&Uri::from_static(uri), "b_c");
        assert_eq!(link("/v1/todos"), "</v1/todos?cursor=b_c>; rel=\"next\"");
        assert_eq!(
            link("http://x/v1/todos?cursor=a&sort=-dueAt&updatedSince=2026-01-01T00%3A00%3A00%2B01%3A00"),
            "</v1/todos?sort=-dueAt&updatedSince=2026-01-01T00%3A00%3A00%2B01%3A00&cursor=b_c>; rel=\"next\""
        );
    }
}
