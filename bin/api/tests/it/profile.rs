//! One's own account: profile, password, sessions.

use serde_json::{Value, json};

use crate::{
    person::{LOGIN, ME, PASSWORD, Person, REFRESH, REGISTER, fresh_name, input, login, outbox},
    system::shared,
    wait::until,
};

const UPDATE: &str = "mutation($input: UpdateProfileInput!, $key: String, $version: Int) { \
    updateProfile(input: $input, idempotencyKey: $key, expectedVersion: $version) { \
    user { id fullname username email tenant { name } } version cursor } }";
const CHANGE: &str = "mutation($current: String!, $new: String!) { \
    changePassword(input: {currentPassword: $current, newPassword: $new}) { user { id } version cursor } }";
const SESSIONS: &str = "{ sessions { id createdAt lastUsedAt expiresAt current } }";
const LOGOUT: &str = "mutation { logout { sessions { id current } version cursor } }";
const EVERYWHERE: &str = "mutation { logoutEverywhere { sessions { id } version cursor } }";

#[tokio::test]
async fn a_profile_changes_and_the_old_username_is_free() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let me = person.at(&system.a);
    let username = fresh_name();
    let changed =
        me.ask(UPDATE, json!({"input": {"fullname": " Ada L. ", "username": username.to_uppercase()}})).await;
    let user = &changed["user"];
    assert_eq!((&user["fullname"], &user["username"]), (&json!("Ada L."), &json!(username)));
    assert_eq!(user["tenant"]["name"], "Ada L.", "a tenant named after a person is called as the person is");
    let seen = person.at(&system.b).after(&changed["cursor"]).ask(ME, json!({})).await;
    assert_eq!((&seen["username"], &seen["tenant"]["name"]), (&json!(username), &json!("Ada L.")));

    let same = me.ask(UPDATE, json!({"input": {"fullname": "Ada L.", "username": username}})).await;
    assert_eq!(same["version"], changed["version"], "nothing changed");
    assert_eq!(me.ask(UPDATE, json!({"input": {}})).await["version"], changed["version"]);
    login(&system.b.client(), &username, PASSWORD).await;
    let old =
        system.b.client().refused(LOGIN, json!({"identifier": person.username, "password": PASSWORD})).await;
    assert_eq!(old.message, "Invalid credentials");
    let mut taken_over = input(&person.username);
    taken_over["email"] = format!("{}.2@people.test", person.username).into();
    system.a.client().ask(REGISTER, json!({"input": taken_over})).await;
}

#[tokio::test]
async fn a_changed_username_is_told_by_mail_and_a_changed_full_name_is_not() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (me, username) = (person.at(&system.a), fresh_name());
    me.ask(UPDATE, json!({"input": {"fullname": "Ada L.", "username": person.username}})).await;

    me.ask(UPDATE, json!({"input": {"username": username}})).await;

    let mails = async || outbox(&system.a.client(), &person.email).await;
    let subject = "Your username was changed";
    until("a notice", async || mails().await[0]["subject"] == subject).await;
    let mails = mails().await;
    let told = mails.as_array().unwrap().iter().filter(|mail| mail["subject"] == subject);
    assert_eq!(told.count(), 1, "{mails}");
    assert!(!mails[0]["text"].as_str().unwrap().contains(&username), "{mails}");
}

#[tokio::test]
async fn a_profile_that_breaks_a_rule_changes_nothing() {
    let system = shared().await;
    let (person, other) = (Person::new(&system.a).await, Person::new(&system.b).await);
    let me = person.at(&system.a);
    let before = me.ask(UPDATE, json!({"input": {}})).await;
    for (input, what) in [
        (json!({"username": other.username.to_uppercase()}), ("ALREADY_EXISTS", "username")),
        (json!({"fullname": "New Name", "username": other.username}), ("ALREADY_EXISTS", "username")),
        (json!({"username": "no name"}), ("VALIDATION_FAILED", "username")),
        (json!({"fullname": " "}), ("VALIDATION_FAILED", "fullname")),
        (json!({"fullname": Value::Null}), ("VALIDATION_FAILED", "fullname")),
        (json!({"username": Value::Null}), ("VALIDATION_FAILED", "username")),
    ] {
        assert_eq!(me.refused(UPDATE, json!({"input": input})).await.what(), what, "{input}");
    }
    let version = before["version"].as_i64().unwrap();
    let stale = me.refused(UPDATE, json!({"input": {"fullname": "New"}, "version": version - 1})).await;
    assert_eq!((stale.code.as_str(), stale.current_version), ("CONFLICT", Some(version)));
    assert_eq!(me.ask(UPDATE, json!({"input": {}})).await, before);
}

#[tokio::test]
async fn a_changed_password_ends_all_sessions() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let me = person.at(&system.a);
    let other = login(&system.b.client(), &person.email, PASSWORD).await;
    let wrong = me.refused(CHANGE, json!({"current": "Wrong7Horse", "new": "Another7Horse"})).await;
    assert_eq!(
        (wrong.what(), wrong.message.as_str()),
        (("VALIDATION_FAILED", "currentPassword"), "currentPassword is wrong")
    );
    let weak = me.refused(CHANGE, json!({"current": PASSWORD, "new": "weak"})).await;
    assert_eq!(weak.what(), ("VALIDATION_FAILED", "newPassword"));
    let nobody =
        system.a.client().refused(CHANGE, json!({"current": PASSWORD, "new": "Another7Horse"})).await;
    assert_eq!(nobody.code, "UNAUTHENTICATED");

    me.ask(CHANGE, json!({"current": PASSWORD, "new": "Another7Horse"})).await;
    for token in [json!(person.refresh), other["refreshToken"].clone()] {
        assert_eq!(system.b.client().refused(REFRESH, json!({"token": token})).await.code, "UNAUTHENTICATED");
    }
    let old =
        system.a.client().refused(LOGIN, json!({"identifier": person.username, "password": PASSWORD})).await;
    assert_eq!(old.message, "Invalid credentials");
    login(&system.b.client(), &person.username, "Another7Horse").await;
}

#[tokio::test]
async fn logging_out_ends_this_session_and_no_other() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let second = login(&system.b.client(), &person.username, PASSWORD).await;
    let there = system.b.client().bearer(second["accessToken"].as_str().unwrap());
    let listed = there.ask(SESSIONS, json!({})).await;
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 2);
    let current: Vec<bool> = listed.iter().map(|session| session["current"].as_bool().unwrap()).collect();
    assert_eq!(current, [true, false], "the newest first");

    let left = person.at(&system.a).ask(LOGOUT, json!({})).await;
    assert_eq!(left["sessions"], json!([{"id": listed[0]["id"], "current": false}]));
    assert_eq!(
        system.b.client().refused(REFRESH, json!({"token": person.refresh})).await.code,
        "UNAUTHENTICATED"
    );
    let next = system.a.client().ask(REFRESH, json!({"token": second["refreshToken"]})).await;
    let again = there.ask(SESSIONS, json!({})).await;
    assert_eq!(again.as_array().unwrap().len(), 1);
    assert!(again[0]["lastUsedAt"].as_str() > again[0]["createdAt"].as_str(), "{again}");

    let there = system.b.client().bearer(next["accessToken"].as_str().unwrap());
    assert_eq!(there.ask(EVERYWHERE, json!({})).await["sessions"], json!([]));
    assert_eq!(
        system.a.client().refused(REFRESH, json!({"token": next["refreshToken"]})).await.code,
        "UNAUTHENTICATED"
    );
    for document in [SESSIONS, LOGOUT, EVERYWHERE] {
        assert_eq!(system.a.client().refused(document, json!({})).await.code, "UNAUTHENTICATED");
    }
}
