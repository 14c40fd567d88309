//! Mails that anybody may ask for, and what the tokens in them do.

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    person::{
        LOGIN, PASSWORD, Person, REFRESH, REGISTER, VERIFY, fresh_name, input, login, mailed_link,
        mailed_token, outbox,
    },
    system::shared,
    wait::until,
};

const RESEND: &str =
    "mutation($email: String!, $key: String) { resendVerification(email: $email, idempotencyKey: $key) }";
const REQUEST: &str =
    "mutation($email: String!, $key: String) { requestPasswordReset(email: $email, idempotencyKey: $key) }";
const CHECK: &str = "query($token: String!) { verifyPasswordResetToken(token: $token) }";
const RESET: &str = "mutation($token: String!, $password: String!, $key: String) { \
    resetPassword(input: {token: $token, newPassword: $password}, idempotencyKey: $key) { reset version cursor } }";
const NEW: &str = "Another7Horse";

#[tokio::test]
async fn a_forgotten_password_is_set_by_mail_and_ends_all_sessions() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (a, b) = (system.a.client(), system.b.client());
    assert_eq!(a.ask(REQUEST, json!({"email": format!(" {} ", person.email.to_uppercase())})).await, true);
    let token = mailed_link(&a, &person.email, "reset-password", None).await;
    assert_eq!(b.ask(CHECK, json!({"token": token})).await, true);
    let weak = b.refused(RESET, json!({"token": token, "password": "weak"})).await;
    assert_eq!(weak.what(), ("VALIDATION_FAILED", "newPassword"));

    let variables = json!({"token": token, "password": NEW, "key": "reset"});
    let done = b.ask(RESET, variables.clone()).await;
    assert_eq!(done["reset"], true);
    assert_eq!(
        b.ask(RESET, variables).await["cursor"],
        done["cursor"],
        "the same request is not a second use"
    );
    assert_eq!(a.ask(CHECK, json!({"token": token})).await, false);
    let used = a.refused(RESET, json!({"token": token, "password": NEW})).await;
    assert_eq!(
        (used.what(), used.message.as_str()),
        (("VALIDATION_FAILED", "token"), "this token is invalid or has expired")
    );
    assert_eq!(a.refused(REFRESH, json!({"token": person.refresh})).await.code, "UNAUTHENTICATED");
    let old = a.refused(LOGIN, json!({"identifier": person.username, "password": PASSWORD})).await;
    assert_eq!(old.message, "Invalid credentials");
    login(&a, &person.username, NEW).await;
    until("a notice", async || outbox(&a, &person.email).await[0]["subject"] == "Your password was changed")
        .await;
    let mails = outbox(&a, &person.email).await;
    assert!(!mails[0]["text"].as_str().unwrap().contains(NEW));
}

#[tokio::test]
async fn of_resets_at_the_same_time_one_sets_the_password() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = system.a.client();
    client.ask(REQUEST, json!({"email": person.email})).await;
    let token = mailed_link(&client, &person.email, "reset-password", None).await;
    let answers = join_all((0..8).map(|n| {
        let client = if n % 2 == 0 { system.a.client() } else { system.b.client() };
        let variables = json!({"token": token, "password": format!("{NEW}{n}")});
        async move { client.graphql(RESET, variables).await.unwrap() }
    }))
    .await;
    let winners: Vec<usize> = (0..8).filter(|n| answers[*n].json().get("errors").is_none()).collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.json().get("errors").is_some()) {
        assert_eq!(answer.refused("too late").what(), ("VALIDATION_FAILED", "token"));
    }
    login(&client, &person.username, &format!("{NEW}{}", winners[0])).await;
}

#[tokio::test]
async fn a_reset_that_was_asked_for_again_replaces_the_first() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = system.a.client();
    client.ask(REQUEST, json!({"email": person.email, "key": "once"})).await;
    let first = mailed_link(&client, &person.email, "reset-password", None).await;
    client.ask(REQUEST, json!({"email": person.email, "key": "once"})).await;
    client.ask(REQUEST, json!({"email": person.email, "key": "again"})).await;
    let second = mailed_link(&client, &person.email, "reset-password", Some(&first)).await;
    assert_eq!(client.ask(CHECK, json!({"token": first})).await, false);
    assert_eq!(client.ask(CHECK, json!({"token": second})).await, true);
    let mails = outbox(&client, &person.email).await;
    let resets =
        mails.as_array().unwrap().iter().filter(|mail| mail["subject"] == "Reset your password").count();
    assert_eq!(resets, 2, "a repeated key mails nothing: {mails}");
}

#[tokio::test]
async fn a_verification_that_was_asked_for_again_replaces_the_first() {
    let system = shared().await;
    let client = system.a.client();
    let username = fresh_name();
    let email = format!("{username}@people.test");
    client.ask(REGISTER, json!({"input": input(&username)})).await;
    let first = mailed_token(&client, &email).await;
    assert_eq!(system.b.client().ask(RESEND, json!({"email": email})).await, true);
    let second = mailed_link(&client, &email, "verify-email", Some(&first)).await;
    assert_eq!(client.refused(VERIFY, json!({"token": first})).await.what(), ("VALIDATION_FAILED", "token"));
    client.ask(VERIFY, json!({"token": second})).await;
    login(&client, &username, PASSWORD).await;
}

#[tokio::test]
async fn whoever_asks_for_a_mail_hears_true_and_no_more() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = system.a.client();
    let unknown = format!("{}@people.test", fresh_name());
    let long = "x".repeat(5_000);
    let injected = format!("{}\r\nBcc: all@people.test", person.email);
    for email in [&person.email, &unknown, "", "nobody", &long, &injected, "' OR 1=1 --"] {
        for document in [RESEND, REQUEST] {
            assert_eq!(
                client.whole(document, json!({"email": email})).await.to_string().matches("true").count(),
                1
            );
        }
    }
    // The mail of the one that is known is the last that could come.
    mailed_link(&client, &person.email, "reset-password", None).await;
    assert_eq!(outbox(&client, &unknown).await, json!([]));
    let mails = outbox(&client, &person.email).await;
    let verifications =
        mails.as_array().unwrap().iter().filter(|mail| mail["subject"] == "Please verify your email address");
    assert_eq!(verifications.count(), 1, "who is verified is not asked again: {mails}");
}

#[tokio::test]
async fn what_is_no_token_resets_nothing() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = system.a.client();
    let other = fresh_name();
    client.ask(REGISTER, json!({"input": input(&other)})).await;
    let verification = mailed_token(&client, &format!("{other}@people.test")).await;
    let long = "A".repeat(100_000);
    for token in ["", "garbage", verification.as_str(), person.refresh.as_str(), &long] {
        let refused = client.refused(RESET, json!({"token": token, "password": NEW})).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", "token"), "{}", token.len());
        assert_eq!(client.ask(CHECK, json!({"token": token})).await, false);
    }
    login(&client, &person.username, PASSWORD).await;
}
