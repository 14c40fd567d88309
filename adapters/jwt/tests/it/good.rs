//! Tokens that are let in, and what they carry.

use std::{future::poll_fn, pin::pin, task::Poll};

use adapter_jwt::{LEEWAY_SECONDS, RsaTokens};
use application::{
    Member, Platform,
    ports::{AccessTokens, TokenError},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Actor, operator::OperatorRole, role::Permission};
use serde_json::{Value, json};

use crate::rig::{
    CONFIRMED_BEFORE, LIFETIME, NOW, OPERATOR, SESSION, TENANT, USER, a_user, an_operator, at, claims,
    foreign, forge_own, header, issue, now, own, session, tokens_of, user_tokens, verify, with,
};

#[test]
fn a_user_token_brings_the_person_the_tenant_the_session_and_the_rights() {
    let caller = verify(&issue(&user_tokens(), &a_user())).unwrap();
    let member = caller.signed_in::<application::Never>().unwrap();
    assert_eq!(member, Member { tenant: TENANT, user: USER });
    assert_eq!(caller.session(), Some(SESSION));
    assert_eq!(caller.until(), Some(at(NOW + LIFETIME)));
    assert_eq!(caller.lacks(&[Permission::CreateTodo, Permission::ManageUsers]), [Permission::ManageUsers]);
}

#[test]
fn an_operator_token_brings_the_operator_and_its_role() {
    let portal = tokens_of(Platform::Portal, foreign(), "");
    let caller = portal.verify(&issue(&portal, &an_operator()), at(NOW)).unwrap();
    assert_eq!(caller.actor, Actor::Operator(OPERATOR));
    assert_eq!(caller.operator_role(), Some(OperatorRole::Operations));
    assert_eq!(caller.tenant(), None);
}

#[test]
fn the_claims_are_those_of_the_contract() {
    let token = issue(&user_tokens(), &a_user());
    let parts: Vec<Value> = token.split('.').take(2).map(decoded).collect();
    assert_eq!(parts[0], header());
    assert_eq!(parts[1], claims());
}

#[test]
fn a_token_says_when_the_password_was_shown_and_one_of_an_earlier_release_does_not() {
    let caller = verify(&issue(&user_tokens(), &a_user())).unwrap();
    assert_eq!(caller.confirmed_at(), Some(at(NOW - CONFIRMED_BEFORE)));
    let says =
        |auth_time: Value| verify(&forge_own(&header(), &with(claims(), json!({"auth_time": auth_time}))));
    assert_eq!(says(Value::Null).unwrap().confirmed_at(), None);
    for wrong in [json!("yesterday"), json!(i64::MAX)] {
        assert!(matches!(says(wrong), Err(TokenError::Invalid(_))));
    }
}

#[test]
fn a_token_is_signed_aside_and_not_where_it_is_asked_for() {
    let (tokens, user) = (user_tokens(), a_user());
    let issued = now(async {
        let mut issuing = pin!(tokens.issue(&user, session(), OPERATOR.0, at(NOW), at(NOW + LIFETIME)));
        let waits = poll_fn(|context| Poll::Ready(issuing.as_mut().poll(context).is_pending()));
        assert!(waits.await, "the first look already brings it");
        issuing.await
    });
    assert!(verify(&issued.unwrap()).is_ok());
}

#[test]
fn a_surface_does_not_sign_for_the_other_one() {
    let tokens = user_tokens();
    let refused = now(tokens.issue(&an_operator(), session(), OPERATOR.0, at(NOW), at(NOW + LIFETIME)));
    assert!(matches!(refused, Err(TokenError::Signing(_))));
}

#[test]
fn the_right_key_with_the_wrong_platform_is_told_apart() {
    let token = forge_own(&header(), &with(claims(), json!({ "platform": "portal" })));
    assert_eq!(verify(&token).unwrap_err(), TokenError::WrongPlatform { received: "portal" });
}

#[test]
fn a_role_nobody_knows_gives_nothing() {
    let token = forge_own(&header(), &with(claims(), json!({ "roles": ["Emperor"] })));
    assert_eq!(verify(&token).unwrap().lacks(Permission::ALL), Permission::ALL);
}

#[test]
fn a_remembered_token_still_expires() {
    let tokens = user_tokens();
    let token = issue(&tokens, &a_user());
    assert!(tokens.verify(&token, at(NOW)).is_ok());
    assert_eq!(tokens.remembered(), 1);
    assert!(tokens.verify(&token, at(NOW + LIFETIME + LEEWAY_SECONDS - 1)).is_ok());
    let late = tokens.verify(&token, at(NOW + LIFETIME + LEEWAY_SECONDS));
    assert_eq!(late.unwrap_err(), TokenError::Invalid("expired".to_owned()));
    let early = tokens.verify(&token, at(NOW - LEEWAY_SECONDS - 1));
    assert_eq!(early.unwrap_err(), TokenError::Invalid("not valid yet".to_owned()));
}

#[test]
fn a_bad_token_is_not_remembered() {
    let tokens = user_tokens();
    let token = issue(&tokens, &a_user());
    assert!(tokens.verify(&token[..token.len() - 4], at(NOW)).is_err());
    assert!(tokens.verify(&token, at(NOW + LIFETIME + LEEWAY_SECONDS)).is_err());
    assert_eq!(tokens.remembered(), 0);
}

#[test]
fn a_previous_key_verifies_until_it_is_taken_away() {
    let old = issue(&user_tokens(), &a_user());
    let rotated = tokens_of(Platform::User, foreign(), &own().public);
    assert!(rotated.verify(&old, at(NOW)).is_ok());
    assert!(rotated.verify(&issue(&rotated, &a_user()), at(NOW)).is_ok());
    assert_eq!(kids(&rotated).len(), 2);

    let ended = tokens_of(Platform::User, foreign(), "");
    assert!(matches!(ended.verify(&old, at(NOW)), Err(TokenError::Invalid(_))));
    assert_eq!(kids(&ended), kids(&rotated)[..1]);
}

#[test]
fn a_previous_key_that_is_the_current_one_is_listed_once() {
    let twice = format!("{}\n{}", own().public, foreign().public);
    assert_eq!(kids(&tokens_of(Platform::User, own(), &twice)).len(), 2);
}

#[test]
fn debug_shows_no_key() {
    let shown = format!("{:?}", user_tokens());
    assert!(shown.len() < 200 && !shown.contains("BEGIN"), "{shown}");
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn kids(tokens: &RsaTokens) -> Vec<Value> {
    let jwks = tokens.jwks();
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
}
