//! Styles, the script and the icon: embedded, so that the console needs nothing but its program.

use http::{
    HeaderValue, Method,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use poem::{Request, Response};

struct Asset {
    path: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const ASSETS: [Asset; 3] = [
    Asset {
        path: "/console/assets/console.css",
        kind: "text/css; charset=utf-8",
        bytes: include_bytes!("../assets/console.css"),
    },
    Asset {
        path: "/console/assets/console.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/console.js"),
    },
    Asset {
        path: "/console/assets/icon.svg",
        kind: "image/svg+xml",
        bytes: include_bytes!("../assets/icon.svg"),
    },
];

/// A file, when one is asked for. They hold nothing of anybody.
pub(crate) fn answer(request: &Request) -> Option<Response> {
    let asset = ASSETS.iter().find(|asset| asset.path == request.uri().path())?;
    if request.method() != Method::GET {
        return None;
    }
    let mut response = Response::from(asset.bytes);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    // A deployment changes them without changing their names.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_name_only_files_that_are_here() {
        let page = include_str!("../templates/page.html");
        let named: Vec<&str> = page.split('"').filter(|text| text.starts_with("/console/assets/")).collect();
        assert_eq!(named.len(), ASSETS.len());
        assert!(named.iter().all(|path| ASSETS.iter().any(|asset| asset.path == *path)));
    }
}
