//! What happened since a token was signed: known on every node and every socket, soon, and without
//! asking the database while nothing changes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    client::Client,
    documents::{CREATE, create},
    operators::{self, chief},
    people::colleague,
    person::{ME, Person, login},
    proxy::Proxy,
    roles::{ASSIGN, REVOKE, UPDATE_ROLE, role},
    service::{Service, Settings},
    socket::Socket,
    system::{System, shared},
    wait::within,
};

/// A change of rights is known everywhere within this.
const RIGHTS: Duration = Duration::from_secs(1);
/// The end of a session is known everywhere, on sockets too, within this.
const SESSIONS: Duration = Duration::from_secs(5);

const LOGOUT: &str = "mutation { logout { __typename } }";
const LOGOUT_EVERYWHERE: &str = "mutation { logoutEverywhere { __typename } }";

async fn out(client: &Client) -> bool {
    client.graphql(ME, json!({})).await.unwrap().status == 401
}

async fn may_create(client: &Client) -> bool {
    let answer =
        client.graphql(CREATE, json!({"input": {"text": crate::person::fresh_name()}})).await.unwrap();
    match answer.status {
        200 => true,
        403 => false,
        other => panic!("{other}: {}", answer.text),
    }
}

#[tokio::test]
async fn a_session_that_ends_on_one_node_ends_on_the_other_and_on_its_sockets() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (here, there) = (person.at(&system.a), person.at(&system.b));
    let other = login(&here, &person.username, crate::person::PASSWORD).await;
    let other = system.b.client().bearer(other["accessToken"].as_str().unwrap());
    assert!(!out(&there).await && !out(&other).await);
    let mut socket = Socket::following(&system.b, &person.access, &person.cursor).await;

    here.ask(LOGOUT, json!({})).await;

    within(SESSIONS, "end on the other node", async || out(&there).await).await;
    assert!(!out(&other).await, "another session goes on");
    let (code, reason) = tokio::time::timeout(SESSIONS, socket.closed()).await.expect("closed in time");
    assert_eq!(code, 4403, "{reason}");

    other.ask(LOGOUT_EVERYWHERE, json!({})).await;
    within(SESSIONS, "end of all sessions", async || out(&other).await).await;
}

#[tokio::test]
async fn a_change_of_rights_takes_effect_on_the_other_node_within_a_second() {
    let system = shared().await;
    let owner = Person::new(&system.a).await.at(&system.a);
    let (viewer, at) = colleague(&owner, "Viewer").await;
    let there = system.b.client().bearer(&at.token());
    let writer = role(&owner, "Writer", json!(["create-todo"])).await;
    assert!(!may_create(&there).await);

    owner.ask(ASSIGN, json!({"user": viewer, "role": writer})).await;
    within(RIGHTS, "the right", async || may_create(&there).await).await;

    owner.ask(UPDATE_ROLE, json!({"id": writer, "input": {"permissions": []}})).await;
    within(RIGHTS, "the loss of the right", async || !may_create(&there).await).await;

    owner.ask(UPDATE_ROLE, json!({"id": writer, "input": {"permissions": ["create-todo"]}})).await;
    within(RIGHTS, "the right again", async || may_create(&there).await).await;
    owner.ask(REVOKE, json!({"user": viewer, "role": writer})).await;
    within(RIGHTS, "the loss of the role", async || !may_create(&there).await).await;
}

#[tokio::test]
async fn a_socket_whose_owner_may_do_less_is_closed() {
    let system = shared().await;
    let owner = Person::new(&system.a).await.at(&system.a);
    let (member, at) = colleague(&owner, "Member").await;
    let access = at.token();
    let mut socket = Socket::open(&system.b, &access).await;

    owner.ask(REVOKE, json!({"user": member, "role": "Member"})).await;

    let (code, reason) = tokio::time::timeout(SESSIONS, socket.closed()).await.expect("closed in time");
    assert_eq!(code, 4403, "{reason}");
}

#[tokio::test]
async fn people_of_a_suspended_tenant_are_out_and_in_again_when_it_is_reinstated() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let there = person.at(&system.b);
    assert!(!out(&there).await);
    let portal = chief(&system).await;
    let change = |name: &str| format!("mutation($id: ID!) {{ {name}(id: $id) {{ __typename }} }}");
    portal.ask(&change("suspendTenant"), json!({"id": person.tenant})).await;
    within(SESSIONS, "end", async || out(&there).await).await;
    portal.ask(&change("reinstateTenant"), json!({"id": person.tenant})).await;
    within(SESSIONS, "a session that goes on", async || !out(&there).await).await;
}

#[tokio::test]
async fn an_operator_who_signs_out_or_is_deactivated_is_out() {
    let system = shared().await;
    let chief = chief(&system).await;
    let (id, email, colleague) = operators::colleague(&system, "OPERATIONS").await;
    let me = "{ me { id } }";
    let is_out = async |client: &Client| client.graphql(me, json!({})).await.unwrap().status == 401;
    assert!(!is_out(&colleague).await, "{email}");
    colleague.ask("mutation { logout { __typename } }", json!({})).await;
    within(SESSIONS, "end", async || is_out(&colleague).await).await;

    let (other, _, still) = operators::colleague(&system, "SUPPORT").await;
    assert!(!is_out(&still).await && other != id);
    chief
        .ask("mutation($id: ID!) { deactivateOperator(id: $id) { __typename } }", json!({"id": other}))
        .await;
    within(SESSIONS, "end", async || is_out(&still).await).await;
}

#[tokio::test]
async fn a_transaction_that_holds_the_tail_back_does_not_hide_the_end_of_a_session() {
    // A system of its own: the transaction would hold the others back.
    let system = System::start().await;
    let person = Person::new(&system.a).await;
    let (here, there) = (person.at(&system.a), person.at(&system.b));
    assert!(!out(&there).await);
    let stuck = system.database.open().await;
    stuck.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();

    here.ask(LOGOUT, json!({})).await;

    within(SESSIONS, "end", async || out(&there).await).await;
    stuck.batch_execute("ROLLBACK").await.unwrap();
}

#[tokio::test]
async fn while_nothing_changes_nobody_asks_the_database_who_may_act() {
    let system = shared().await;
    let proxy = Proxy::before(system.database.address()).await;
    let behind = system.database.behind(proxy.port);
    let settings = Settings::user(&behind).with("WORKERS", "external");
    let service = Service::ready("api", &settings).await;
    let person = Person::new(&system.a).await;
    let client = person.at(&service);
    create(&client, "one").await;
    let whoami = "{ __typename }";
    client.ask(whoami, json!({})).await;
    proxy.executed();

    // Transactions of other tests hold the follower back now and then: then answers live for a second.
    within(Duration::from_secs(30), "silence", async || {
        proxy.executed();
        for _ in 0..20 {
            assert_eq!(client.ask(whoami, json!({})).await, Value::from("Query"));
        }
        asked(&proxy.executed()).is_empty()
    })
    .await;

    person.at(&system.a).ask(LOGOUT, json!({})).await;
    within(SESSIONS, "end", async || client.graphql(whoami, json!({})).await.unwrap().status == 401).await;
    assert!(!asked(&proxy.executed()).is_empty(), "the proxy sees statements");
}

/// What requests asked the database: the follower looks in between, whoever asks.
pub(crate) fn asked(executed: &[String]) -> Vec<String> {
    executed.iter().filter(|sql| !sql.contains("pg_snapshot_xmax")).cloned().collect()
}
