//! What paths there are, read from the document itself: which methods each takes, and which
//! parameters. So neither `Allow` nor the refusal of a misspelt parameter can be forgotten.

use std::collections::BTreeSet;

use poem::http::{HeaderValue, Method};
use serde_json::Value;

/// All paths of a document.
pub(crate) struct Routes(Vec<Route>);

struct Route {
    segments: Vec<Segment>,
    operations: Vec<(Method, BTreeSet<String>)>,
}

enum Segment {
    Literal(String),
    Parameter,
}

impl Routes {
    /// The paths of a document; those without parameters come first, as they do in routing.
    pub(crate) fn of(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let paths = document["paths"].as_object().into_iter().flatten();
        let mut routes: Vec<Route> = paths.map(|(path, item)| Route::of(path, item)).collect();
        routes.sort_by_key(|route| route.segments.iter().any(|it| matches!(it, Segment::Parameter)));
        Self(routes)
    }

    /// The methods a path takes, for the header `Allow`.
    pub(crate) fn allow(&self, path: &str) -> HeaderValue {
        // Pages and the document itself are not in the document: they can only be read.
        let mut names = BTreeSet::new();
        for (method, _) in self.at(path).map_or(&[][..], |route| &route.operations) {
            names.insert(method.as_str());
        }
        if names.is_empty() || names.contains("GET") {
            names.extend(["GET", "HEAD"]);
        }
        let list = names.into_iter().collect::<Vec<_>>().join(", ");
        HeaderValue::from_str(&list).unwrap_or(HeaderValue::from_static("GET, HEAD"))
    }

    /// The first parameter of a query string that the operation does not have. A filter with a
    /// mistake in its name must not become none at all.
    pub(crate) fn unknown_parameter(&self, method: &Method, path: &str, query: &str) -> Option<String> {
        let route = self.at(path)?;
        let (_, known) = route.operations.iter().find(|(of, _)| of == method)?;
        let mut names = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned());
        names.find(|name| !known.contains(name))
    }

    fn at(&self, path: &str) -> Option<&Route> {
        self.0.iter().find(|route| route.is_at(path))
    }
}

impl Route {
    fn of(path: &str, item: &Value) -> Self {
        let segment = |text: &str| {
            if text.starts_with('{') { Segment::Parameter } else { Segment::Literal(text.to_owned()) }
        };
        let operations = item.as_object().into_iter().flatten().filter_map(|(method, operation)| {
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).ok()?;
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let of_query = parameters.filter(|parameter| parameter["in"] == "query");
            Some((method, of_query.filter_map(|it| it["name"].as_str().map(str::to_owned)).collect()))
        });
        Self { segments: path.split('/').map(segment).collect(), operations: operations.collect() }
    }

    fn is_at(&self, path: &str) -> bool {
        let mut shown = path.split('/');
        let fits = self.segments.iter().all(|segment| match (segment, shown.next()) {
            (Segment::Literal(text), Some(shown)) => text == shown,
            (Segment::Parameter, Some(shown)) => !shown.is_empty(),
            (_, None) => false,
        });
        fits && shown.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"paths": {
        "/v1/things/{id}": {"get": {}, "delete": {"parameters": [{"name": "id", "in": "path"}]}},
        "/v1/things/import": {"post": {"parameters": [{"name": "firstLine", "in": "query"}]}}}}"#;

    #[test]
    fn a_path_without_parameters_goes_before_one_that_fits_too() {
        let routes = Routes::of(DOCUMENT);
        assert_eq!(routes.allow("/v1/things/import"), "POST");
        assert_eq!(routes.allow("/v1/things/7"), "DELETE, GET, HEAD");
        assert_eq!(routes.allow("/openapi.json"), "GET, HEAD");
    }

    #[test]
    fn a_parameter_that_an_operation_does_not_have_is_found() {
        let routes = Routes::of(DOCUMENT);
        let unknown = |query| routes.unknown_parameter(&Method::POST, "/v1/things/import", query);
        assert_eq!(unknown("firstLine=3"), None);
        assert_eq!(unknown("firstLine=3&firstline=4").as_deref(), Some("firstline"));
        // What is in the path is not in the query.
        let deleted = routes.unknown_parameter(&Method::DELETE, "/v1/things/7", "id=8");
        assert_eq!(deleted.as_deref(), Some("id"));
        assert_eq!(routes.unknown_parameter(&Method::GET, "/nowhere", "a=b"), None);
    }
}
