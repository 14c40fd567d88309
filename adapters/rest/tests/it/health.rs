//! Health and the key set.

use adapter_rest::Check;
use poem::http::{Method, StatusCode, header};
use serde_json::json;

use crate::rig::{Checks, Hanging, call, get, jwks, portal, user, user_in_production, with_checks};

#[tokio::test]
async fn both_surfaces_live() {
    for surface in [user(), user_in_production(), portal()] {
        let answer = get(&surface, "/health/live").await;
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({ "status": "live" })));
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    }
}

#[tokio::test]
async fn what_is_not_ready_is_named() {
    let checks = vec![check("postgres", true, "0.4 ms"), check("redis", false, "no answer")];
    let answer = get(&with_checks(Checks(checks)), "/health/ready").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let expected = json!({
        "status": "not_ready",
        "checks": [
            { "name": "postgres", "ok": true, "detail": "0.4 ms" },
            { "name": "redis", "ok": false, "detail": "no answer" },
        ],
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn all_well_is_ready() {
    let answer = get(&with_checks(Checks(vec![check("postgres", true, "ok")])), "/health/ready").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["status"], "ready");
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
}

#[tokio::test(start_paused = true)]
async fn checks_that_hang_are_not_ready() {
    let answer = get(&with_checks(Hanging), "/health/ready").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["checks"][0]["detail"], "no answer within 2 s");
}

#[tokio::test]
async fn the_key_set_may_be_kept_for_a_while() {
    for surface in [user(), user_in_production(), portal()] {
        let answer = get(&surface, "/.well-known/jwks.json").await;
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, jwks()));
        assert_eq!(answer.header(header::CACHE_CONTROL), "public, max-age=300");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let answer = call(&user(), Method::HEAD, "/health/live").await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, ""));
}

#[tokio::test]
async fn what_the_process_can_do_without_is_named_and_no_more() {
    let without = Check { required: false, ..check("redis", false, "no answer") };
    let answer =
        get(&with_checks(Checks(vec![check("postgres", true, "ok"), without])), "/health/ready").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["checks"][1], json!({ "name": "redis", "ok": false, "detail": "no answer" }));
}

fn check(name: &'static str, ok: bool, detail: &str) -> Check {
    Check { name, ok, required: true, detail: detail.to_owned() }
}
