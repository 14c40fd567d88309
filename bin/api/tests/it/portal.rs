//! The portal: operators, made on the command line, look into every tenant.

use serde_json::json;
use tokio::sync::OnceCell;

use crate::{
    client::Client,
    database::Database,
    documents::{COMPLETE, create},
    person::Person,
    process,
    service::Settings,
    system::{System, shared},
};

const EMAIL: &str = "Olga@portal.test";
pub(crate) const PASSWORD: &str = "Portal7Secret";
pub(crate) const LOGIN: &str = "mutation($email: String!, $password: String!) { \
    portalLogin(input: {email: $email, password: $password}) { accessToken expiresIn requiresTwoFactor twoFactorToken } }";
pub(crate) const ME: &str = "{ me { id fullname email role createdAt } }";
const ADMIN_TODOS: &str = "query($tenant: ID!, $first: Int, $after: Cursor, $filter: AdminTodoFilter) { \
    adminTodos(tenantId: $tenant, first: $first, after: $after, filter: $filter) { \
    nodes { text tenantId ownerId done version } pageInfo { hasNextPage endCursor } totalCount } }";

pub(crate) async fn create_operator(
    database: &Database,
    email: &str,
    role: &str,
    password: &'static str,
) -> std::process::Output {
    let arguments = ["operator", "create", "--email", email, "--fullname", "Olga Operator", "--role", role];
    let command = Settings::portal(database).command("portal-api", &arguments);
    process::run_with(command, password).await
}

/// An operator of the shared system, signed in.
pub(crate) async fn operator(system: &System) -> Client {
    static MADE: OnceCell<()> = OnceCell::const_new();
    MADE.get_or_init(async || {
        let output = create_operator(&system.database, EMAIL, "SUPPORT", PASSWORD).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    })
    .await;
    let client = system.portal.client();
    let tokens = client.ask(LOGIN, json!({"email": EMAIL, "password": PASSWORD})).await;
    client.bearer(tokens["accessToken"].as_str().unwrap())
}

#[tokio::test]
async fn an_operator_is_made_once_on_the_command_line() {
    let system = shared().await;
    operator(&system).await;
    let again = create_operator(&system.database, "OLGA@PORTAL.test", "SUPER_ADMIN", PASSWORD).await;
    assert_eq!(again.status.code(), Some(3), "{again:?}");
    for (email, role, password) in [
        ("new@portal.test", "SUPPORT", "weak"),
        ("no address", "SUPPORT", PASSWORD),
        ("new@portal.test", "BOSS", PASSWORD),
    ] {
        let refused = create_operator(&system.database, email, role, password).await;
        assert_eq!(refused.status.code(), Some(1), "{email} {role}: {refused:?}");
        let said = format!("{refused:?}");
        assert!(password.len() < 5 || !said.contains(password), "{said}");
    }
    let failed =
        system.portal.client().refused(LOGIN, json!({"email": "new@portal.test", "password": "weak"})).await;
    assert_eq!(failed.message, "Invalid credentials");
}

#[tokio::test]
async fn an_operator_signs_in_for_8_hours_and_is_known() {
    let system = shared().await;
    operator(&system).await;
    let client = system.portal.client();
    let tokens = client.ask(LOGIN, json!({"email": EMAIL.to_uppercase(), "password": PASSWORD})).await;
    assert_eq!((&tokens["expiresIn"], &tokens["requiresTwoFactor"]), (&json!(8 * 60 * 60), &json!(false)));
    let me = client.bearer(tokens["accessToken"].as_str().unwrap()).ask(ME, json!({})).await;
    assert_eq!(
        (&me["fullname"], &me["email"], &me["role"]),
        (&json!("Olga Operator"), &json!("olga@portal.test"), &json!("SUPPORT"))
    );
    let mut seen = Vec::new();
    for (email, password) in [(EMAIL, "Wrong7Secret"), ("nobody@portal.test", PASSWORD), ("", "")] {
        seen.push(client.refused(LOGIN, json!({"email": email, "password": password})).await);
    }
    assert!(seen.iter().all(|refused| refused == &seen[0]), "{seen:?}");
    assert_eq!((seen[0].code.as_str(), seen[0].message.as_str()), ("UNAUTHENTICATED", "Invalid credentials"));
}

#[tokio::test]
async fn surfaces_do_not_take_each_others_tokens_and_nobody_known_gets_nothing() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    operator(&system).await;
    let tokens = system.portal.client().ask(LOGIN, json!({"email": EMAIL, "password": PASSWORD})).await;
    let portal_token = tokens["accessToken"].as_str().unwrap();
    for (client, token) in
        [(system.portal.client(), person.access.as_str()), (system.a.client(), portal_token)]
    {
        let answer = client.bearer(token).graphql("{ me { id } }", json!({})).await.unwrap();
        assert_eq!(answer.status, 401);
        assert_eq!(answer.refused("a foreign token").code, "UNAUTHENTICATED");
    }
    let nobody = system.portal.client();
    for (document, variables) in [
        (ME, json!({})),
        (ADMIN_TODOS, json!({"tenant": person.tenant})),
        ("{ auditEvents { nodes { payload } } }", json!({})),
        ("{ auditEvents { totalCount } }", json!({})),
    ] {
        let answer = nobody.graphql(document, variables).await.unwrap();
        assert_eq!(answer.status, 401, "{document}");
        assert_eq!(answer.refused(document).code, "UNAUTHENTICATED", "{document}");
    }
    let registered = nobody.graphql("mutation { register(input: {}) { version } }", json!({})).await.unwrap();
    assert_eq!(registered.status, 400, "there is no registration on the portal");
}

#[tokio::test]
async fn an_operator_sees_the_todos_of_any_tenant_and_of_that_one_only() {
    let system = shared().await;
    let operator = operator(&system).await;
    let (person, other) = (Person::new(&system.a).await, Person::new(&system.b).await);
    create(&other.at(&system.b), "of another tenant").await;
    let client = person.at(&system.a);
    for n in 0..5 {
        let made = create(&client, &format!("work {n}")).await;
        client.ask(COMPLETE, json!({"id": made["todo"]["id"]})).await;
    }
    let open = create(&client, "still open").await;
    let operator = operator.after(&open["cursor"]);
    let list = operator.ask(ADMIN_TODOS, json!({"tenant": person.tenant, "first": 4})).await;
    assert_eq!(list["totalCount"], 6);
    assert_eq!(list["nodes"][0]["text"], "still open");
    for todo in list["nodes"].as_array().unwrap() {
        assert_eq!((&todo["tenantId"], &todo["ownerId"]), (&json!(person.tenant), &json!(person.id)));
    }
    let rest = json!({"tenant": person.tenant, "after": list["pageInfo"]["endCursor"]});
    assert_eq!(operator.ask(ADMIN_TODOS, rest).await["nodes"].as_array().unwrap().len(), 2);
    for (filter, count) in [
        (json!({"done": true}), 5),
        (json!({"textLike": "%OPEN"}), 1),
        (json!({"ownerId": other.id}), 0),
        (json!({"status": "ARCHIVED"}), 0),
    ] {
        let list = operator.ask(ADMIN_TODOS, json!({"tenant": person.tenant, "filter": filter})).await;
        assert_eq!(list["totalCount"], count, "{filter}");
    }
    let refused = operator.refused(ADMIN_TODOS, json!({"tenant": "no id"})).await;
    assert_eq!(refused.what(), ("VALIDATION_FAILED", "tenantId"));
}
