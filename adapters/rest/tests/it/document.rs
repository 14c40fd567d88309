//! The document of what there is, and its pages.

use adapter_rest::{portal_spec, user_spec};
use poem::http::{StatusCode, header};
use serde_json::Value;

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

#[test]
fn the_documents_say_what_clients_may_rely_on() {
    for text in [user_spec(), portal_spec()] {
        let document: Value = serde_json::from_str(&text).unwrap();
        let paths: Vec<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(paths, ["/.well-known/jwks.json", "/health/live", "/health/ready"]);
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
