//! Who may what, for every field that there is.
//!
//! The fields come from the stored schemas, and the requests from nothing but the types: a field
//! that somebody adds is called here the same day. What anybody may use, and what every signed-in
//! person may change, stands in `coverage/open.txt`; a field that is open and not in it fails, and
//! so does a line that is no longer needed.

mod rest;
mod schema;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use self::schema::{Field, NOTHING, Schema};
use crate::{
    client::{Answer, Client},
    documents::{create, create_tag},
    person::{Person, login},
    portal::{self, create_operator},
    process,
    service::{Service, Settings},
    socket::Socket,
    system::{Shared, System},
    tokens::of_the_wrong_platform,
};

/// Who a field is open to, one a line: `user mutation login anybody`.
const OPEN: &str = include_str!("coverage/open.txt");
/// How long a subscription may stay silent before it counts as one that says nothing.
const SILENCE: Duration = Duration::from_millis(400);
const SUPPORT: &str = "support@coverage.test";

/// A system for these tests alone: they end sessions and change people.
async fn system() -> Shared {
    static SYSTEM: OnceCell<System> = OnceCell::const_new();
    let start = async || {
        let system = System::start().await;
        let demo = process::run(Settings::user(&system.database).command("api", &["seed-demo"])).await;
        assert!(demo.status.success(), "{demo:?}");
        let made = create_operator(&system.database, SUPPORT, "SUPPORT", "Portal7Secret").await;
        assert!(made.status.success(), "{made:?}");
        system
    };
    Shared::of(SYSTEM.get_or_init(start).await)
}

/// Those that a field is open to, by its name.
fn open() -> BTreeMap<&'static str, &'static str> {
    let lines = OPEN.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').expect("a field, and who may use it")).collect()
}

/// The fields that are open to `whom`.
fn open_to(whom: &str, surface: &str) -> BTreeSet<String> {
    let open = open().into_iter().filter(|(field, to)| *to == whom && field.starts_with(surface));
    open.map(|(field, _)| field.to_owned()).collect()
}

fn service<'s>(system: &'s System, surface: &str) -> &'s Service {
    if surface == "user" { &system.a } else { &system.portal }
}

/// The access token of somebody who may little: a Viewer, an operator of the lowest role.
async fn little(system: &System, surface: &str) -> String {
    let client = service(system, surface).client();
    let tokens = if surface == "user" {
        login(&client, "esi", "Demo1234").await
    } else {
        client.ask(portal::LOGIN, json!({"email": SUPPORT, "password": "Portal7Secret"})).await
    };
    tokens["accessToken"].as_str().expect("a token").to_owned()
}

/// What became of a request.
#[derive(Debug)]
struct Outcome {
    /// The code of the first error.
    code: Option<String>,
    message: String,
    /// What the field gave.
    given: Value,
    /// All that was said.
    text: String,
}

impl Outcome {
    fn of(answer: &Answer, field: &Field) -> Self {
        let body = answer.json();
        Self::read(&body["errors"], &body["data"][&field.name], &answer.text)
    }

    fn read(errors: &Value, given: &Value, text: &str) -> Self {
        let error = &errors[0];
        let text_of = |value: &Value| value.as_str().map(str::to_owned);
        Self {
            code: text_of(&error["extensions"]["code"]),
            message: text_of(&error["message"]).unwrap_or_default(),
            given: given.clone(),
            text: text.to_owned(),
        }
    }
}

/// Calls a field with a token, or without one.
async fn call(
    system: &System,
    schema: &Schema,
    field: &Field,
    token: Option<&str>,
    id: Option<&str>,
) -> Outcome {
    let service = service(system, field.surface);
    let document = schema.request(field, id);
    if field.kind == "subscription" {
        return follow(service, field, &document, token).await;
    }
    let client = token.map_or_else(|| service.client(), |token| service.client().bearer(token));
    let answer = client.graphql(&document, json!({})).await.expect("an answer");
    assert!(answer.status < 500, "{field}: {document}: {}", answer.text);
    Outcome::of(&answer, field)
}

async fn follow(service: &Service, field: &Field, document: &str, token: Option<&str>) -> Outcome {
    let mut socket = Socket::connected(service).await;
    let payload = token.map_or(json!({}), |token| json!({"Authorization": format!("Bearer {token}")}));
    socket.init(payload).await;
    match socket.next().await {
        Ok(acknowledged) => assert_eq!(acknowledged["type"], "connection_ack"),
        Err((code, reason)) => {
            let code = if code == 4403 { "FORBIDDEN" } else { "CLOSED" };
            return Outcome {
                code: Some(code.to_owned()),
                message: reason.clone(),
                given: Value::Null,
                text: reason,
            };
        }
    }
    socket.say(json!({"type": "subscribe", "id": "1", "payload": {"query": document}})).await;
    let Some(said) = socket.next_within(SILENCE).await else {
        return Outcome { code: None, message: String::new(), given: Value::Null, text: String::new() };
    };
    let said = said.expect("the socket stays open");
    let text = said.to_string();
    match said["type"].as_str() {
        Some("error") => Outcome::read(&said["payload"], &Value::Null, &text),
        _ => Outcome::read(&said["payload"]["errors"], &said["payload"]["data"][&field.name], &text),
    }
}

#[tokio::test]
async fn without_a_token_nothing_answers_but_what_is_open_to_anybody() {
    let system = system().await;
    for surface in ["user", "portal"] {
        let schema = Schema::of(surface);
        let mut answered = BTreeSet::new();
        for field in schema.fields() {
            let outcome = call(&system, &schema, &field, None, None).await;
            if outcome.code.as_deref() == Some("UNAUTHENTICATED") && !says_no_to_credentials(&outcome) {
                assert_eq!(outcome.given, Value::Null, "{field}");
                continue;
            }
            answered.insert(field.to_string());
        }
        assert_eq!(
            answered,
            open_to("anybody", surface),
            "fields that answered strangers, and the list of them"
        );
    }
}

/// A sign-in that was refused is a public field that answered.
fn says_no_to_credentials(outcome: &Outcome) -> bool {
    outcome.message != "Authentication required"
}

#[tokio::test]
async fn what_strangers_may_use_is_limited_and_what_takes_a_password_for_a_token() {
    for surface in ["user", "portal"] {
        let limited = Schema::of(surface).fields().into_iter().filter(|field| field.limited);
        let limited: BTreeSet<String> = limited.map(|field| field.to_string()).collect();
        let mut open = open_to("anybody", surface);
        // The load balancer asks often.
        open.retain(|field| !field.ends_with("ealth"));
        // Whoever holds a session that was left open is as good as a stranger.
        open.insert(format!("{surface} mutation confirmPassword"));
        assert_eq!(limited, open, "fields with @limited, and those that are open to anybody");
    }
}

#[tokio::test]
async fn a_token_of_the_wrong_surface_opens_nothing_at_all() {
    let system = system().await;
    for (surface, says) in [
        ("user", "This endpoint requires a 'user' token. Received 'portal' token."),
        ("portal", "This endpoint requires a 'portal' token. Received 'user' token."),
    ] {
        let token = of_the_wrong_platform(&little(&system, surface).await, surface);
        let schema = Schema::of(surface);
        for field in schema.fields() {
            let outcome = call(&system, &schema, &field, Some(&token), None).await;
            assert_eq!(outcome.code.as_deref(), Some("FORBIDDEN"), "{field}: {outcome:?}");
            if field.kind != "subscription" {
                assert_eq!(outcome.message, says, "{field}");
            }
            assert_eq!(outcome.given, Value::Null, "{field}");
        }
    }
}

#[tokio::test]
async fn who_may_little_changes_nothing_but_what_is_open_to_the_signed_in() {
    let system = system().await;
    for surface in ["user", "portal"] {
        let schema = Schema::of(surface);
        let (anybody, mut changed) = (open_to("anybody", surface), BTreeSet::new());
        for field in schema.fields().into_iter().filter(|field| field.kind == "mutation") {
            if anybody.contains(&field.to_string()) {
                continue;
            }
            // A session of its own for each: some of them end it.
            let token = little(&system, surface).await;
            let outcome = call(&system, &schema, &field, Some(&token), None).await;
            if outcome.code.as_deref() != Some("FORBIDDEN") {
                changed.insert(field.to_string());
                continue;
            }
            let names_it = outcome.message.starts_with("Missing permission: ")
                || outcome.message.starts_with("This needs the role ");
            assert!(names_it, "{field} says what is missing: {outcome:?}");
            assert_eq!(outcome.given, Value::Null, "{field}");
        }
        let open = open_to("signed-in", surface);
        assert_eq!(changed, open, "what a Viewer or the lowest operator may change, and the list of it");
    }
}

/// Somebody with something of every kind, each of it marked.
struct Victim {
    person: Person,
    client: Client,
    ids: Vec<(&'static str, String)>,
    marks: Vec<String>,
}

impl Victim {
    async fn new(system: &System) -> Self {
        let person = Person::new(&system.b).await;
        let client = person.at(&system.b);
        let mark = format!("canary {}", person.username);
        let tag = create_tag(&client, &mark).await;
        let todo = create(&client, &mark).await;
        let todo_id = todo["todo"]["id"].as_str().expect("an id").to_owned();
        let mut ids = vec![
            ("todo", todo_id),
            ("tag", tag),
            ("user", person.id.clone()),
            ("tenant", person.tenant.clone()),
        ];
        ids.extend(more_ids(&client).await);
        let marks =
            vec![mark.clone(), mark.replace([' ', '_'], "-"), person.username.clone(), person.email.clone()];
        Self { client: client.after(&todo["cursor"]), person, ids, marks }
    }

    /// All that could have been changed: what happened in the tenant.
    async fn events(&self, system: &System) -> i64 {
        let tenant = &self.person.tenant;
        let sql = format!("SELECT count(*) FROM events WHERE aggregate_id LIKE '{tenant}%'");
        system.database.number(&sql).await
    }
}

/// Ids of every list that one may read without arguments, whatever there is by now: sessions,
/// roles, keys.
async fn more_ids(client: &Client) -> Vec<(&'static str, String)> {
    let (schema, mut ids) = (Schema::of("user"), BTreeSet::new());
    for field in schema.fields().into_iter().filter(|field| field.kind == "query") {
        let answer = client.graphql(&schema.request(&field, None), json!({})).await.expect("an answer");
        collect_ids(&answer.json()["data"], &mut ids);
    }
    // The seeded roles have the same names in every tenant.
    let own = |id: &String| id != NOTHING && id.len() == NOTHING.len();
    ids.into_iter().filter(own).map(|id| ("listed", id)).collect()
}

fn collect_ids(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if let (Some(id), true) = (value.as_str(), name == "id" || name.ends_with("Id")) {
                    into.insert(id.to_owned());
                }
                collect_ids(value, into);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_ids(value, into)),
        _ => {}
    }
}

#[tokio::test]
async fn ids_of_another_tenant_lead_nowhere_and_change_nothing() {
    let system = system().await;
    let victim = Victim::new(&system).await;
    let attacker = Person::new(&system.a).await;
    let schema = Schema::of("user");
    let fields: Vec<Field> = schema.fields().into_iter().filter(|field| field.takes_ids).collect();
    assert!(fields.len() > 10, "fields that take ids are found: {fields:?}");
    let before = victim.events(&system).await;
    let known: BTreeSet<&str> = victim.ids.iter().map(|(_, id)| id.as_str()).collect();
    for field in &fields {
        for id in &known {
            let outcome = call(&system, &schema, field, Some(&attacker.access), Some(id)).await;
            let of = format!("{field} with {id}");
            leads_nowhere(&outcome, &of);
            for mark in &victim.marks {
                assert!(!outcome.text.contains(mark.as_str()), "{of} shows {mark}: {}", outcome.text);
            }
        }
    }
    assert_eq!(victim.events(&system).await, before, "nothing happened in the other tenant");
    let found = victim.client.ask("{ todos { totalCount } }", json!({})).await;
    assert_eq!(found["totalCount"], 1, "and it is all still there");
}

/// Nothing, an empty list, or an error that does not tell that there is something.
fn leads_nowhere(outcome: &Outcome, of: &str) {
    if let Some(code) = outcome.code.as_deref() {
        assert!(["NOT_FOUND", "VALIDATION_FAILED"].contains(&code), "{of}: {outcome:?}");
        return;
    }
    let given = &outcome.given;
    let has_rows = |name: &str| given[name].as_array().is_some_and(|rows| !rows.is_empty());
    let is_empty_page = given.is_object() && !has_rows("nodes") && !has_rows("edges");
    let is_empty_list = given.as_array().is_some_and(Vec::is_empty);
    assert!(given.is_null() || is_empty_list || is_empty_page, "{of}: {outcome:?}");
}

#[test]
fn a_request_puts_the_id_into_every_place_that_takes_one() {
    let schema = Schema::of("user");
    let request = |name: &str, id| {
        let field = schema.fields().into_iter().find(|field| field.name == name).expect(name);
        schema.request(&field, id)
    };
    let create = request("createTodo", Some("victim"));
    assert!(create.contains("tagIds: [\"victim\"]") && create.contains("assigneeId: \"victim\""), "{create}");
    let list = request("todos", Some("victim"));
    assert!(list.contains("tagId: {eq: \"victim\"") && list.contains("nodes {"), "{list}");
    assert!(!request("createTodo", None).contains("tagIds"), "what is not needed is left out");
    assert!(request("todo", None).contains(NOTHING));
}

#[test]
fn the_list_of_open_fields_names_fields_once_and_in_order() {
    let lines: Vec<&str> = OPEN.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let mut sorted = lines.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(lines, sorted);
    assert!(open().values().all(|to| ["anybody", "signed-in"].contains(to)));
}
