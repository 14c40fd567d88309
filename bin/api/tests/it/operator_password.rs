//! An operator's own password: whoever made the account knows the first one, nobody else the next.
//! Refused cases first.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    audit::audited,
    client::Client,
    confirmation::CONFIRM,
    operators::{chief, colleague},
    person::outbox,
    portal::{LOGIN, ME, PASSWORD},
    process,
    service::Settings,
    system::{System, shared},
    tokens::confirmed_before,
    wait::until,
};

const CHANGE: &str = "mutation($current: String!, $new: String!, $key: String, $expected: Int) { \
    changePassword(input: {currentPassword: $current, newPassword: $new}, idempotencyKey: $key, \
    expectedVersion: $expected) { operator { id email active } version cursor } }";
const AUDIT: &str = "query($filter: AuditFilter) { auditEvents(filter: $filter, first: 100) { nodes { \
    eventType actorId command payload } } }";
const NEW: &str = "Another7Secret";
const A_DAY: i64 = 24 * 60 * 60;

fn change(current: &str, new: &str) -> Value {
    json!({"current": current, "new": new})
}

async fn login(system: &System, email: &str, password: &str) -> Client {
    let portal = system.portal.client();
    let tokens = portal.ask(LOGIN, json!({"email": email, "password": password})).await;
    portal.bearer(tokens["accessToken"].as_str().unwrap())
}

/// The old password opens nothing any more, the new one does, and a mail without it tells.
async fn only_the_new_one_works(system: &System, id: &str, email: &str) {
    let old = system.portal.client().refused(LOGIN, json!({"email": email, "password": PASSWORD})).await;
    assert_eq!(old.message, "Invalid credentials");
    assert_eq!(login(system, email, NEW).await.ask(ME, json!({})).await["id"], id);
    let mails = async || outbox(&system.a.client(), email).await;
    let subject = "Your password for the portal was changed";
    until("a notice", async || mails().await[0]["subject"] == subject).await;
    assert!(!mails().await.to_string().contains(NEW));
}

async fn trail(system: &System, id: &str) -> Vec<Value> {
    audited(system).await;
    let filter = json!({"filter": {"aggregateId": id, "aggregateType": "operator"}});
    chief(system).await.ask(AUDIT, filter).await["nodes"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_password_that_breaks_a_rule_or_is_not_known_changes_nothing() {
    let system = shared().await;
    let (id, email, client) = colleague(&system, "SUPPORT").await;
    let wrong = client.refused(CHANGE, change("Wrong7Secret", NEW)).await;
    assert_eq!(
        (wrong.what(), wrong.message.as_str()),
        (("VALIDATION_FAILED", "currentPassword"), "currentPassword is wrong")
    );
    for weak in ["weak", "no7uppercase", "NoDigitAtAll", "Password1", &format!("A1{}", "x".repeat(127))] {
        let refused = client.refused(CHANGE, change(PASSWORD, weak)).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", "newPassword"), "{weak}");
    }
    let stale = json!({"current": PASSWORD, "new": NEW, "expected": 1});
    assert_eq!(client.refused(CHANGE, stale).await.current_version, Some(2));
    let nobody = system.portal.client().refused(CHANGE, change(PASSWORD, NEW)).await;
    assert_eq!(nobody.code, "UNAUTHENTICATED");

    assert_eq!(client.ask(ME, json!({})).await["id"], id.as_str(), "the session goes on");
    login(&system, &email, PASSWORD).await;
}

#[tokio::test]
async fn guessing_the_password_in_an_open_session_of_an_operator_has_to_wait() {
    let system = shared().await;
    let (_, email, client) = colleague(&system, "SUPPORT").await;
    let mut wrong = 0;
    // A wait that is longer than it takes to ask again, on a busy machine too.
    until("a wait", async || {
        let guess = client.refused(CHANGE, change("Wrong7Secret", NEW)).await;
        if guess.code != "RATE_LIMITED" {
            assert_eq!(guess.what(), ("VALIDATION_FAILED", "currentPassword"));
            wrong += 1;
            return false;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        guess.retry_after.is_some_and(|seconds| seconds >= 8)
    })
    .await;
    assert!((5..=9).contains(&wrong), "{wrong}");
    assert_eq!(
        client.refused(CHANGE, change(PASSWORD, NEW)).await.code,
        "RATE_LIMITED",
        "right ones wait too"
    );
    let elsewhere = client.refused(CONFIRM, json!({"password": PASSWORD})).await;
    assert_eq!(elsewhere.code, "RATE_LIMITED", "it is the same password");
    client.ask(ME, json!({})).await;
    login(&system, &email, PASSWORD).await;
}

#[tokio::test]
async fn whoever_forgot_the_password_gets_another_one_on_the_command_line() {
    let system = shared().await;
    let (id, email, client) = colleague(&system, "SUPPORT").await;
    let set = async |email: &str, password| {
        let arguments = ["operator", "password", "--email", email];
        let command = Settings::portal(&system.database).command("portal-api", &arguments);
        process::run_with(command, password).await
    };
    for (whose, password, said) in [
        ("nobody@portal.test", NEW, "operator not found"),
        ("no address", NEW, "email"),
        (email.as_str(), "weak", "password"),
        (email.as_str(), "", "password"),
    ] {
        let refused = set(whose, password).await;
        assert_eq!(refused.status.code(), Some(1), "{whose}: {refused:?}");
        let log = String::from_utf8_lossy(&refused.stdout);
        assert!(log.lines().any(|line| line.contains("ERROR") && line.contains(said)), "{log}");
        assert!(!log.contains(NEW), "{log}");
    }
    client.ask(ME, json!({})).await;

    let done = set(&email.to_uppercase(), NEW).await;

    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert!(!format!("{done:?}").contains(NEW));
    until("the session has ended", async || client.graphql(ME, json!({})).await.unwrap().status == 401).await;
    only_the_new_one_works(&system, &id, &email).await;
    let changed = &trail(&system, &id).await[2];
    assert_eq!(
        json!([changed["eventType"], changed["actorId"], changed["command"]]),
        json!(["operator.password_changed", null, "operator.reset_password"]),
        "{changed}"
    );
}

#[tokio::test]
async fn an_operator_sets_a_password_that_nobody_else_chose_and_is_told() {
    let system = shared().await;
    let (id, email, client) = colleague(&system, "OPERATIONS").await;
    let other = login(&system, &email, PASSWORD).await;
    // The password is shown with the change itself: when it was shown before does not matter.
    let stale = confirmed_before(&client.token(), "portal", Some(A_DAY));
    let mut asked = change(PASSWORD, NEW);
    asked["key"] = json!(id);

    let done = system.portal.client().bearer(&stale).ask(CHANGE, asked).await;

    assert_eq!(done["operator"], json!({"id": id, "email": email, "active": true}));
    assert_eq!(done["version"], 6, "made, two sign-ins, the change, two sign-outs");
    for session in [&client, &other] {
        until("the session has ended", async || session.graphql(ME, json!({})).await.unwrap().status == 401)
            .await;
    }
    only_the_new_one_works(&system, &id, &email).await;

    let events = trail(&system, &id).await;
    let changed = &events[3];
    assert_eq!(
        json!([changed["eventType"], changed["actorId"], changed["command"], changed["payload"]["password"]]),
        json!(["operator.password_changed", id, "operator.change_password", "[secret]"])
    );
    for out in &events[4..6] {
        assert_eq!(
            json!([out["eventType"], out["payload"]["reason"]]),
            json!(["operator.signed_out", "password_changed"])
        );
    }
}

#[tokio::test]
async fn of_changes_at_the_same_time_one_sets_the_password() {
    let system = shared().await;
    let (_, email, client) = colleague(&system, "SUPPORT").await;
    let ask = |n| client.graphql(CHANGE, change(PASSWORD, &format!("{NEW}{n}")));
    let answers = join_all((0..4).map(ask)).await;
    let answers = answers.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    let winners: Vec<usize> = (0..4).filter(|n| answers[*n].json().get("errors").is_none()).collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.json().get("errors").is_some()) {
        let refused = answer.refused("too late");
        // Who comes so late that the session has ended already is not even asked.
        let known =
            refused.code == "UNAUTHENTICATED" || refused.what() == ("VALIDATION_FAILED", "currentPassword");
        assert!(known, "{refused:?}");
    }
    login(&system, &email, &format!("{NEW}{}", winners[0])).await;
}

#[tokio::test]
async fn a_sign_in_with_the_old_password_that_overlaps_the_change_ends_with_it() {
    let system = shared().await;
    let (_, email, client) = colleague(&system, "SUPPORT").await;
    let portal = system.portal.client();
    let sign_in = |_| portal.graphql(LOGIN, json!({"email": email, "password": PASSWORD}));
    let (_, answers) = tokio::join!(client.ask(CHANGE, change(PASSWORD, NEW)), join_all((0..6).map(sign_in)));
    for answer in answers {
        let answer = answer.unwrap().json();
        let Some(token) = answer["data"]["portalLogin"]["accessToken"].as_str() else { continue };
        let opened = portal.bearer(token);
        until("the end of the session", async || opened.graphql(ME, json!({})).await.unwrap().status == 401)
            .await;
    }
}
