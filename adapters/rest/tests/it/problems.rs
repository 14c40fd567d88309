//! Whatever goes wrong is a problem document.

use std::time::Duration;

use adapter_rest::{PROBLEM_CONTENT_TYPE, Problem};
use adapter_web::RequestId;
use application::{
    Code, Failure, Never,
    ports::{Entropy, Wait},
};
use poem::{
    IntoResponse, Request,
    http::{Method, StatusCode, header},
};
use serde_json::json;
use uuid::Uuid;

use crate::rig::{answer, call, get, portal, user, user_in_production};

#[tokio::test]
async fn an_unknown_path_is_a_problem() {
    for surface in [user(), user_in_production(), portal()] {
        for path in ["/", "/v9/none", "/health", "/health/live/", "/.well-known", "/%00", "/../etc/passwd"] {
            let answer = get(&surface, path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(answer.header(header::CONTENT_TYPE), PROBLEM_CONTENT_TYPE);
            let expected = json!({
                "type": "about:blank", "title": "Not Found", "status": 404,
                "detail": "there is nothing at this path", "code": "NOT_FOUND",
            });
            assert_eq!(answer.json(), expected);
        }
    }
}

#[tokio::test]
async fn another_method_is_a_problem_that_names_the_right_ones() {
    for path in ["/health/live", "/health/ready", "/.well-known/jwks.json", "/openapi.json"] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = call(&user(), method, path).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
            assert_eq!(answer.header(header::CONTENT_TYPE), PROBLEM_CONTENT_TYPE);
            assert_eq!(answer.header(header::ALLOW), "GET, HEAD");
            assert_eq!(answer.json()["status"], 405);
        }
    }
}

#[tokio::test]
async fn a_problem_names_its_request() {
    struct One;
    impl Entropy for One {
        fn id(&self) -> Uuid {
            Uuid::from_u128(1)
        }
        fn secret(&self) -> [u8; 32] {
            [0; 32]
        }
    }
    let id = RequestId::new(&One);
    let mut request = Request::builder().uri("/nowhere".parse().unwrap()).finish();
    request.extensions_mut().insert(id.clone());
    assert_eq!(answer(&user(), request).await.json()["requestId"], id.as_str());
}

#[tokio::test]
async fn a_failure_keeps_its_details_and_loses_its_cause() {
    let failure = Failure::<Never>::Conflict { current_version: 7 };
    let problem = Problem::from(application::Problem::from(failure));
    assert_eq!((problem.status, problem.code.as_str(), problem.current_version), (409, "CONFLICT", Some(7)));

    let waiting = Failure::<Never>::RateLimited(Wait(Duration::from_millis(2_001)));
    let response = Problem::from(application::Problem::from(waiting)).into_response();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers().get(header::RETRY_AFTER).unwrap(), "3");
    let body = response.into_body().into_string().await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["code"], &body["retryAfterSeconds"]), (&json!("RATE_LIMITED"), &json!(3)));

    let internal = Failure::<Never>::Internal("password=hunter2".into());
    let response = Problem::from(application::Problem::from(internal)).into_response();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!response.into_body().into_string().await.unwrap().contains("hunter2"));
}

#[test]
fn what_is_our_fault_is_not_told() {
    let error = poem::Error::from_string("password=hunter2", StatusCode::BAD_GATEWAY);
    let problem = Problem::of_error(&error);
    assert_eq!((problem.status, problem.detail.as_str()), (500, "internal error"));
    assert_eq!(problem.code, Code::Internal.as_str());
}
