//! Roles of a tenant's own: made, changed, given, taken away. Refused cases first.

use serde_json::{Value, json};

use crate::{
    client::Client,
    documents::CREATE,
    people::colleague,
    person::{ME, Person},
    system::shared,
};

pub(crate) const CREATE_ROLE: &str = "mutation($input: CreateRoleInput!, $key: String) { \
    createRole(input: $input, idempotencyKey: $key) { role { id name editable permissions } version cursor } }";
pub(crate) const UPDATE_ROLE: &str = "mutation($id: ID!, $input: UpdateRoleInput!, $version: Int) { \
    updateRole(id: $id, input: $input, expectedVersion: $version) { role { id name permissions } version } }";
const DELETE_ROLE: &str = "mutation($id: ID!) { deleteRole(id: $id) { version } }";
pub(crate) const ASSIGN: &str = "mutation($user: ID!, $role: ID!) { \
    assignRole(userId: $user, roleId: $role) { user { roles } version cursor } }";
pub(crate) const REVOKE: &str = "mutation($user: ID!, $role: ID!) { \
    revokeRole(userId: $user, roleId: $role) { user { roles } version cursor } }";
const ROLES: &str = "{ roles { id name editable permissions } }";

/// A role of the tenant's own.
pub(crate) async fn role(owner: &Client, name: &str, permissions: Value) -> String {
    let made = owner.ask(CREATE_ROLE, json!({"input": {"name": name, "permissions": permissions}})).await;
    made["role"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_role_that_cannot_be_is_refused() {
    let system = shared().await;
    let owner = Person::new(&system.a).await.at(&system.a);
    role(&owner, "Planner", json!(["create-todo"])).await;
    for (input, what) in [
        (json!({"name": " ", "permissions": []}), ("VALIDATION_FAILED", "name")),
        (json!({"name": "x".repeat(51), "permissions": []}), ("VALIDATION_FAILED", "name")),
        (json!({"name": "owner", "permissions": []}), ("ALREADY_EXISTS", "name")),
        (json!({"name": "PLANNER", "permissions": []}), ("ALREADY_EXISTS", "name")),
        (json!({"name": "Fly", "permissions": ["fly"]}), ("VALIDATION_FAILED", "permissions")),
    ] {
        assert_eq!(owner.refused(CREATE_ROLE, json!({"input": input})).await.what(), what, "{input}");
    }
    for seeded in ["Owner", "Admin", "Member", "Viewer"] {
        let refused = owner.refused(UPDATE_ROLE, json!({"id": seeded, "input": {"permissions": []}})).await;
        assert_eq!(
            (refused.code.as_str(), refused.message.as_str()),
            ("FORBIDDEN", "this role is not editable")
        );
        assert_eq!(owner.refused(DELETE_ROLE, json!({"id": seeded})).await.code, "FORBIDDEN");
    }
    assert_eq!(owner.refused(DELETE_ROLE, json!({"id": "garbage"})).await.code, "NOT_FOUND");
    let roles = owner.ask(ROLES, json!({})).await;
    assert_eq!(roles.as_array().unwrap().len(), 5, "nothing was changed: {roles}");
}

#[tokio::test]
async fn a_role_of_another_tenant_does_not_exist() {
    let system = shared().await;
    let (alice, carol) = (Person::new(&system.a).await, Person::new(&system.a).await);
    let (mine, theirs) = (alice.at(&system.a), carol.at(&system.a));
    let foreign = role(&theirs, "Foreign", json!(["delete-todo"])).await;
    for (query, variables) in [
        (UPDATE_ROLE, json!({"id": foreign, "input": {"name": "Mine"}})),
        (DELETE_ROLE, json!({"id": foreign})),
        (ASSIGN, json!({"user": alice.id, "role": foreign})),
        (ASSIGN, json!({"user": carol.id, "role": "Viewer"})),
        (REVOKE, json!({"user": carol.id, "role": "Owner"})),
    ] {
        assert_eq!(mine.refused(query, variables).await.code, "NOT_FOUND", "{query}");
    }
    assert!(!mine.ask(ROLES, json!({})).await.to_string().contains("Foreign"));
    assert_eq!(theirs.ask(ME, json!({})).await["roles"], json!(["Owner"]));
}

#[tokio::test]
async fn nobody_gives_or_takes_what_they_do_not_have() {
    let system = shared().await;
    let owner = Person::new(&system.a).await;
    let at = owner.at(&system.a);
    let (chief, chief_at) = colleague(&at, "Viewer").await;
    let powers = json!(["manage-roles", "manage-users", "create-todo"]);
    let head = role(&at, "Head", powers.clone()).await;
    let mighty = role(&at, "Mighty", json!(["delete-todo"])).await;
    at.ask(ASSIGN, json!({"user": chief, "role": head})).await;

    for (query, variables) in [
        (CREATE_ROLE, json!({"input": {"name": "More", "permissions": ["delete-todo"]}})),
        (UPDATE_ROLE, json!({"id": head, "input": {"permissions": ["delete-todo"]}})),
        (UPDATE_ROLE, json!({"id": mighty, "input": {"permissions": []}})),
        (DELETE_ROLE, json!({"id": mighty})),
        (ASSIGN, json!({"user": chief, "role": mighty})),
        (ASSIGN, json!({"user": chief, "role": "Owner"})),
        (REVOKE, json!({"user": owner.id, "role": "Owner"})),
    ] {
        let refused = chief_at.refused(query, variables).await;
        assert_eq!(refused.code, "FORBIDDEN", "{query}");
        assert!(refused.message.starts_with("Missing permission: "), "{}", refused.message);
    }
    let lesser = role(&chief_at, "Lesser", json!(["create-todo"])).await;
    chief_at.ask(ASSIGN, json!({"user": owner.id, "role": lesser})).await;
}

#[tokio::test]
async fn a_role_is_given_shown_and_taken_away() {
    let system = shared().await;
    let owner = Person::new(&system.a).await;
    let at = owner.at(&system.a);
    let (viewer, viewer_at) = colleague(&at, "Viewer").await;
    let writer = role(&at, "Writer", json!(["create-todo", "create-tag"])).await;
    let todo = json!({"input": {"text": "by the new role"}});
    assert_eq!(viewer_at.refused(CREATE, todo.clone()).await.message, "Missing permission: create-todo");

    let given = at.ask(ASSIGN, json!({"user": viewer, "role": writer})).await;
    assert_eq!(given["user"]["roles"], json!(["Viewer", "Writer"]));
    let again = at.ask(ASSIGN, json!({"user": viewer, "role": writer})).await;
    assert_eq!(again["version"], given["version"], "it holds already: nothing happened");
    assert_eq!(
        viewer_at.after(&given["cursor"]).ask(ME, json!({})).await["roles"],
        json!(["Viewer", "Writer"])
    );
    viewer_at.ask(CREATE, todo.clone()).await;

    let renamed = at.ask(UPDATE_ROLE, json!({"id": writer, "input": {"name": "Author"}})).await;
    assert_eq!(renamed["role"]["name"], "Author");
    let roles = at.ask(ROLES, json!({})).await;
    assert_eq!(roles[4]["name"], "Author");
    assert_eq!((&roles[4]["editable"], &roles[0]["editable"]), (&json!(true), &json!(false)));

    let taken = at.ask(REVOKE, json!({"user": viewer, "role": writer})).await;
    assert_eq!(taken["user"]["roles"], json!(["Viewer"]));
    at.ask(ASSIGN, json!({"user": viewer, "role": writer})).await;
    at.ask(DELETE_ROLE, json!({"id": writer})).await;
    assert_eq!(
        viewer_at.ask(ME, json!({})).await["roles"],
        json!(["Viewer"]),
        "a role that is gone is left out"
    );
    assert_eq!(at.refused(ASSIGN, json!({"user": viewer, "role": writer})).await.code, "NOT_FOUND");
}

#[tokio::test]
async fn a_tenant_keeps_an_owner() {
    let system = shared().await;
    let owner = Person::new(&system.a).await;
    let at = owner.at(&system.a);
    let (second, second_at) = colleague(&at, "Member").await;
    let refused = at.refused(REVOKE, json!({"user": owner.id, "role": "Owner"})).await;
    assert_eq!(refused.code, "VALIDATION_FAILED");

    at.ask(ASSIGN, json!({"user": second, "role": "Owner"})).await;
    // Both take the other's at once: one of the two is left.
    let (one, other) = (json!({"user": second, "role": "Owner"}), json!({"user": owner.id, "role": "Owner"}));
    let (first, last) = tokio::join!(at.graphql(REVOKE, one), second_at.graphql(REVOKE, other));
    let worked =
        [first.unwrap(), last.unwrap()].iter().filter(|it| it.json().get("errors").is_none()).count();
    assert_eq!(worked, 1);
    let owners = [&at, &second_at];
    let mut left = 0;
    for client in owners {
        let roles = client.ask(ME, json!({})).await["roles"].to_string();
        left += usize::from(roles.contains("Owner"));
    }
    assert_eq!(left, 1);
}
