//! Operators among themselves: who makes, changes and keeps out whom.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{
    audit::audited,
    client::Client,
    database::Database,
    device::Device,
    documents::{TODOS, create},
    person::Person,
    portal::{LOGIN, ME, PASSWORD, create_operator, operator},
    service::{Service, Settings},
    system::{System, shared},
};

pub(crate) const CREATE: &str = "mutation($input: CreateOperatorInput!, $key: String) { \
    createOperator(input: $input, idempotencyKey: $key) { \
    operator { id fullname email role active twoFactor createdAt } version cursor } }";
pub(crate) const UPDATE: &str = "mutation($id: ID!, $input: UpdateOperatorInput!, $key: String, $expected: Int) { \
    updateOperator(id: $id, input: $input, idempotencyKey: $key, expectedVersion: $expected) { \
    operator { id fullname email role active twoFactor createdAt } version cursor } }";
pub(crate) const DEACTIVATE: &str =
    "mutation($id: ID!) { deactivateOperator(id: $id) { operator { id active role } version cursor } }";
const OPERATORS: &str = "query($first: Int, $after: Cursor, $filter: OperatorFilter) { \
    operators(first: $first, after: $after, filter: $filter) { \
    nodes { id fullname email role active twoFactor createdAt } pageInfo { hasNextPage endCursor } totalCount } }";
const LOGOUT: &str = "mutation { logout { signedOut version cursor } }";
const AUDIT: &str = "query($filter: AuditFilter) { auditEvents(filter: $filter, first: 100) { nodes { \
    eventType actorId actorKind platform command payload } } }";
const LAST: &str = "the last active SUPER_ADMIN can be neither demoted nor deactivated";

fn fresh_email(of: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{of}{}@portal.test", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn input(email: &str, role: &str) -> Value {
    json!({"fullname": "Paul Portal", "email": email, "password": PASSWORD, "role": role})
}

async fn signed_in(portal: &Service, email: &str) -> Client {
    let tokens = portal.client().ask(LOGIN, json!({"email": email, "password": PASSWORD})).await;
    portal.client().bearer(tokens["accessToken"].as_str().unwrap())
}

/// The first super admin of a system; the first who asks makes it.
pub(crate) async fn chief(system: &System) -> Client {
    const EMAIL: &str = "chief@portal.test";
    static MADE: Mutex<BTreeSet<String>> = Mutex::const_new(BTreeSet::new());
    let mut made = MADE.lock().await;
    if made.insert(system.database.name.clone()) {
        let output = create_operator(&system.database, EMAIL, "SUPER_ADMIN", PASSWORD).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    drop(made);
    signed_in(&system.portal, EMAIL).await
}

/// Somebody new with a role: id, address, and a client that is signed in.
pub(crate) async fn colleague(system: &System, role: &str) -> (String, String, Client) {
    let email = fresh_email("colleague");
    let made = chief(system).await.ask(CREATE, json!({"input": input(&email, role)})).await;
    let client = signed_in(&system.portal, &email).await;
    (made["operator"]["id"].as_str().unwrap().to_owned(), email, client)
}

async fn events(system: &System, reader: &Client, id: &str) -> Vec<Value> {
    audited(system).await;
    let trail = reader.ask(AUDIT, json!({"filter": {"aggregateId": id, "aggregateType": "operator"}})).await;
    trail["nodes"].as_array().unwrap().clone()
}

#[tokio::test]
async fn only_super_admins_manage_operators_and_all_operators_see_them() {
    let system = shared().await;
    let (id, email, operations) = colleague(&system, "OPERATIONS").await;
    let support = operator(&system).await;
    for client in [&operations, &support] {
        for (document, variables) in [
            (CREATE, json!({"input": input(&fresh_email("no"), "SUPPORT")})),
            (UPDATE, json!({"id": id, "input": {"role": "SUPER_ADMIN"}})),
            (DEACTIVATE, json!({"id": id})),
        ] {
            let refused = client.refused(document, variables).await;
            assert_eq!(refused.code, "FORBIDDEN", "{document}");
            assert_eq!(refused.message, "This needs the role SUPER_ADMIN or above");
        }
        let list = client.ask(OPERATORS, json!({"filter": {"role": "OPERATIONS"}, "first": 100})).await;
        let nodes = list["nodes"].as_array().unwrap();
        assert_eq!(list["totalCount"], nodes.len());
        assert!(
            nodes.iter().any(|node| node["email"] == email)
                && nodes.iter().all(|node| node["role"] == "OPERATIONS")
        );
    }
    for document in [CREATE, UPDATE, DEACTIVATE, OPERATORS, LOGOUT] {
        let variables = json!({"id": id, "input": {}});
        let answer = system.portal.client().graphql(document, variables).await.unwrap();
        assert!([400, 401].contains(&answer.status), "{document}: {answer:?}");
    }
}

#[tokio::test]
async fn an_operator_is_made_once_and_signs_in() {
    let system = shared().await;
    let chief = chief(&system).await;
    let email = fresh_email("New.One");
    let variables = json!({"input": input(&email, "SUPPORT"), "key": email});
    let made = chief.ask(CREATE, variables.clone()).await;
    assert_eq!(made["version"], 1);
    let operator = &made["operator"];
    assert_eq!(
        json!([
            operator["fullname"],
            operator["email"],
            operator["role"],
            operator["active"],
            operator["twoFactor"]
        ]),
        json!(["Paul Portal", email.to_lowercase(), "SUPPORT", true, false])
    );
    assert_eq!(chief.ask(CREATE, variables).await, made, "a repeated key");
    let mut other = input(&fresh_email("other"), "SUPPORT");
    let reused = chief.refused(CREATE, json!({"input": other, "key": email})).await;
    assert_eq!(reused.what(), ("CONFLICT", "idempotencyKey"));
    other["email"] = email.to_uppercase().into();
    assert_eq!(chief.refused(CREATE, json!({"input": other})).await.what(), ("ALREADY_EXISTS", "email"));
    for (field, value) in [
        ("fullname", " "),
        ("fullname", "Eve\r\nBcc: x"),
        ("email", "nobody"),
        ("password", "weak"),
        ("password", "no7uppercase"),
    ] {
        let mut bad = input(&fresh_email("bad"), "SUPPORT");
        bad[field] = value.into();
        assert_eq!(chief.refused(CREATE, json!({"input": bad})).await.what(), ("VALIDATION_FAILED", field));
    }
    let me = signed_in(&system.portal, &email).await.ask(ME, json!({})).await;
    assert_eq!(me["id"], operator["id"]);
}

#[tokio::test]
async fn an_operator_is_changed_and_another_role_ends_the_sessions() {
    let system = shared().await;
    let chief = chief(&system).await;
    let (id, _, _) = colleague(&system, "SUPPORT").await;
    let change = async |input: Value| chief.ask(UPDATE, json!({"id": id, "input": input})).await;
    let same = change(json!({"role": "SUPPORT", "fullname": "Paul Portal", "active": true})).await;
    assert_eq!(same["version"], 2, "what holds already changes nothing");
    let conflict = json!({"id": id, "input": {"role": "OPERATIONS"}, "expected": 1});
    let refused = chief.refused(UPDATE, conflict).await;
    assert_eq!((refused.code.as_str(), refused.current_version), ("CONFLICT", Some(2)));
    let keyed = json!({"id": id, "input": {"fullname": "Paula Portal", "role": "OPERATIONS"}, "key": id, "expected": 2});
    let changed = chief.ask(UPDATE, keyed.clone()).await;
    assert_eq!(
        json!([changed["operator"]["fullname"], changed["operator"]["role"], changed["version"]]),
        json!(["Paula Portal", "OPERATIONS", 5])
    );
    assert_eq!(chief.ask(UPDATE, keyed).await, changed, "a repeated key");
    let list = chief.after(&changed["cursor"]).ask(OPERATORS, json!({"first": 100})).await;
    let row = list["nodes"].as_array().unwrap().iter().find(|node| node["id"] == id.as_str()).unwrap();
    assert_eq!(*row, changed["operator"]);

    let trail = events(&system, &chief, &id).await;
    let types: Vec<&str> = trail.iter().map(|event| event["eventType"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "operator.created",
            "operator.signed_in",
            "operator.renamed",
            "operator.role_changed",
            "operator.signed_out"
        ]
    );
    assert_eq!(trail[4]["payload"]["reason"], "role_changed");
    assert_eq!((&trail[3]["actorKind"], &trail[3]["platform"]), (&json!("operator"), &json!("portal")));

    for (input, field) in [(json!({"role": null}), "role"), (json!({"fullname": ""}), "fullname")] {
        let refused = chief.refused(UPDATE, json!({"id": id, "input": input})).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", field));
    }
    let unknown = json!({"id": "01890000-0000-7000-8000-000000000000", "input": {"active": false}});
    assert_eq!(chief.refused(UPDATE, unknown).await.code, "NOT_FOUND");
    let no_id = chief.refused(UPDATE, json!({"id": "no id", "input": {}})).await;
    assert_eq!(no_id.what(), ("VALIDATION_FAILED", "id"));
}

#[tokio::test]
async fn a_deactivated_operator_is_out_until_let_in_again() {
    let system = shared().await;
    let chief = chief(&system).await;
    let (id, email, _) = colleague(&system, "OPERATIONS").await;
    let gone = chief.ask(DEACTIVATE, json!({"id": id})).await;
    assert_eq!((&gone["operator"]["active"], &gone["version"]), (&json!(false), &json!(4)));
    assert_eq!(chief.ask(DEACTIVATE, json!({"id": id})).await["version"], 4, "once is enough");
    let portal = system.portal.client();
    let refused = portal.refused(LOGIN, json!({"email": email, "password": PASSWORD})).await;
    assert_eq!(
        (refused.code.as_str(), refused.message.as_str()),
        ("UNAUTHENTICATED", "This account has been suspended")
    );
    let wrong = portal.refused(LOGIN, json!({"email": email, "password": "Wrong7Secret"})).await;
    assert_eq!(wrong.message, "Invalid credentials", "told only to those who know the password");
    let trail = events(&system, &chief, &id).await;
    assert_eq!(trail[3]["eventType"], "operator.signed_out");
    assert_eq!(trail[3]["payload"]["reason"], "deactivated");
    let inactive = chief.ask(OPERATORS, json!({"filter": {"active": false}, "first": 100})).await;
    assert!(inactive["nodes"].as_array().unwrap().iter().any(|node| node["id"] == id.as_str()));
    chief.ask(UPDATE, json!({"id": id, "input": {"active": true}})).await;
    signed_in(&system.portal, &email).await.ask(ME, json!({})).await;
}

#[tokio::test]
async fn signing_out_is_written_down_once() {
    let system = shared().await;
    let (id, _, client) = colleague(&system, "SUPPORT").await;
    let out = client.ask(LOGOUT, json!({})).await;
    assert_eq!((&out["signedOut"], &out["version"]), (&json!(true), &json!(3)));
    let trail = events(&system, &chief(&system).await, &id).await;
    assert_eq!(trail[2]["eventType"], "operator.signed_out");
    assert_eq!((&trail[2]["payload"]["reason"], &trail[2]["actorId"]), (&json!("logged_out"), &json!(id)));
    assert_eq!(trail[2]["payload"]["session"], trail[1]["payload"]["session"]);
}

#[tokio::test]
async fn an_operator_needs_the_second_factor_once_it_is_bound() {
    const GENERATE: &str = "mutation { generateTwoFactor { secret otpauthUrl qrCode version cursor } }";
    const BIND: &str = "mutation($code: String!) { bindTwoFactor(code: $code) { \
        recoveryCodes operator { twoFactor } version cursor } }";
    const UNBIND: &str =
        "mutation($code: String!) { unbindTwoFactor(code: $code) { operator { twoFactor } version cursor } }";
    const PASS: &str = "mutation($token: String!, $code: String!) { \
        verifyTwoFactor(input: {twoFactorToken: $token, code: $code}) { accessToken expiresIn requiresTwoFactor } }";
    let system = shared().await;
    let (id, email, client) = colleague(&system, "SUPPORT").await;
    let given = client.ask(GENERATE, json!({})).await;
    assert!(given["qrCode"].as_str().unwrap().starts_with("data:image/png;base64,iVBORw0KGgo"));
    let mut device = Device::scan(given["otpauthUrl"].as_str().unwrap());
    assert_eq!(
        client.refused(BIND, json!({"code": device.wrong()})).await.what(),
        ("VALIDATION_FAILED", "code")
    );
    let bound = client.ask(BIND, json!({"code": device.code().await})).await;
    assert_eq!(bound["operator"]["twoFactor"], true);
    let recovery = bound["recoveryCodes"].as_array().unwrap();
    assert_eq!(recovery.len(), 8);
    let list = client.after(&bound["cursor"]).ask(OPERATORS, json!({"first": 100})).await;
    let row = list["nodes"].as_array().unwrap().iter().find(|node| node["id"] == id.as_str()).unwrap();
    assert_eq!(row["twoFactor"], true);

    let portal = system.portal.client();
    let challenged = async || {
        let entry = portal.ask(LOGIN, json!({"email": email, "password": PASSWORD})).await;
        assert_eq!((&entry["requiresTwoFactor"], &entry["accessToken"]), (&json!(true), &Value::Null));
        entry["twoFactorToken"].as_str().unwrap().to_owned()
    };
    let token = challenged().await;
    assert_eq!(portal.bearer(&token).graphql(ME, json!({})).await.unwrap().status, 401, "no access token");
    let shown = device.code().await;
    let tokens = portal.ask(PASS, json!({"token": token, "code": shown})).await;
    let me = portal.bearer(tokens["accessToken"].as_str().unwrap()).ask(ME, json!({})).await;
    assert_eq!((&me["id"], &tokens["expiresIn"]), (&json!(id), &json!(8 * 60 * 60)));
    let token = challenged().await;
    for _ in 0..5 {
        let replayed = portal.refused(PASS, json!({"token": token, "code": shown})).await;
        assert_eq!(replayed.message, "Invalid two-factor code");
    }
    let locked = portal.refused(PASS, json!({"token": token, "code": recovery[0]})).await;
    assert_eq!(locked.code, "RATE_LIMITED");
    assert_eq!(client.refused(UNBIND, json!({"code": recovery[0]})).await.code, "RATE_LIMITED");
}

#[tokio::test]
async fn of_two_super_admins_who_put_each_other_out_one_stays() {
    let database = Database::migrated().await;
    let settings = || Settings::portal(&database);
    let (mut a, mut b) =
        (Service::start("portal-api", &settings()), Service::start("portal-api", &settings()));
    a.is_ready().await;
    b.is_ready().await;
    for email in ["one@portal.test", "two@portal.test"] {
        let output = create_operator(&database, email, "SUPER_ADMIN", PASSWORD).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let both = async || [signed_in(&a, "one@portal.test").await, signed_in(&b, "two@portal.test").await];
    let mut clients = both().await;
    let ids = [
        clients[0].ask(ME, json!({})).await["id"].clone(),
        clients[1].ask(ME, json!({})).await["id"].clone(),
    ];
    for round in 0..5 {
        let answers = join_all([
            clients[0].graphql(DEACTIVATE, json!({"id": ids[1]})),
            clients[1].graphql(UPDATE, json!({"id": ids[0], "input": {"role": "SUPPORT"}})),
        ])
        .await;
        let answers = answers.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
        let done: Vec<usize> = (0..2).filter(|n| answers[*n].json().get("errors").is_none()).collect();
        assert_eq!(done.len(), 1, "round {round}: {answers:?}");
        let stayed = done[0];
        let refused = answers[1 - stayed].refused("the later one");
        // Who comes so late that the session has ended already is not even asked.
        assert!(refused.message == LAST || refused.code == "UNAUTHENTICATED", "{refused:?}");
        // Not even the one who is left goes of its own will.
        for (document, variables) in [
            (DEACTIVATE, json!({"id": ids[stayed]})),
            (UPDATE, json!({"id": ids[stayed], "input": {"role": "OPERATIONS"}})),
            (UPDATE, json!({"id": ids[stayed], "input": {"active": false, "fullname": "Gone"}})),
        ] {
            assert_eq!(clients[stayed].refused(document, variables).await.message, LAST);
        }
        let back = json!({"id": ids[1 - stayed], "input": {"role": "SUPER_ADMIN", "active": true}});
        clients[stayed].ask(UPDATE, back).await;
        clients = both().await;
    }
    let list = clients[0].ask(OPERATORS, json!({"filter": {"role": "SUPER_ADMIN", "active": true}})).await;
    assert_eq!(list["totalCount"], 2);
    assert!(list["nodes"].as_array().unwrap().iter().all(|node| node["fullname"] == "Olga Operator"));
}

#[tokio::test]
async fn operators_come_in_pages_newest_first() {
    let system = shared().await;
    let chief = chief(&system).await;
    let mut made = Vec::new();
    for _ in 0..3 {
        let email = fresh_email("paged");
        let done = chief.ask(CREATE, json!({"input": input(&email, "SUPPORT")})).await;
        made.push(done["operator"]["email"].as_str().unwrap().to_owned());
    }
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = chief.ask(OPERATORS, json!({"first": 2, "after": after})).await;
        let emails = page["nodes"].as_array().unwrap().iter();
        seen.extend(emails.map(|node| node["email"].as_str().unwrap().to_owned()));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    let paged: Vec<&String> = seen.iter().filter(|email| made.contains(email)).collect();
    assert_eq!(paged, made.iter().rev().collect::<Vec<_>>());
    for (arguments, field) in [(json!({"first": 101}), "first"), (json!({"after": "garbage"}), "after")] {
        assert_eq!(chief.refused(OPERATORS, arguments).await.what(), ("VALIDATION_FAILED", field));
    }
}

#[tokio::test]
async fn operations_take_a_todo_away_and_support_does_not() {
    const TAKE: &str = "mutation($tenant: ID!, $id: ID!, $key: String, $expected: Int) { \
        adminDeleteTodo(tenantId: $tenant, id: $id, idempotencyKey: $key, expectedVersion: $expected) { \
        todo { id tenantId text version } version cursor } }";
    let system = shared().await;
    let (support, (operator_id, _, operations)) =
        (operator(&system).await, colleague(&system, "OPERATIONS").await);
    let (person, other) = (Person::new(&system.a).await, Person::new(&system.b).await);
    let client = person.at(&system.a);
    let made = create(&client, "to be moderated").await;
    let id = &made["todo"]["id"];
    let own = json!({"tenant": person.tenant, "id": id});
    let refused = support.refused(TAKE, own.clone()).await;
    assert_eq!(
        (refused.code.as_str(), refused.message.as_str()),
        ("FORBIDDEN", "This needs the role OPERATIONS or above")
    );
    for (tenant, id) in [(&json!(other.tenant), id), (&json!(person.tenant), &json!(person.id))] {
        let refused = operations.refused(TAKE, json!({"tenant": tenant, "id": id})).await;
        assert_eq!(refused.code, "NOT_FOUND", "a todo is taken from its own tenant only");
    }
    let stale = json!({"tenant": person.tenant, "id": id, "expected": 7});
    assert_eq!(operations.refused(TAKE, stale).await.current_version, Some(1));
    for (variables, field) in [
        (json!({"tenant": "no id", "id": id}), "tenantId"),
        (json!({"tenant": person.tenant, "id": "no id"}), "id"),
    ] {
        assert_eq!(operations.refused(TAKE, variables).await.what(), ("VALIDATION_FAILED", field));
    }
    let taken = operations.ask(TAKE, own.clone()).await;
    assert_eq!((&taken["todo"]["text"], &taken["version"]), (&json!("to be moderated"), &json!(2)));
    assert_eq!(operations.ask(TAKE, own).await["version"], 2, "once is enough");
    let list = client.after(&taken["cursor"]).ask(TODOS, json!({})).await;
    assert_eq!(list["nodes"], json!([]));
    let filter = json!({"filter": {"aggregateId": id, "eventType": "todo.deleted"}});
    audited(&system).await;
    let trail = support.ask(AUDIT, filter).await;
    assert_eq!(
        (&trail["nodes"][0]["actorId"], &trail["nodes"][0]["platform"]),
        (&json!(operator_id), &json!("portal"))
    );
}
