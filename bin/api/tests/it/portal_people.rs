//! Operators see and manage tenants and their people.

use serde_json::{Value, json};

use crate::{
    audit::audited,
    operators::{chief, colleague},
    person::{LOGIN, ME, PASSWORD, Person, fresh_name, login, mailed_link, outbox},
    portal::operator,
    system::shared,
};

const TENANTS: &str = "query($first: Int, $after: Cursor, $filter: TenantFilter) { \
    tenants(first: $first, after: $after, filter: $filter) { nodes { id name slug active createdAt } \
    pageInfo { hasNextPage endCursor } totalCount } }";
const TENANT: &str = "query($id: ID!) { tenant(id: $id) { id name slug active createdAt } }";
const CREATE: &str = "mutation($input: CreateTenantInput!, $key: String) { \
    createTenant(input: $input, idempotencyKey: $key) { tenant { id name slug active createdAt } version cursor } }";
const UPDATE: &str = "mutation($id: ID!, $input: UpdateTenantInput!, $expected: Int) { \
    updateTenant(id: $id, input: $input, expectedVersion: $expected) { \
    tenant { id name slug active createdAt } version cursor } }";
const SUSPEND: &str = "mutation($id: ID!) { suspendTenant(id: $id) { tenant { id name slug active createdAt } version cursor } }";
const REINSTATE: &str = "mutation($id: ID!) { reinstateTenant(id: $id) { tenant { id name slug active createdAt } version cursor } }";
const USERS: &str = "query($tenant: ID!, $first: Int, $after: Cursor, $filter: UserFilter) { \
    users(tenantId: $tenant, first: $first, after: $after, filter: $filter) { \
    nodes { id tenantId fullname username email status roles createdAt } \
    pageInfo { hasNextPage endCursor } totalCount } }";
const SUSPEND_USER: &str = "mutation($tenant: ID!, $id: ID!) { suspendUser(tenantId: $tenant, id: $id) { \
    user { id status } version cursor } }";
const REINSTATE_USER: &str = "mutation($tenant: ID!, $id: ID!) { reinstateUser(tenantId: $tenant, id: $id) { \
    user { id status } version cursor } }";
const INVITE: &str = "mutation($tenant: ID!, $input: InviteOwnerInput!, $key: String) { \
    inviteOwner(tenantId: $tenant, input: $input, idempotencyKey: $key) { \
    user { id tenantId email status roles } version cursor } }";
const ACCEPT: &str = "mutation($input: AcceptInvitationInput!) { \
    acceptInvitation(input: $input) { user { id roles tenant { id } } } }";
const UNKNOWN: &str = "01890000-0000-7000-8000-000000000000";

fn fresh_tenant() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("Portal Tenant {}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[tokio::test]
async fn each_role_may_do_what_it_says_and_no_more() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (support, (_, _, operations)) = (operator(&system).await, colleague(&system, "OPERATIONS").await);
    let tenant = json!({"id": person.tenant, "input": {}});
    let user = json!({"tenant": person.tenant, "id": person.id});
    let owner = json!({"tenant": person.tenant, "input": {"email": "no@people.test", "fullname": "No"}});
    for (client, document, variables, needed) in [
        (&support, SUSPEND_USER, &user, "OPERATIONS"),
        (&support, REINSTATE_USER, &user, "OPERATIONS"),
        (&support, SUSPEND, &tenant, "SUPER_ADMIN"),
        (&operations, SUSPEND, &tenant, "SUPER_ADMIN"),
        (&operations, REINSTATE, &tenant, "SUPER_ADMIN"),
        (&operations, UPDATE, &tenant, "SUPER_ADMIN"),
        (&operations, CREATE, &json!({"input": {"name": "No"}}), "SUPER_ADMIN"),
        (&operations, INVITE, &owner, "SUPER_ADMIN"),
    ] {
        let refused = client.refused(document, variables.clone()).await;
        assert_eq!(refused.code, "FORBIDDEN", "{document}");
        assert_eq!(refused.message, format!("This needs the role {needed} or above"), "{document}");
    }
    let support = support.after(&person.cursor);
    assert_eq!(support.ask(TENANT, json!({"id": person.tenant})).await["id"], person.tenant);
    assert_eq!(support.ask(USERS, json!({"tenant": person.tenant})).await["totalCount"], 1);
}

#[tokio::test]
async fn a_tenant_is_made_found_and_changed() {
    let system = shared().await;
    let chief = chief(&system).await;
    let name = fresh_tenant();
    let made = chief.ask(CREATE, json!({"input": {"name": name}, "key": name})).await;
    let slug = name.to_lowercase().replace(' ', "-");
    let tenant = &made["tenant"];
    assert_eq!(
        json!([tenant["name"], tenant["slug"], tenant["active"], made["version"]]),
        json!([name, slug, true, 1])
    );
    let again = chief.ask(CREATE, json!({"input": {"name": name}, "key": name})).await;
    assert_eq!(
        (&again["tenant"]["id"], &again["cursor"]),
        (&tenant["id"], &made["cursor"]),
        "a repeated key"
    );
    let twin = chief.ask(CREATE, json!({"input": {"name": name}})).await;
    assert!(
        twin["tenant"]["slug"].as_str().unwrap().ends_with(&slug) && twin["tenant"]["slug"] != slug.as_str()
    );
    let taken = chief.refused(CREATE, json!({"input": {"name": name, "slug": slug}})).await;
    assert_eq!(taken.what(), ("ALREADY_EXISTS", "slug"));
    for (input, field) in [
        (json!({"name": " "}), "name"),
        (json!({"name": "x".repeat(101)}), "name"),
        (json!({"name": "Fine", "slug": "Not A Slug"}), "slug"),
    ] {
        assert_eq!(chief.refused(CREATE, json!({"input": input})).await.what(), ("VALIDATION_FAILED", field));
    }

    let id = &tenant["id"];
    let other = format!("{slug}-moved");
    let input = json!({"name": "Renamed Tenant", "slug": other});
    let stale = json!({"id": id, "input": input, "expected": 9});
    assert_eq!(chief.refused(UPDATE, stale).await.current_version, Some(1));
    let changed = chief.ask(UPDATE, json!({"id": id, "input": input, "expected": 1})).await;
    assert_eq!(
        json!([changed["tenant"]["name"], changed["tenant"]["slug"], changed["version"]]),
        json!(["Renamed Tenant", other, 3])
    );
    assert_eq!(chief.ask(UPDATE, json!({"id": id, "input": input})).await["version"], 3, "it holds already");
    let found = chief.after(&changed["cursor"]).ask(TENANT, json!({"id": id})).await;
    assert_eq!(found, changed["tenant"]);
    assert_eq!(
        chief.refused(UPDATE, json!({"id": twin["tenant"]["id"], "input": {"slug": other}})).await.what(),
        ("ALREADY_EXISTS", "slug")
    );
    for (input, field) in [(json!({"name": null}), "name"), (json!({"slug": "Ä"}), "slug")] {
        let refused = chief.refused(UPDATE, json!({"id": id, "input": input})).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", field));
    }
    for document in [UPDATE, SUSPEND, REINSTATE] {
        let refused = chief.refused(document, json!({"id": UNKNOWN, "input": {"name": "x"}})).await;
        assert_eq!(refused.code, "NOT_FOUND", "{document}");
    }
    assert_eq!(chief.ask(TENANT, json!({"id": UNKNOWN})).await, Value::Null);
    assert_eq!(chief.refused(TENANT, json!({"id": "no id"})).await.what(), ("VALIDATION_FAILED", "id"));

    let list = chief.ask(TENANTS, json!({"filter": {"textLike": format!("{other}%")}})).await;
    assert_eq!((&list["totalCount"], &list["nodes"][0]), (&json!(1), &found));
    for n in 0..3 {
        chief.ask(CREATE, json!({"input": {"name": format!("Paged Tenant {n}")}})).await;
    }
    let filter = json!({"textLike": "paged tenant _"});
    let names = |page: &Value| -> Vec<String> {
        page["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let newest = chief.ask(TENANTS, json!({"filter": filter, "first": 2})).await;
    assert_eq!(names(&newest), ["Paged Tenant 2", "Paged Tenant 1"]);
    assert_eq!((&newest["pageInfo"]["hasNextPage"], &newest["totalCount"]), (&json!(true), &json!(3)));
    let after = &newest["pageInfo"]["endCursor"];
    let rest = chief.ask(TENANTS, json!({"filter": filter, "first": 2, "after": after})).await;
    assert_eq!(names(&rest), ["Paged Tenant 0"]);
    let bad = chief.refused(TENANTS, json!({"filter": {"textLike": "\\"}})).await;
    assert_eq!(bad.what(), ("VALIDATION_FAILED", "filter"));
}

#[tokio::test]
async fn the_people_of_a_suspended_tenant_stay_out_until_it_is_reinstated() {
    let system = shared().await;
    let chief = chief(&system).await;
    let (person, other) = (Person::new(&system.a).await, Person::new(&system.a).await);
    let suspended = chief.ask(SUSPEND, json!({"id": person.tenant})).await;
    let tenant = &suspended["tenant"];
    assert_eq!(
        json!([tenant["id"], tenant["active"], suspended["version"]]),
        json!([person.tenant, false, 2])
    );
    assert_eq!(chief.ask(SUSPEND, json!({"id": person.tenant})).await["version"], 2, "once is enough");
    let found = chief.after(&suspended["cursor"]).ask(TENANT, json!({"id": person.tenant})).await;
    assert_eq!(found["active"], false);
    let credentials = json!({"identifier": person.username, "password": PASSWORD});
    for node in [&system.a, &system.b] {
        let refused = node.client().refused(LOGIN, credentials.clone()).await;
        assert_eq!(refused.message, "This account has been suspended");
    }
    login(&system.b.client(), &other.username, PASSWORD).await;
    chief.ask(REINSTATE, json!({"id": person.tenant})).await;
    login(&system.b.client(), &person.username, PASSWORD).await;
}

#[tokio::test]
async fn operations_find_a_person_keep_it_out_and_let_it_in_again() {
    let system = shared().await;
    let (operator_id, _, operations) = colleague(&system, "OPERATIONS").await;
    let (person, other) = (Person::new(&system.a).await, Person::new(&system.b).await);
    let reader = operations.after(&person.cursor);
    let list = reader.ask(USERS, json!({"tenant": person.tenant})).await;
    assert_eq!(list["totalCount"], 1);
    let row = &list["nodes"][0];
    assert_eq!(
        json!([row["id"], row["tenantId"], row["username"], row["email"], row["status"], row["roles"]]),
        json!([person.id, person.tenant, person.username, person.email, "ACTIVE", ["Owner"]])
    );
    for (filter, count) in [
        (json!({"textLike": person.email.to_uppercase()}), 1),
        (json!({"textLike": "nobody%"}), 0),
        (json!({"status": "ACTIVE"}), 1),
        (json!({"status": "SUSPENDED"}), 0),
    ] {
        let found = reader.ask(USERS, json!({"tenant": person.tenant, "filter": filter})).await;
        assert_eq!(found["totalCount"], count, "{filter}");
    }
    let own = json!({"tenant": person.tenant, "id": person.id});
    let foreign = json!({"tenant": other.tenant, "id": person.id});
    for document in [SUSPEND_USER, REINSTATE_USER] {
        assert_eq!(operations.refused(document, foreign.clone()).await.code, "NOT_FOUND");
        let bad = json!({"tenant": "no id", "id": person.id});
        assert_eq!(operations.refused(document, bad).await.what(), ("VALIDATION_FAILED", "tenantId"));
    }
    let suspended = operations.ask(SUSPEND_USER, own.clone()).await;
    assert_eq!(
        (&suspended["user"]["id"], &suspended["user"]["status"]),
        (&json!(person.id), &json!("SUSPENDED"))
    );
    let found = operations.after(&suspended["cursor"]).ask(USERS, json!({"tenant": person.tenant})).await;
    assert_eq!(found["nodes"][0]["status"], "SUSPENDED");
    let credentials = json!({"identifier": person.username, "password": PASSWORD});
    let refused = system.b.client().refused(LOGIN, credentials).await;
    assert_eq!(
        (refused.code.as_str(), refused.message.as_str()),
        ("UNAUTHENTICATED", "This account has been suspended")
    );
    let audit = "query($filter: AuditFilter) { auditEvents(filter: $filter) { nodes { actorId actorKind platform } } }";
    let filter = json!({"filter": {"aggregateId": person.id, "eventType": "user.suspended"}});
    audited(&system).await;
    let trail = operations.ask(audit, filter).await;
    assert_eq!(
        trail["nodes"],
        json!([{"actorId": operator_id, "actorKind": "operator", "platform": "portal"}])
    );
    operations.ask(REINSTATE_USER, own).await;
    login(&system.b.client(), &person.username, PASSWORD).await;
}

#[tokio::test]
async fn the_first_owner_of_a_tenant_is_invited_by_mail_and_may_do_everything_in_it() {
    let system = shared().await;
    let chief = chief(&system).await;
    let made = chief.ask(CREATE, json!({"input": {"name": fresh_tenant()}})).await;
    let tenant = made["tenant"]["id"].as_str().unwrap();
    let username = fresh_name();
    let email = format!("{username}@people.test");
    let asked =
        json!({"tenant": tenant, "input": {"email": email, "fullname": "First Owner"}, "key": username});

    let invited = chief.ask(INVITE, asked.clone()).await;

    let user = &invited["user"];
    assert_eq!(
        (&user["tenantId"], &user["status"], &user["roles"], &user["email"]),
        (&json!(tenant), &json!("INACTIVE"), &json!(["Owner"]), &json!(email))
    );
    assert_eq!(chief.ask(INVITE, asked).await["user"]["id"], user["id"], "once for one key");
    let people = system.a.client();
    let token = mailed_link(&people, &email, "accept-invitation", None).await;
    assert_eq!(outbox(&people, &email).await.as_array().unwrap().len(), 1);
    let accept = json!({"input": {"token": token, "username": username, "password": PASSWORD}});
    let joined = people.ask(ACCEPT, accept.clone()).await;
    assert_eq!(joined["user"]["tenant"]["id"], tenant);
    let tokens = login(&system.b.client(), &username, PASSWORD).await;
    let owner = system.b.client().bearer(tokens["accessToken"].as_str().unwrap());
    assert_eq!(owner.ask(ME, json!({})).await["roles"], json!(["Owner"]));
    owner.ask("mutation { createTag(input: {name: \"mine\"}) { version } }", json!({})).await;
    assert_eq!(people.refused(ACCEPT, accept).await.what(), ("VALIDATION_FAILED", "token"), "it works once");
}

#[tokio::test]
async fn nobody_is_invited_to_nowhere_or_who_is_there_already_and_another_invitation_replaces_the_first() {
    let system = shared().await;
    let chief = chief(&system).await;
    let person = Person::new(&system.a).await;
    let made = chief.ask(CREATE, json!({"input": {"name": fresh_tenant()}})).await;
    let tenant = &made["tenant"]["id"];
    let ask = |tenant: &Value, email: &str, fullname: &str| json!({"tenant": tenant, "input": {"email": email, "fullname": fullname}});
    let username = fresh_name();
    let email = format!("{username}@people.test");
    for (variables, what) in [
        (ask(&json!(UNKNOWN), &email, "Nobody"), ("NOT_FOUND", "")),
        (ask(&json!("x"), &email, "Nobody"), ("VALIDATION_FAILED", "tenantId")),
        (ask(tenant, &person.email, "Taken"), ("ALREADY_EXISTS", "email")),
        (ask(tenant, "no address", "Nobody"), ("VALIDATION_FAILED", "email")),
        (ask(tenant, &email, " "), ("VALIDATION_FAILED", "fullname")),
    ] {
        assert_eq!(chief.refused(INVITE, variables.clone()).await.what(), what, "{variables}");
    }
    assert_eq!(chief.ask(USERS, json!({"tenant": tenant})).await["totalCount"], 0);

    let first = chief.ask(INVITE, ask(tenant, &email, "First")).await;
    let people = system.a.client();
    let old = mailed_link(&people, &email, "accept-invitation", None).await;
    let second = chief.ask(INVITE, ask(tenant, &email, "Second")).await;
    assert_eq!(first["user"]["id"], second["user"]["id"]);
    let new = mailed_link(&people, &email, "accept-invitation", Some(&old)).await;
    let accept = |token: &str| json!({"input": {"token": token, "username": username, "password": PASSWORD}});
    assert_eq!(people.refused(ACCEPT, accept(&old)).await.what(), ("VALIDATION_FAILED", "token"));
    people.ask(ACCEPT, accept(&new)).await;
    let again = chief.refused(INVITE, ask(tenant, &email, "Third")).await;
    assert_eq!(again.what(), ("ALREADY_EXISTS", "email"));
}
