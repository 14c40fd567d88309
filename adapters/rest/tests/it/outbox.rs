//! The mails of a development system.

use std::sync::Arc;

use adapter_rest::{ADDRESS_CHARS_MAX, OUTBOX_MAILS_MAX};
use poem::http::StatusCode;
use serde_json::json;

use crate::rig::{Sent, get, mail, portal, user_in_production, with_outbox};

#[tokio::test]
async fn nobody_reads_mail_in_production_or_on_the_portal() {
    for surface in [user_in_production(), portal()] {
        assert_eq!(get(&surface, "/dev/outbox").await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn an_outbox_that_fails_keeps_its_reasons() {
    let broken = Arc::new(Sent { broken: true, ..Sent::default() });
    let answer = get(&with_outbox(&broken), "/dev/outbox").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["code"], "UNAVAILABLE");
    assert!(!answer.text.contains("hunter2"));
}

#[tokio::test]
async fn mails_are_shown_as_they_left() {
    let sent = Arc::new(Sent { mails: vec![mail("ann@example.com")], ..Sent::default() });
    let answer = get(&with_outbox(&sent), "/dev/outbox?to=ann%2Btodo%40example.com").await;
    assert_eq!(answer.status, StatusCode::OK);
    let expected = json!([{
        "to": "ann@example.com",
        "subject": "Please verify your email address",
        "text": "Hello",
        "links": ["https://todo.example/verify-email?token=t"],
        "sentAt": "2027-01-15T08:00:00+00:00",
    }]);
    assert_eq!(answer.json(), expected);
    let asked = sent.asked.lock().unwrap().clone();
    assert_eq!(asked, [(Some("ann+todo@example.com".to_owned()), OUTBOX_MAILS_MAX)]);
}

#[tokio::test]
async fn without_an_address_all_mails_are_shown_up_to_the_limit() {
    let mails = vec![mail("ann@example.com"); OUTBOX_MAILS_MAX + 1];
    let sent = Arc::new(Sent { mails, ..Sent::default() });
    let answer = get(&with_outbox(&sent), "/dev/outbox").await;
    assert_eq!(answer.json().as_array().unwrap().len(), OUTBOX_MAILS_MAX);
    assert_eq!(*sent.asked.lock().unwrap(), [(None, OUTBOX_MAILS_MAX)]);
}

#[tokio::test]
async fn an_address_that_is_too_long_is_a_problem() {
    let surface = with_outbox(&Arc::default());
    let longest = get(&surface, &format!("/dev/outbox?to={}", "a".repeat(ADDRESS_CHARS_MAX))).await;
    assert_eq!(longest.status, StatusCode::OK);
    let longer = get(&surface, &format!("/dev/outbox?to={}", "a".repeat(ADDRESS_CHARS_MAX + 1))).await;
    assert_eq!(longer.status, StatusCode::BAD_REQUEST);
    assert_eq!(longer.json()["code"], "VALIDATION_FAILED");
}
