//! A person is erased: nothing of them is left in the database or in Redis, and nothing comes back.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    time::Duration,
};

use serde_json::json;

use crate::{
    database::Database,
    documents::create,
    environment::told,
    operators::{chief, colleague},
    person::{LOGIN, ME, PASSWORD, Person, REGISTER, mailed_link, outbox},
    redis::Redis,
    service::{Service, Settings},
    system::System,
    wait::within,
};

const ERASE: &str =
    "mutation($tenant: ID!, $id: ID!) { eraseUser(tenantId: $tenant, id: $id) { userId version } }";
const USERS: &str = "query($tenant: ID!) { users(tenantId: $tenant, first: 10) { \
    nodes { id fullname username email status roles } } }";
/// Parts of every name and address that the person has ever had.
const CANARIES: [&str; 4] = ["canaria", "kanarska", "canary_xq7", "kanarek_xq7"];
/// Everything that has to happen after the answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The time after which no process remembers a key.
const KEYS_FORGOTTEN: Duration = Duration::from_secs(11);

/// The whole database as text.
fn dump(database: &Database) -> String {
    let program = format!("{}/pg_dump", told("TEST_PG_BIN_DIR"));
    let output = Command::new(program).args(["--inserts", &database.url]).output().expect("pg_dump runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).to_lowercase()
}

/// Every key of Redis, and what is stored under it.
fn redis_dump(redis: &Redis) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).expect("Redis takes us");
    stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a time-out");
    let mut ask = |command: String| {
        stream.write_all(command.as_bytes()).expect("Redis reads");
        let (mut bytes, mut part) = (Vec::new(), vec![0; 65_536]);
        while let Ok(read @ 1..) = stream.read(&mut part) {
            bytes.extend_from_slice(&part[..read]);
        }
        String::from_utf8_lossy(&bytes).to_lowercase()
    };
    let keys = ask("KEYS *\r\n".to_owned());
    let names: Vec<&str> = keys.lines().filter(|line| !line.starts_with(['$', '*'])).collect();
    let values: Vec<String> = names.iter().map(|name| ask(format!("DUMP {name}\r\n"))).collect();
    format!("{keys}{}", values.concat())
}

/// The canaries that are found, and the first line of each.
fn found(text: &str) -> BTreeSet<String> {
    let lines = |canary: &&str| {
        text.lines().find(|line| line.contains(*canary)).map(|line| format!("{canary}: {line}"))
    };
    CANARIES.iter().filter_map(lines).collect()
}

/// Somebody who has left traces everywhere.
async fn canary(system: &System) -> Person {
    let input = json!({"fullname": "Canaria Vogel", "username": "canary_xq7", "email": "canary_xq7@people.test", "password": PASSWORD});
    let client = system.a.client();
    client.ask(REGISTER, json!({"input": input})).await;
    let token = mailed_link(&client, "canary_xq7@people.test", "verify-email", None).await;
    client.ask(crate::person::VERIFY, json!({"token": token})).await;
    client.refused(LOGIN, json!({"identifier": "canary_xq7", "password": "Wrong1Horse"})).await;
    let tokens = crate::person::login(&client, "canary_xq7@people.test", PASSWORD).await;
    let access = tokens["accessToken"].as_str().unwrap().to_owned();
    let at = client.bearer(&access);
    let me = at.ask(ME, json!({})).await;
    let changed = json!({"fullname": "Kanarska Ptica", "username": "kanarek_xq7"});
    at.ask(
        "mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { version } }",
        json!({"input": changed}),
    )
    .await;
    at.ask(
        "mutation($email: String!) { requestPasswordReset(email: $email) }",
        json!({"email": "canary_xq7@people.test"}),
    )
    .await;
    let invite = json!({"email": "guest@people.test", "fullname": "A Guest"});
    at.ask(
        "mutation($input: InviteUserInput!) { inviteUser(input: $input) { version } }",
        json!({"input": invite}),
    )
    .await;
    create(&at, "water the plants").await;
    within(PATIENCE, "all mails", async || {
        outbox(&client, "canary_xq7@people.test").await.as_array().unwrap().len() >= 2
            && !outbox(&client, "guest@people.test").await.as_array().unwrap().is_empty()
    })
    .await;
    let text = |name: &str| me[name].as_str().unwrap().to_owned();
    Person {
        id: text("id"),
        tenant: me["tenant"]["id"].as_str().unwrap().to_owned(),
        username: "kanarek_xq7".to_owned(),
        email: text("email"),
        access,
        refresh: tokens["refreshToken"].as_str().unwrap().to_owned(),
        cursor: json!(null),
    }
}

#[tokio::test]
async fn an_erased_person_is_nowhere_and_does_not_come_back_with_a_rebuild() {
    let redis = Redis::running().await;
    let database = Database::migrated().await;
    let user = || Settings::user(&database).with("REDIS_URL", redis.url());
    let system = System {
        a: Service::ready("api", &user()).await,
        b: Service::ready("api", &user()).await,
        portal: Service::ready("portal-api", &Settings::portal(&database).with("REDIS_URL", redis.url()))
            .await,
        database,
    };
    let person = canary(&system).await;
    let chief = chief(&system).await;
    let target = json!({"tenant": person.tenant, "id": person.id});
    assert!(!found(&dump(&system.database)).is_empty(), "the traces are there");

    // Who may not, and who is not there.
    let (_, _, operations) = colleague(&system, "OPERATIONS").await;
    assert_eq!(operations.refused(ERASE, target.clone()).await.code, "FORBIDDEN");
    let nobody = json!({"tenant": person.tenant, "id": person.tenant});
    assert_eq!(chief.refused(ERASE, nobody).await.code, "NOT_FOUND");

    let erased = chief.ask(ERASE, target.clone()).await;
    let again = chief.ask(ERASE, target).await;
    assert_eq!(erased["version"], again["version"], "a second time nothing happens");

    within(PATIENCE, "end of the session", async || {
        person.at(&system.b).graphql(ME, json!({})).await.unwrap().status == 401
    })
    .await;
    let login = json!({"identifier": person.username, "password": PASSWORD});
    assert_eq!(system.a.client().refused(LOGIN, login).await.message, "Invalid credentials");
    within(PATIENCE, "clean database", async || found(&dump(&system.database)).is_empty()).await;
    assert_eq!(found(&redis_dump(&redis)), BTreeSet::new());

    // Every read model from zero: it works, and shows that somebody was here.
    tokio::time::sleep(KEYS_FORGOTTEN).await;
    let rebuild = "DELETE FROM people; DELETE FROM tenants; DELETE FROM todo_list; DELETE FROM todo_changes; \
        DELETE FROM projection_checkpoints WHERE name <> 'mails.v1'";
    system.database.open().await.batch_execute(rebuild).await.unwrap();
    let mut shown = json!(null);
    within(PATIENCE, "the rebuilt row", async || {
        let users = chief.ask(USERS, json!({"tenant": person.tenant})).await;
        let row = users["nodes"].as_array().unwrap().iter().find(|row| row["id"] == person.id).cloned();
        shown = row.unwrap_or_default();
        shown["status"] == "SUSPENDED"
    })
    .await;
    let erased = json!("erased");
    assert_eq!((&shown["fullname"], &shown["username"], &shown["email"]), (&erased, &erased, &erased));
    assert_eq!(found(&dump(&system.database)), BTreeSet::new());

    // The name and the address are anybody's again.
    Person::named(&system.a, "canary_xq7").await;
}
