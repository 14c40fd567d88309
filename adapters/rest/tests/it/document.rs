//! The document of what there is, and its pages.

use adapter_rest::{portal_spec, user_spec};
use poem::http::{StatusCode, header};
use serde_json::{Value, json};

use crate::rig::{get, portal, user, user_in_production};

#[test]
fn the_documents_are_stable_and_pretty() {
    for document in [user_spec, portal_spec] {
        let text = document();
        assert_eq!(text, document());
        assert!(text.starts_with("{\n  \"openapi\": \"3.") && text.ends_with("}\n"), "{text}");
    }
    assert_ne!(user_spec(), portal_spec());
}

const MACHINE: [&str; 3] = ["/.well-known/jwks.json", "/health/live", "/health/ready"];

#[test]
fn the_documents_say_what_clients_may_rely_on() {
    let paths = |text: String| -> Vec<String> {
        let document: Value = serde_json::from_str(&text).unwrap();
        document["paths"].as_object().unwrap().keys().cloned().collect()
    };
    for text in [user_spec(), portal_spec()] {
        let found = paths(text);
        assert!(MACHINE.iter().all(|path| found.iter().any(|it| it == path)), "{found:?}");
    }
    let of_users = [
        "/v1/tags",
        "/v1/tags/{id}",
        "/v1/todos",
        "/v1/todos/export",
        "/v1/todos/import",
        "/v1/todos/{id}",
        "/v1/todos/{id}/archive",
        "/v1/todos/{id}/complete",
        "/v1/todos/{id}/reopen",
    ];
    assert!(paths(user_spec()).iter().map(String::as_str).eq(MACHINE.into_iter().chain(of_users)));
}

#[test]
fn every_operation_has_a_name_and_below_v1_ways_to_sign_in_and_every_problem() {
    for text in [user_spec(), portal_spec()] {
        let document: Value = serde_json::from_str(&text).unwrap();
        let mut names = std::collections::BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let of = format!("{method} {path}");
                let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{of} has no name"));
                assert!(names.insert(name.to_owned()), "{of}: {name} is taken");
                assert!(operation["summary"].is_string(), "{of} says what it does");
                let described = |it: &Value| it["description"].as_str().is_some_and(|text| !text.is_empty());
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                assert!(parameters.into_iter().all(described), "{of}: every parameter is described");
                if !path.starts_with("/v1/") {
                    continue;
                }
                assert_eq!(operation["security"], json!([{"apiKey": []}, {"bearer": []}]), "{of}");
                for status in [
                    "400", "401", "403", "404", "405", "409", "412", "413", "415", "429", "500", "503", "504",
                ] {
                    let content = &operation["responses"][status]["content"];
                    let schema = &content["application/problem+json"]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/Problem", "{of} {status}");
                }
            }
        }
        let schemes = &document["components"]["securitySchemes"];
        if names.contains("createTodo") {
            assert_eq!(schemes["apiKey"]["name"], "Authorization");
            assert_eq!(schemes["bearer"]["scheme"], "bearer");
            assert!(document["components"]["schemas"]["NewTodo"]["example"].is_object());
        }
    }
}

#[tokio::test]
async fn before_the_process_is_composed_what_needs_a_token_is_unavailable() {
    for path in ["/v1/todos", "/v1/nothing"] {
        let answer = get(&user(), path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.json()["code"], "UNAVAILABLE");
    }
}

#[tokio::test]
async fn a_surface_shows_its_document_everywhere() {
    for (surface, outbox) in [(user(), true), (user_in_production(), false), (portal(), false)] {
        let answer = get(&surface, "/openapi.json").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.header(header::CONTENT_TYPE).starts_with("application/json"));
        let document = answer.json();
        assert_eq!(document["servers"][0]["url"], "http://localhost:3333");
        assert_eq!(document["paths"]["/dev/outbox"].is_object(), outbox);
    }
}

#[tokio::test]
async fn the_pages_are_there_outside_production_and_need_nothing_else() {
    for surface in [user(), portal()] {
        for path in ["/docs", "/docs/"] {
            let answer = get(&surface, path).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert!(answer.header(header::CONTENT_TYPE).starts_with("text/html"));
            assert!(!answer.text.contains("<script src=") && !answer.text.contains("<link rel="));
        }
    }
    assert_eq!(get(&user_in_production(), "/docs").await.status, StatusCode::NOT_FOUND);
}
