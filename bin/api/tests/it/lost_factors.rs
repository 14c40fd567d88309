//! A second factor is lost: an operator takes it away. Refused cases first.

use serde_json::{Value, json};

use crate::{
    audit::audited,
    client::Client,
    device::Device,
    operators::{chief, colleague},
    person::{ME, PASSWORD, Person, REFRESH, login, outbox},
    portal::{self, operator},
    system::{System, shared},
    two_factor::{challenged, set_up},
    wait::until,
};

const RESET_USER: &str = "mutation($tenant: ID!, $id: ID!, $reason: String!, $key: String) { \
    resetUserTwoFactor(tenantId: $tenant, id: $id, reason: $reason, idempotencyKey: $key) { \
    user { id status } version cursor } }";
const RESET_OPERATOR: &str = "mutation($id: ID!, $reason: String!, $key: String) { \
    resetOperatorTwoFactor(id: $id, reason: $reason, idempotencyKey: $key) { \
    operator { id twoFactor } version cursor } }";
const GENERATE: &str = "mutation { generateTwoFactor { otpauthUrl } }";
const BIND: &str = "mutation($code: String!) { bindTwoFactor(code: $code) { cursor } }";
const AUDIT: &str = "query($filter: AuditFilter) { auditEvents(filter: $filter, first: 100) { nodes { \
    eventType actorId command payload } } }";
const SUBJECT: &str = "Two-factor authentication was taken off your account";
const REASON: &str = "showed a passport in a video call, ticket 4711";
const UNKNOWN: &str = "01890000-0000-7000-8000-000000000000";

fn of(person: &Person, reason: &str) -> Value {
    json!({"tenant": person.tenant, "id": person.id, "reason": reason})
}

/// What happened to a thing since its second factor was taken away, as somebody may see it.
async fn since_the_reset(system: &System, reader: &Client, id: &str) -> Vec<Value> {
    audited(system).await;
    let nodes = reader.ask(AUDIT, json!({"filter": {"aggregateId": id}})).await["nodes"].clone();
    let ends_with = |event: &Value, end: &str| event["eventType"].as_str().unwrap().ends_with(end);
    let events = nodes.as_array().unwrap().iter();
    events.skip_while(|event| !ends_with(event, ".two_factor_reset")).cloned().collect()
}

async fn mails(system: &System, email: &str) -> usize {
    let mails = outbox(&system.a.client(), email).await;
    mails.as_array().unwrap().iter().filter(|mail| mail["subject"] == SUBJECT).count()
}

#[tokio::test]
async fn a_lost_factor_is_taken_away_by_who_may_for_a_reason_only() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (mut device, _) = set_up(&person.at(&system.a)).await;
    let (support, (_, _, operations)) = (operator(&system).await, colleague(&system, "OPERATIONS").await);
    let refused = support.refused(RESET_USER, of(&person, REASON)).await;
    assert_eq!((refused.code.as_str(), refused.reauthenticate), ("FORBIDDEN", false));
    for reason in ["", "  ", "two\nlines", &"x".repeat(501)] {
        let refused = operations.refused(RESET_USER, of(&person, reason)).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", "reason"), "{reason:?}");
    }
    let elsewhere = Person::new(&system.b).await;
    for (tenant, id) in [(&elsewhere.tenant, person.id.as_str()), (&person.tenant, UNKNOWN)] {
        let asked = json!({"tenant": tenant, "id": id, "reason": REASON});
        assert_eq!(operations.refused(RESET_USER, asked).await.code, "NOT_FOUND");
    }
    let there = operations.ask(RESET_USER, of(&elsewhere, REASON)).await;
    assert_eq!(there["version"], 3, "without a factor nothing happens");
    elsewhere.at(&system.a).ask(ME, json!({})).await;

    let token = challenged(&system.a.client(), &person.username).await;
    let shown = json!({"token": token, "code": device.code().await});
    system.a.client().ask(crate::two_factor::PASS, shown).await;
}

#[tokio::test]
async fn who_lost_the_factor_starts_anew_with_the_password_and_is_told() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    set_up(&person.at(&system.a)).await;
    let waiting = challenged(&system.a.client(), &person.username).await;
    let (operator_id, _, operations) = colleague(&system, "OPERATIONS").await;
    let mut asked = of(&person, REASON);
    asked["key"] = person.id.clone().into();
    let done = operations.ask(RESET_USER, asked.clone()).await;
    assert_eq!((&done["user"]["id"], &done["user"]["status"]), (&json!(person.id), &json!("ACTIVE")));
    assert_eq!(operations.ask(RESET_USER, asked).await, done, "a repeated key");
    assert_eq!(
        operations.ask(RESET_USER, of(&person, REASON)).await["version"],
        done["version"],
        "and without"
    );

    // On every node, whoever holds it.
    until("the session has ended", async || {
        person.at(&system.b).graphql(ME, json!({})).await.unwrap().status == 401
    })
    .await;
    let gone = system.b.client().refused(REFRESH, json!({"token": person.refresh})).await;
    assert_eq!(gone.code, "UNAUTHENTICATED");
    let in_vain = json!({"token": waiting, "code": "123456"});
    let refused = system.a.client().refused(crate::two_factor::PASS, in_vain).await;
    assert_eq!(refused.message, "Invalid or expired two-factor token");
    assert_eq!(login(&system.b.client(), &person.username, PASSWORD).await["requiresTwoFactor"], false);
    until("a mail", async || mails(&system, &person.email).await == 1).await;

    let events = since_the_reset(&system, &operations, &person.id).await;
    assert_eq!(
        json!([events[0]["actorId"], events[0]["command"], events[0]["payload"]["grounds"]]),
        json!([operator_id, "user.reset_two_factor_of_tenant", REASON])
    );
    assert_eq!(
        json!([events[1]["eventType"], events[1]["payload"]["reason"]]),
        json!(["user.session_revoked", "second_factor_reset"])
    );
    let hidden = since_the_reset(&system, &operator(&system).await, &person.id).await;
    assert_eq!(hidden[0]["payload"]["grounds"], "[personal]", "it speaks of a person");
    let stored = "SELECT count(*) FROM events WHERE payload::text LIKE '%video call%'";
    assert_eq!(system.database.number(stored).await, 0, "and is sealed like everything personal");
}

#[tokio::test]
async fn an_operator_who_lost_the_factor_asks_another_one_and_cannot_help_oneself() {
    let system = shared().await;
    let chief = chief(&system).await;
    let (id, email, client) = colleague(&system, "SUPER_ADMIN").await;
    let given = client.ask(GENERATE, json!({})).await;
    let mut device = Device::scan(given["otpauthUrl"].as_str().unwrap());
    client.ask(BIND, json!({"code": device.code().await})).await;

    let own = client.refused(RESET_OPERATOR, json!({"id": id, "reason": REASON})).await;
    assert_eq!(own.code, "VALIDATION_FAILED");
    assert!(own.message.starts_with("you cannot take away your own second factor"), "{own:?}");
    let (_, _, operations) = colleague(&system, "OPERATIONS").await;
    let refused = operations.refused(RESET_OPERATOR, json!({"id": id, "reason": REASON})).await;
    assert_eq!(refused.message, "This needs the role SUPER_ADMIN or above");
    let refused = chief.refused(RESET_OPERATOR, json!({"id": id, "reason": ""})).await;
    assert_eq!(refused.what(), ("VALIDATION_FAILED", "reason"));
    assert_eq!(
        chief.refused(RESET_OPERATOR, json!({"id": UNKNOWN, "reason": REASON})).await.code,
        "NOT_FOUND"
    );

    let asked = json!({"id": id, "reason": REASON, "key": id});
    let done = chief.ask(RESET_OPERATOR, asked.clone()).await;
    assert_eq!(done["operator"], json!({"id": id, "twoFactor": false}));
    assert_eq!(chief.ask(RESET_OPERATOR, asked).await, done, "a repeated key");
    until("the session has ended", async || {
        client.graphql(portal::ME, json!({})).await.unwrap().status == 401
    })
    .await;
    let entry = json!({"email": email, "password": portal::PASSWORD});
    assert_eq!(system.portal.client().ask(portal::LOGIN, entry).await["requiresTwoFactor"], false);
    until("a mail", async || mails(&system, &email).await == 1).await;
    let events = since_the_reset(&system, &chief, &id).await;
    assert_eq!(
        json!([events[0]["eventType"], events[0]["command"], events[0]["payload"]["grounds"]]),
        json!(["operator.two_factor_reset", "operator.reset_two_factor", REASON])
    );
    assert_eq!(
        json!([events[1]["eventType"], events[1]["payload"]["reason"]]),
        json!(["operator.signed_out", "second_factor_reset"])
    );
}
