//! What is sensitive needs a password that was shown lately, on both surfaces. Refused cases first.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    api_keys::{MAKE, key, machine},
    audit::audited,
    client::{Client, Refused},
    operators::{self, chief, colleague},
    person::{ME, PASSWORD, Person, REFRESH, login},
    portal,
    system::{System, shared},
    tokens::{claims, confirmed_before},
    two_factor::{BIND, GENERATE, UNBIND, set_up},
};

pub(crate) const CONFIRM: &str = "mutation($password: String!, $code: String, $key: String) { \
    confirmPassword(password: $password, code: $code, idempotencyKey: $key) { \
    accessToken expiresIn confirmedUntil version cursor } }";
const AUDIT: &str = "query($filter: AuditFilter) { auditEvents(filter: $filter, first: 100) { nodes { \
    eventType actorId actorKind platform command version payload } } }";
const CHANGE_PASSWORD: &str = "mutation($old: String!) { \
    changePassword(input: {currentPassword: $old, newPassword: \"Another7Horse\"}) { version } }";
const ERASE: &str = "mutation($tenant: ID!, $id: ID!) { eraseUser(tenantId: $tenant, id: $id) { version } }";
const INVITE_OWNER: &str = "mutation($tenant: ID!) { \
    inviteOwner(tenantId: $tenant, input: {email: \"own@people.test\", fullname: \"Own\"}) { version } }";
const RESET_OF_USER: &str = "mutation($tenant: ID!, $id: ID!) { \
    resetUserTwoFactor(tenantId: $tenant, id: $id, reason: \"lost\") { version } }";
const RESET_OF_OPERATOR: &str =
    "mutation($id: ID!) { resetOperatorTwoFactor(id: $id, reason: \"lost\") { version } }";
const PORTAL_GENERATE: &str = "mutation { generateTwoFactor { secret version } }";
const PORTAL_BIND: &str = "mutation { bindTwoFactor(code: \"123456\") { version } }";
const PORTAL_UNBIND: &str = "mutation { unbindTwoFactor(code: \"123456\") { version } }";

/// The seconds after which the password is to be shown again.
const TOO_OLD: i64 = 15 * 60;

fn with(password: &str) -> Value {
    json!({"password": password})
}

fn asks_for_the_password(refused: &Refused, of: &str) {
    assert_eq!((refused.code.as_str(), refused.reauthenticate), ("FORBIDDEN", true), "{of}: {refused:?}");
    assert!(refused.message.contains("confirmPassword"), "it says what to do: {refused:?}");
}

/// How many events a person's own stream has, and how many keys there are.
async fn written(system: &System, person: &Person) -> i64 {
    let (tenant, id) = (&person.tenant, &person.id);
    let sql = format!(
        "SELECT count(*) FROM events WHERE aggregate_id = '{tenant}/{id}' \
         OR (aggregate_type = 'api_key' AND aggregate_id LIKE '{tenant}/%')"
    );
    system.database.number(&sql).await
}

#[tokio::test]
async fn what_is_sensitive_is_refused_to_a_session_whose_password_was_shown_long_ago() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let old = [Some(TOO_OLD), Some(7 * 24 * 60 * 60), None];
    let before = written(&system, &person).await;
    for seconds in old {
        let token = confirmed_before(&person.access, "user", seconds);
        for node in [&system.a, &system.b] {
            let client = node.client().bearer(&token);
            for (document, variables) in [
                (GENERATE, json!({})),
                (BIND, json!({"code": "123456"})),
                (UNBIND, json!({"code": "123456"})),
                (MAKE, json!({"input": {"name": "ci", "permissions": []}})),
            ] {
                asks_for_the_password(&client.refused(document, variables).await, document);
            }
            client.ask(ME, json!({})).await;
        }
    }
    assert_eq!(written(&system, &person).await, before, "nothing happened");

    let nearly = confirmed_before(&person.access, "user", Some(TOO_OLD - 60));
    system.a.client().bearer(&nearly).ask(GENERATE, json!({})).await;
}

#[tokio::test]
async fn the_password_opens_what_is_sensitive_on_every_node_and_for_its_own_token_only() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let token = confirmed_before(&person.access, "user", Some(TOO_OLD));
    let stale = system.a.client().bearer(&token);
    let confirmed = stale.ask(CONFIRM, with(PASSWORD)).await;
    assert_eq!(confirmed["expiresIn"], 15 * 60);
    let fresh = confirmed["accessToken"].as_str().unwrap();
    assert_eq!(claims(fresh)["sid"], claims(&person.access)["sid"], "it is the same session");
    let until = confirmed["confirmedUntil"].as_str().unwrap();
    let until = format!("SELECT extract(epoch FROM timestamptz '{until}')::bigint");
    let shown = claims(fresh)["auth_time"].as_i64().unwrap();
    assert_eq!(system.database.number(&until).await, shown + TOO_OLD);

    key(&system.a.client().bearer(fresh), json!([])).await;
    system.b.client().bearer(fresh).ask(GENERATE, json!({})).await;
    asks_for_the_password(&stale.refused(GENERATE, json!({})).await, "the token from before");
}

#[tokio::test]
async fn refreshing_confirms_nothing_and_keeps_what_was_confirmed() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let moment = |token: &Value| claims(token.as_str().unwrap())["auth_time"].as_i64().unwrap();
    let tokens = login(&system.a.client(), &person.username, PASSWORD).await;
    let signed_in = moment(&tokens["accessToken"]);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let next = system.b.client().ask(REFRESH, json!({"token": tokens["refreshToken"]})).await;
    assert_eq!(moment(&next["accessToken"]), signed_in);
    let issued = claims(next["accessToken"].as_str().unwrap())["iat"].as_i64().unwrap();
    assert!(issued > signed_in, "the token itself is a new one");

    let client = system.a.client().bearer(next["accessToken"].as_str().unwrap());
    let confirmed = client.ask(CONFIRM, with(PASSWORD)).await;
    let again = moment(&confirmed["accessToken"]);
    assert!(again > signed_in);
    let last = system.b.client().ask(REFRESH, json!({"token": next["refreshToken"]})).await;
    assert_eq!(moment(&last["accessToken"]), again, "the refresh token from before goes on");
    // Another session of the same person was not confirmed.
    let other = system.b.client().ask(REFRESH, json!({"token": person.refresh})).await;
    assert!(moment(&other["accessToken"]) <= signed_in);
}

#[tokio::test]
async fn guessing_the_password_of_an_open_session_has_to_wait() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let nodes = [person.at(&system.a), person.at(&system.b)];
    let mut wrong = 0;
    let waits = loop {
        let refused = nodes[wrong % 2].refused(CONFIRM, with("Wrong7Horse")).await;
        if refused.code == "RATE_LIMITED" {
            break refused.retry_after.unwrap();
        }
        assert_eq!(refused.what(), ("VALIDATION_FAILED", "password"));
        wrong += 1;
        // So many that the wait is longer than it takes to ask again.
        assert!(wrong <= 9, "guessing is free");
    };
    assert!(wrong >= 5 && waits >= 1, "{wrong} {waits}");
    loop {
        let guess = nodes[0].graphql(CONFIRM, with("Wrong7Horse")).await.unwrap();
        if guess.refused("a guess").retry_after.is_some_and(|seconds| seconds >= 8) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(nodes[1].refused(CONFIRM, with(PASSWORD)).await.code, "RATE_LIMITED", "right ones wait too");
    let elsewhere = nodes[1].refused(CHANGE_PASSWORD, json!({"old": PASSWORD})).await;
    assert_eq!(elsewhere.code, "RATE_LIMITED", "it is the same password");
    nodes[0].ask(ME, json!({})).await;
    login(&system.a.client(), &person.username, PASSWORD).await;
}

#[tokio::test]
async fn where_a_second_factor_is_bound_its_code_is_needed_as_well_and_used_up() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    client.ask(CONFIRM, json!({"password": PASSWORD, "code": "is not looked at"})).await;
    let (mut device, recovery) = set_up(&client).await;
    let before = client.refused(CONFIRM, with(PASSWORD)).await;
    assert_eq!(before.what(), ("VALIDATION_FAILED", "code"));
    let wrong = json!({"password": PASSWORD, "code": device.wrong()});
    assert_eq!(client.refused(CONFIRM, wrong).await.what(), ("VALIDATION_FAILED", "code"));
    let code = device.code().await;
    let only_code = json!({"password": "Wrong7Horse", "code": code});
    assert_eq!(client.refused(CONFIRM, only_code).await.what(), ("VALIDATION_FAILED", "password"));
    for shown in [code, recovery[0].clone()] {
        let shown = json!({"password": PASSWORD, "code": shown});
        client.ask(CONFIRM, shown.clone()).await;
        let again = client.refused(CONFIRM, shown).await;
        assert_eq!(again.what(), ("VALIDATION_FAILED", "code"), "it is used up");
    }
}

#[tokio::test]
async fn a_key_for_machines_cannot_confirm_anything() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (_, key) = key(&person.at(&system.a), json!(["manage-api-keys"])).await;
    let machine = machine(&system.b, &key);
    for (document, variables) in [
        (CONFIRM, with(PASSWORD)),
        (GENERATE, json!({})),
        (MAKE, json!({"input": {"name": "ci", "permissions": []}})),
    ] {
        let refused = machine.refused(document, variables).await;
        assert_eq!((refused.code.as_str(), refused.reauthenticate), ("FORBIDDEN", false), "{document}");
        assert_eq!(refused.message, "This needs a person who is signed in; an API key is not enough");
    }
    let nobody = system.a.client().refused(CONFIRM, with(PASSWORD)).await;
    assert_eq!(nobody.code, "UNAUTHENTICATED");
}

async fn trail(system: &System, id: &str, event_type: &str) -> Vec<Value> {
    audited(system).await;
    let reader = portal::operator(system).await;
    let filter = json!({"filter": {"aggregateId": id, "eventType": event_type}});
    reader.ask(AUDIT, filter).await["nodes"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_confirmation_is_in_the_trail_and_shows_no_secret() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let (mut device, _) = set_up(&client).await;
    client.refused(CONFIRM, with("Wrong7Horse")).await;
    let shown = json!({"password": PASSWORD, "code": device.code().await});
    let done = client.ask(CONFIRM, shown).await;

    let events = trail(&system, &person.id, "user.session_confirmed").await;
    assert_eq!(events.len(), 1, "{events:?}");
    let event = &events[0];
    assert_eq!(
        json!([event["actorId"], event["actorKind"], event["platform"], event["command"], event["version"]]),
        json!([person.id, "user", "user", "user.confirm_password", done["version"]])
    );
    assert_eq!(event["payload"]["session"], claims(&person.access)["sid"]);
    assert_eq!(event["payload"]["factor"], json!({"kind": "code", "step": "[secret]"}));
}

/// Everything on the portal that needs the password again, and what to call it with.
fn sensitive(person: &Person, operator: &str) -> Vec<(&'static str, Value)> {
    let input = json!({"fullname": "No", "email": "no@portal.test", "password": PASSWORD, "role": "SUPPORT"});
    let of_user = json!({"tenant": person.tenant, "id": person.id});
    vec![
        (operators::CREATE, json!({"input": input})),
        (operators::UPDATE, json!({"id": operator, "input": {"role": "SUPER_ADMIN"}})),
        (operators::DEACTIVATE, json!({"id": operator})),
        (RESET_OF_OPERATOR, json!({"id": operator})),
        (RESET_OF_USER, of_user.clone()),
        (ERASE, of_user),
        (INVITE_OWNER, json!({"tenant": person.tenant})),
        (PORTAL_GENERATE, json!({})),
        (PORTAL_BIND, json!({})),
        (PORTAL_UNBIND, json!({})),
    ]
}

fn long_ago(system: &System, client: &Client) -> Client {
    system.portal.client().bearer(&confirmed_before(&client.token(), "portal", Some(TOO_OLD)))
}

#[tokio::test]
async fn operators_show_their_password_again_for_what_is_sensitive() {
    let system = shared().await;
    let chief = chief(&system).await;
    let (id, _, _) = colleague(&system, "OPERATIONS").await;
    let person = Person::new(&system.a).await;
    let stale = long_ago(&system, &chief);
    let streams = format!("'{id}', '{}/{}'", person.tenant, person.id);
    let count = format!("SELECT count(*) FROM events WHERE aggregate_id IN ({streams})");
    let before = system.database.number(&count).await;
    for (document, variables) in sensitive(&person, &id) {
        asks_for_the_password(&stale.refused(document, variables).await, document);
    }
    assert_eq!(system.database.number(&count).await, before, "nothing happened");
    // What is not allowed anyway is not asked for again.
    let (_, _, support) = colleague(&system, "SUPPORT").await;
    let refused = long_ago(&system, &support).refused(operators::DEACTIVATE, json!({"id": id})).await;
    assert_eq!((refused.code.as_str(), refused.reauthenticate), ("FORBIDDEN", false), "{refused:?}");
    assert_eq!(refused.message, "This needs the role SUPER_ADMIN or above");

    let refused = stale.refused(CONFIRM, with("Wrong7Secret")).await;
    assert_eq!(refused.what(), ("VALIDATION_FAILED", "password"));
    let confirmed = stale.ask(CONFIRM, with(portal::PASSWORD)).await;
    let fresh = confirmed["accessToken"].as_str().unwrap();
    let (was, is) = (claims(&chief.token()), claims(fresh));
    assert_eq!((&is["sid"], &is["exp"]), (&was["sid"], &was["exp"]), "the session gets no longer");
    let fresh = system.portal.client().bearer(fresh);
    fresh.ask(operators::DEACTIVATE, json!({"id": id})).await;
    stale.ask(portal::ME, json!({})).await;
    asks_for_the_password(&stale.refused(PORTAL_GENERATE, json!({})).await, "the token from before");
}

#[tokio::test]
async fn a_confirmation_of_an_operator_is_in_the_trail() {
    let system = shared().await;
    let (id, _, client) = colleague(&system, "SUPPORT").await;
    let done = client.ask(CONFIRM, with(portal::PASSWORD)).await;
    let events = trail(&system, &id, "operator.session_confirmed").await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(
        json!([events[0]["actorId"], events[0]["actorKind"], events[0]["command"], events[0]["version"]]),
        json!([id, "operator", "operator.confirm_password", done["version"]])
    );
    assert_eq!(events[0]["payload"]["factor"], Value::Null);
}
