//! The people of a tenant: invited, listed, kept out, let in again.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    client::Client,
    person::{
        LOGIN, ME, PASSWORD, Person, REFRESH, REGISTER, demo_person, fresh_name, input, login, mailed_link,
        outbox,
    },
    system::{demo, shared},
};

const USER: &str =
    "user { id fullname username email status roles referralCode tenant { id } } version cursor";
const USERS: &str = "query($first: Int, $after: Cursor, $last: Int, $before: Cursor, $filter: UserFilter, \
    $sort: UserSort) { users(first: $first, after: $after, last: $last, before: $before, filter: $filter, \
    sort: $sort) { edges { cursor node { username } } nodes { id username email status tenant { id } } \
    pageInfo { hasNextPage hasPreviousPage endCursor } totalCount } }";
const NOBODY: &str = "01890000-0000-7000-8000-000000000000";

fn document(name: &str) -> String {
    let arguments = match name {
        "inviteUser" => ("$input: InviteUserInput!", "input: $input"),
        "acceptInvitation" => ("$input: AcceptInvitationInput!", "input: $input"),
        _ => ("$id: ID!, $version: Int", "id: $id, expectedVersion: $version"),
    };
    format!(
        "mutation({}, $key: String) {{ {name}({}, idempotencyKey: $key) {{ {USER} }} }}",
        arguments.0, arguments.1
    )
}

async fn invite(owner: &Client, email: &str, roles: Value) -> Value {
    let input = json!({"email": email, "fullname": "New Colleague", "roles": roles});
    owner.ask(&document("inviteUser"), json!({"input": input})).await
}

/// Somebody who follows an invitation of `owner` and signs in.
pub(crate) async fn colleague(owner: &Client, role: &str) -> (String, Client) {
    let username = fresh_name();
    let email = format!("{username}@people.test");
    let invited = invite(owner, &email, json!([role])).await;
    let token = mailed_link(owner, &email, "accept-invitation", None).await;
    let input = json!({"token": token, "username": username, "password": PASSWORD});
    owner.ask(&document("acceptInvitation"), json!({"input": input})).await;
    let tokens = login(owner, &username, PASSWORD).await;
    let id = invited["user"]["id"].as_str().unwrap().to_owned();
    (id, Client::new(owner.port).bearer(tokens["accessToken"].as_str().unwrap()))
}

#[tokio::test]
async fn an_invited_person_joins_the_tenant_of_the_inviter() {
    let system = shared().await;
    let owner = Person::new(&system.a).await;
    let at = owner.at(&system.a);
    let username = fresh_name();
    let email = format!("{username}@people.test");
    let invited = invite(&at, &email.to_uppercase(), json!(["Viewer"])).await;
    let user = &invited["user"];
    assert_eq!((&user["status"], &user["username"]), (&json!("INACTIVE"), &json!("")));
    assert_eq!((&user["roles"], &user["email"]), (&json!(["Viewer"]), &json!(email)));
    let listed = at.ask(USERS, json!({"filter": {"email": {"eq": email}}})).await;
    assert_eq!((&listed["totalCount"], &listed["nodes"][0]["id"]), (&json!(1), &user["id"]));

    let token = mailed_link(&at, &email, "accept-invitation", None).await;
    let nobody = system.b.client();
    let accept = document("acceptInvitation");
    let with = |token: &str, username: &str, password: &str| json!({"input": {"token": token, "username": username, "password": password}});
    for (variables, what) in [
        (with(&token, &username, "weak"), ("VALIDATION_FAILED", "password")),
        (with(&token, "no name", PASSWORD), ("VALIDATION_FAILED", "username")),
        (with(&token, &owner.username, PASSWORD), ("ALREADY_EXISTS", "username")),
        (with("garbage", &username, PASSWORD), ("VALIDATION_FAILED", "token")),
    ] {
        assert_eq!(nobody.refused(&accept, variables).await.what(), what);
    }
    let early = nobody.refused(LOGIN, json!({"identifier": email, "password": PASSWORD})).await;
    assert_eq!(early.message, "Invalid credentials", "who was only invited is not known");

    let accepted = nobody.ask(&accept, with(&token, &username, PASSWORD)).await;
    let joined = &accepted["user"];
    assert_eq!((&joined["status"], &joined["username"]), (&json!("ACTIVE"), &json!(username)));
    assert!(joined["referralCode"].as_str().unwrap().starts_with("REF-"));
    let again = nobody.refused(&accept, with(&token, &fresh_name(), PASSWORD)).await;
    assert_eq!(again.what(), ("VALIDATION_FAILED", "token"), "it works once");

    let tokens = login(&nobody, &email, PASSWORD).await;
    let me = nobody.bearer(tokens["accessToken"].as_str().unwrap());
    let seen = me.ask(ME, json!({})).await;
    assert_eq!((&seen["tenant"]["id"], &seen["roles"]), (&json!(owner.tenant), &json!(["Viewer"])));
    let refused = me.refused(USERS, json!({})).await;
    assert_eq!(
        (refused.code.as_str(), refused.message.as_str()),
        ("FORBIDDEN", "Missing permission: manage-users")
    );
}

#[tokio::test]
async fn an_invitation_that_cannot_be_is_refused() {
    let system = demo().await;
    let bruno = demo_person(&system.a, "bruno").await;
    let esi = demo_person(&system.a, "esi").await;
    let person = Person::new(&system.a).await;
    let fresh = format!("{}@people.test", fresh_name());
    let invite = document("inviteUser");
    let with =
        |email: &str, roles: Value| json!({"input": {"email": email, "fullname": "N", "roles": roles}});
    for (variables, what) in [
        (with(&person.email, json!(["Member"])), ("ALREADY_EXISTS", "email")),
        (with(&fresh, json!(["Boss"])), ("VALIDATION_FAILED", "roles")),
        (with("nobody", json!(["Member"])), ("VALIDATION_FAILED", "email")),
        (json!({"input": {"email": fresh, "fullname": "a\r\nBcc: b"}}), ("VALIDATION_FAILED", "fullname")),
    ] {
        assert_eq!(bruno.refused(&invite, variables).await.what(), what);
    }
    let above = bruno.refused(&invite, with(&fresh, json!(["Owner"]))).await;
    assert_eq!(
        (above.code.as_str(), above.message.as_str()),
        ("FORBIDDEN", "Missing permission: manage-roles")
    );
    let viewer = esi.refused(&invite, with(&fresh, json!(["Viewer"]))).await;
    assert_eq!(viewer.message, "Missing permission: manage-users");
    assert_eq!(outbox(&bruno, &fresh).await, json!([]), "nothing was sent");
}

#[tokio::test]
async fn a_second_invitation_replaces_the_first_and_a_withdrawn_one_is_dead() {
    let system = shared().await;
    let owner = Person::new(&system.a).await.at(&system.a);
    let email = format!("{}@people.test", fresh_name());
    let first = invite(&owner, &email, json!(["Member"])).await;
    let old = mailed_link(&owner, &email, "accept-invitation", None).await;
    let second = invite(&owner, &email, json!(["Viewer"])).await;
    assert_eq!(second["user"]["id"], first["user"]["id"], "the same person");
    let new = mailed_link(&owner, &email, "accept-invitation", Some(&old)).await;
    let accept = document("acceptInvitation");
    let with =
        |token: &str| json!({"input": {"token": token, "username": fresh_name(), "password": PASSWORD}});
    assert_eq!(owner.refused(&accept, with(&old)).await.what(), ("VALIDATION_FAILED", "token"));

    let id = json!({"id": first["user"]["id"]});
    let withdrawn = owner.ask(&document("suspendUser"), id.clone()).await;
    assert_eq!(withdrawn["user"]["status"], "SUSPENDED");
    assert_eq!(owner.refused(&accept, with(&new)).await.what(), ("VALIDATION_FAILED", "token"));
    assert_eq!(owner.refused(&document("reinstateUser"), id).await.code, "VALIDATION_FAILED");
}

#[tokio::test]
async fn an_invitation_keeps_nobody_from_registering() {
    let system = shared().await;
    let owner = Person::new(&system.a).await.at(&system.a);
    let username = fresh_name();
    let email = format!("{username}@people.test");
    invite(&owner, &email, json!(["Member"])).await;
    let token = mailed_link(&owner, &email, "accept-invitation", None).await;
    system.b.client().ask(REGISTER, json!({"input": input(&username)})).await;
    let variables = json!({"input": {"token": token, "username": fresh_name(), "password": PASSWORD}});
    let late = owner.refused(&document("acceptInvitation"), variables).await;
    assert_eq!(late.what(), ("ALREADY_EXISTS", "email"));
}

#[tokio::test]
async fn a_suspended_person_is_out_until_reinstated() {
    let system = shared().await;
    let owner = Person::new(&system.a).await.at(&system.a);
    let username = fresh_name();
    let email = format!("{username}@people.test");
    let id = invite(&owner, &email, json!(["Member"])).await["user"]["id"].clone();
    let token = mailed_link(&owner, &email, "accept-invitation", None).await;
    let variables = json!({"input": {"token": token, "username": username, "password": PASSWORD}});
    owner.ask(&document("acceptInvitation"), variables).await;
    let tokens = login(&system.a.client(), &username, PASSWORD).await;

    let suspended = owner.ask(&document("suspendUser"), json!({"id": id})).await;
    assert_eq!(suspended["user"]["status"], "SUSPENDED");
    let listed = owner.ask(USERS, json!({"filter": {"status": {"eq": "SUSPENDED"}}})).await;
    assert_eq!((&listed["totalCount"], &listed["nodes"][0]["id"]), (&json!(1), &id));
    let out = system.b.client().refused(LOGIN, json!({"identifier": username, "password": PASSWORD})).await;
    assert_eq!(
        (out.code.as_str(), out.message.as_str()),
        ("UNAUTHENTICATED", "This account has been suspended")
    );
    let wrong =
        system.b.client().refused(LOGIN, json!({"identifier": username, "password": "Wrong7Horse"})).await;
    assert_eq!(wrong.message, "Invalid credentials", "only to who knows the password");
    let dead = system.b.client().refused(REFRESH, json!({"token": tokens["refreshToken"]})).await;
    assert_eq!(dead.code, "UNAUTHENTICATED");
    let twice = owner.ask(&document("suspendUser"), json!({"id": id})).await;
    assert_eq!(twice["version"], suspended["version"], "what holds already changes nothing");
    let stale = owner.refused(&document("reinstateUser"), json!({"id": id, "version": 1})).await;
    assert_eq!((stale.code.as_str(), stale.current_version), ("CONFLICT", suspended["version"].as_i64()));

    let back = owner.ask(&document("reinstateUser"), json!({"id": id})).await;
    assert_eq!(back["user"]["status"], "ACTIVE");
    login(&system.b.client(), &username, PASSWORD).await;
}

#[tokio::test]
async fn whom_one_may_not_keep_out_stays_in() {
    let system = demo().await;
    let bruno = demo_person(&system.a, "bruno").await;
    let (own, stranger) = (bruno.ask(ME, json!({})).await, Person::new(&system.b).await);
    let ada = demo_person(&system.a, "demo").await.ask(ME, json!({})).await;
    for name in ["suspendUser", "reinstateUser"] {
        let document = document(name);
        for id in [json!(stranger.id), json!(NOBODY), json!("no id at all")] {
            assert_eq!(bruno.refused(&document, json!({"id": id})).await.what(), ("NOT_FOUND", ""), "{id}");
        }
        let above = bruno.refused(&document, json!({"id": ada["id"]})).await;
        assert_eq!(above.message, "Missing permission: manage-roles", "an Owner is above an Admin");
    }
    let oneself = bruno.refused(&document("suspendUser"), json!({"id": own["id"]})).await;
    assert_eq!(
        (oneself.code.as_str(), oneself.message.as_str()),
        ("VALIDATION_FAILED", "you cannot suspend yourself")
    );
    let esi = demo_person(&system.a, "esi").await;
    let viewer = esi.refused(&document("suspendUser"), json!({"id": own["id"]})).await;
    assert_eq!(viewer.message, "Missing permission: manage-users");
    login(&system.a.client(), "bruno", "Demo1234").await;
}

#[tokio::test]
async fn of_two_owners_who_keep_each_other_out_at_once_one_is_left() {
    let system = shared().await;
    let first = Person::new(&system.a).await;
    let (id, second) = colleague(&first.at(&system.b), "Owner").await;
    let document = document("suspendUser");
    let answers = join_all([
        first.at(&system.a).graphql(&document, json!({"id": id})),
        second.graphql(&document, json!({"id": first.id})),
    ])
    .await;
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().json()).collect();
    let done = answers.iter().filter(|answer| answer.get("errors").is_none()).count();
    assert_eq!(done, 1, "{answers:?}");
    let sql = format!(
        "SELECT count(*) FROM people WHERE tenant_id = '{}' AND status = 'ACTIVE' AND 'Owner' = ANY(roles)",
        first.tenant
    );
    assert_eq!(system.database.number(&sql).await, 1);
}

#[tokio::test]
async fn people_are_listed_in_pages_sorted_and_filtered() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let owner = person.at(&system.a);
    let mut names = vec![person.username.clone()];
    for _ in 0..4 {
        let username = fresh_name();
        let email = format!("{username}@people.test");
        invite(&owner, &email, json!(["Member"])).await;
        let token = mailed_link(&owner, &email, "accept-invitation", None).await;
        let variables = json!({"input": {"token": token, "username": username, "password": PASSWORD}});
        owner.ask(&document("acceptInvitation"), variables).await;
        names.push(username);
    }
    let usernames = |page: &Value| -> Vec<String> {
        page["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["username"].as_str().unwrap().to_owned())
            .collect()
    };
    let newest = owner.ask(USERS, json!({})).await;
    let mut reversed = names.clone();
    reversed.reverse();
    assert_eq!((usernames(&newest), &newest["totalCount"]), (reversed, &json!(5)), "newest first");
    for (field, direction) in
        [("USERNAME", "ASC"), ("FULLNAME", "DESC"), ("EMAIL", "ASC"), ("CREATED_AT", "ASC")]
    {
        let sort = json!({"field": field, "direction": direction});
        let whole = usernames(&owner.ask(USERS, json!({"sort": sort})).await);
        let (mut pages, mut after) = (Vec::new(), Value::Null);
        loop {
            let page = owner.ask(USERS, json!({"first": 2, "after": after, "sort": sort})).await;
            pages.extend(usernames(&page));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(pages, whole, "{field} {direction}");
    }
    for (filter, count) in [
        (json!({"username": {"eq": names[1]}}), 1),
        (json!({"username": {"in": [names[1], names[2]]}}), 2),
        (json!({"email": {"like": "%@PEOPLE.test"}}), 5),
        (json!({"status": {"ne": "ACTIVE"}}), 0),
        (json!({"or": [{"id": {"eq": person.id}}, {"fullname": {"eq": "New Colleague"}}]}), 5),
    ] {
        assert_eq!(owner.ask(USERS, json!({"filter": filter})).await["totalCount"], count, "{filter}");
    }
    let stranger = Person::new(&system.b).await.at(&system.b);
    let seen = stranger.ask(USERS, json!({"filter": {"username": {"eq": person.username}}})).await;
    assert_eq!((&seen["nodes"], &seen["totalCount"]), (&json!([]), &json!(0)));
    let nobody = system.a.client().refused(USERS, json!({})).await;
    assert_eq!(nobody.code, "UNAUTHENTICATED");
}
