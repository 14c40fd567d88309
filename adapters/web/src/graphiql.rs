//! `GraphiQL`, outside production: vendored, so that it works without a network. The sources and
//! licences stand in `assets/`.

use http::{
    HeaderValue, Method,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use poem::{Request, Response};

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// A file of the page.
struct Asset {
    path: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

/// The page; the version in the names of vendored files lets a browser keep them.
const ASSETS: [Asset; 7] = [
    Asset { path: "/", kind: HTML, bytes: include_bytes!("../assets/index.html") },
    Asset { path: "/graphiql/start.js", kind: SCRIPT, bytes: include_bytes!("../assets/start.js") },
    Asset {
        path: "/graphiql/3.9.0/graphiql.js",
        kind: SCRIPT,
        bytes: include_bytes!("../assets/graphiql.min.js"),
    },
    Asset {
        path: "/graphiql/3.9.0/graphiql.css",
        kind: STYLE,
        bytes: include_bytes!("../assets/graphiql.min.css"),
    },
    Asset {
        path: "/graphiql/18.3.1/react.js",
        kind: SCRIPT,
        bytes: include_bytes!("../assets/react.production.min.js"),
    },
    Asset {
        path: "/graphiql/18.3.1/react-dom.js",
        kind: SCRIPT,
        bytes: include_bytes!("../assets/react-dom.production.min.js"),
    },
    Asset {
        path: "/graphiql/5.16.2/graphql-ws.js",
        kind: SCRIPT,
        bytes: include_bytes!("../assets/graphql-ws.min.js"),
    },
];

/// Whether a path belongs to the page.
pub(crate) fn is_page(path: &str) -> bool {
    path == "/" || path.starts_with("/graphiql/")
}

/// A file of the page.
pub(crate) fn answer(request: &Request) -> Option<Response> {
    if request.method() != Method::GET {
        return None;
    }
    let asset = ASSETS.iter().find(|asset| asset.path == request.uri().path())?;
    let mut response = Response::from(asset.bytes);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    let ours = matches!(asset.path, "/" | "/graphiql/start.js");
    let caching = if ours { "no-cache" } else { "public, max-age=31536000, immutable" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_only_what_is_here() {
        let html = str::from_utf8(ASSETS[0].bytes).expect("text");
        let mut named = 0;
        for path in html.split('"').filter(|text| text.starts_with("/graphiql/")) {
            assert!(ASSETS.iter().any(|asset| asset.path == path), "{path}");
            named += 1;
        }
        assert_eq!(named, ASSETS.len() - 1);
        assert!(!html.contains("http://") && !html.contains("https://"));
    }
}
