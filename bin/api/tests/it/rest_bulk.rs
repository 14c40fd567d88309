//! Todos as streams of lines: in, out, cut in the middle, and gone on with.

use std::{
    io::Read,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    api_keys::key,
    client::{Answer, Client},
    people::colleague,
    person::Person,
    service::{Service, Settings},
    stream::{Piece, Stream, values},
    system::{Shared, shared},
    wait::{until, within},
};

const IMPORT: &str = "/v1/todos/import";
const EXPORT: &str = "/v1/todos/export";
const NDJSON: &str = "application/x-ndjson";
const REVOKE: &str = "mutation($id: ID!) { revokeApiKey(id: $id) { version } }";
/// So many rows, and so large ones, are more than what is on its way between two processes.
const MANY: usize = 10_000;
const PARTS: usize = 5;
const WINDOW: u32 = 16 * 1024;

async fn import(client: &Client, query: &str, body: &str) -> Answer {
    client.with("content-type", NDJSON).post(&format!("{IMPORT}{query}"), body).await.unwrap()
}

/// Lines of todos with these texts.
fn todos(texts: impl Iterator<Item = String>) -> String {
    texts
        .map(|text| {
            json!({ "text": text }).to_string()
                + "
"
        })
        .collect()
}

/// What the problem of a line says.
fn told_of<'r>(result: &'r Value, what: &str) -> &'r str {
    result["problem"][what].as_str().unwrap_or_default()
}

async fn count(client: &Client) -> i64 {
    client.ask("{ todos { totalCount } }", json!({})).await["totalCount"].as_i64().unwrap()
}

/// Somebody with [`MANY`] todos, and a token that shows them.
async fn rich(system: &Shared) -> (Person, Client) {
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let mut after = client.clone();
    // A client has patience for a few seconds only.
    for part in 0..PARTS {
        let numbers = (part * MANY / PARTS)..((part + 1) * MANY / PARTS);
        let lines = todos(numbers.map(|n| format!("{n:06} {}", "wide ".repeat(90))));
        let answer = import(&client, "?report=problems", &lines).await;
        let end = values(answer.text.as_bytes()).pop().unwrap();
        assert_eq!(
            (&end["end"]["created"], &end["end"]["failed"]),
            (&json!(MANY / PARTS), &json!(0)),
            "{end}"
        );
        after = client.after(&end["end"]["cursor"]);
    }
    until("all todos in the lists", async || {
        after.graphql("{ todos { totalCount } }", json!({})).await.unwrap().json()["data"]["todos"]["totalCount"] == MANY
    })
    .await;
    (person, after)
}

#[tokio::test]
async fn an_import_that_cannot_begin_is_a_problem() {
    let system = shared().await;
    let owner = Person::new(&system.a).await.at(&system.a);
    let (_, viewer) = colleague(&owner, "Viewer").await;
    let line = "{\"text\": \"never\"}\n";
    assert_eq!(import(&viewer, "", line).await.problem("viewer").detail, "Missing permission: create-todo");
    for (client, query, expected) in [
        (owner.with("idempotency-key", "x".repeat(101)), "", (400, "VALIDATION_FAILED", "Idempotency-Key")),
        (owner.clone(), "?firstLine=x", (400, "VALIDATION_FAILED", "firstLine")),
        (owner.clone(), "?firstline=2", (400, "VALIDATION_FAILED", "firstline")),
        (owner.clone(), "?report=none", (400, "VALIDATION_FAILED", "report")),
        (owner.with("content-encoding", "gzip"), "", (415, "VALIDATION_FAILED", "")),
    ] {
        assert_eq!(import(&client, query, line).await.problem(query).what(), expected, "{query}");
    }
    let json = owner.with("content-type", "application/json").post(IMPORT, line).await.unwrap();
    assert_eq!(json.problem("JSON").what(), (415, "VALIDATION_FAILED", ""));
    assert_eq!(count(&owner).await, 0);
}

#[tokio::test]
async fn a_line_that_is_wrong_is_named_and_the_others_are_written() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let long = format!("{{\"text\": \"{}\"}}", "x".repeat(20_000));
    let lines = [
        r#"{"text": "first", "priority": "HIGH", "dueAt": "2030-01-01T00:00:00Z"}"#,
        "",
        r#"{"text": "first"}"#,
        r#"{"text": ""}"#,
        r#"{"text": "x", "id": "mine"}"#,
        "not JSON",
        "[1]",
        long.as_str(),
        r#"{"text": "tagged", "tagIds": ["01890000-0000-7000-8000-000000000000"]}"#,
        r#"{"text": "over", "done": true}"#,
    ];
    let answer = import(&client, "", &lines.join("\n")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, NDJSON));
    let mut results = values(answer.text.as_bytes());
    let end = results.pop().unwrap();
    let told: Vec<(u64, &str, &str, &str)> = results
        .iter()
        .map(|result| {
            let status = result["status"].as_str().unwrap();
            (result["line"].as_u64().unwrap(), status, told_of(result, "code"), told_of(result, "field"))
        })
        .collect();
    // Of two lines with one text, either may be the first.
    let (created, taken) = (("CREATED", "", ""), ("FAILED", "ALREADY_EXISTS", "text"));
    let pair = [(told[0].1, told[0].2, told[0].3), (told[1].1, told[1].2, told[1].3)];
    assert!(pair == [created, taken] || pair == [taken, created], "{told:?}");
    assert_eq!(
        told[2..],
        [
            (4, "FAILED", "VALIDATION_FAILED", "text"),
            (5, "FAILED", "VALIDATION_FAILED", ""),
            (6, "FAILED", "VALIDATION_FAILED", ""),
            (7, "FAILED", "VALIDATION_FAILED", ""),
            (8, "FAILED", "VALIDATION_FAILED", ""),
            (9, "FAILED", "NOT_FOUND", "tagIds"),
            (10, "CREATED", "", ""),
        ]
    );
    let tally = &end["end"];
    assert_eq!(
        (&tally["lines"], &tally["created"], &tally["failed"], &tally["nextLine"]),
        (&json!(9), &json!(2), &json!(7), &json!(11)),
        "{end}"
    );
    let there = person.at(&system.b).after(&tally["cursor"]);
    assert_eq!(count(&there).await, 2);
    let done = there.call("GET", "/v1/todos?done=true", None).await.json();
    assert_eq!((&done["items"][0]["text"], &results[8]["version"]), (&json!("over"), &json!(2)));
}

#[tokio::test]
async fn the_same_lines_again_add_nothing_and_the_rest_goes_on() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a).with("idempotency-key", "moving");
    let ids = |answer: &Answer| -> Vec<Value> {
        values(answer.text.as_bytes()).iter().filter_map(|line| line.get("id").cloned()).collect()
    };
    let lines = todos((1..=300).map(|n| format!("thing {n}")));
    let first = ids(&import(&client, "", &lines).await);
    assert_eq!(first.len(), 300);
    let there = person.at(&system.b).with("idempotency-key", "moving");
    assert_eq!(ids(&import(&there, "", &lines).await), first, "on any node");
    let rest: String = lines.split_inclusive('\n').skip(250).collect();
    let more = rest + &todos((301..=310).map(|n| format!("thing {n}")));
    let again = import(&there, "?firstLine=251", &more).await;
    assert_eq!((ids(&again)[..50].to_vec(), ids(&again).len()), (first[250..].to_vec(), 60));
    let other = import(&client, "?firstLine=7", "{\"text\": \"something else\"}").await;
    let other = values(other.text.as_bytes());
    assert_eq!((&other[0]["line"], &other[0]["problem"]["code"]), (&json!(7), &json!("CONFLICT")));
    let end = values(again.text.as_bytes()).pop().unwrap();
    assert_eq!(count(&person.at(&system.a).after(&end["end"]["cursor"])).await, 310);
}

#[tokio::test]
async fn results_come_while_lines_are_still_sent_and_a_pause_is_no_end() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let token = format!("Bearer {}", person.access);
    let headers =
        [("Authorization", token.as_str()), ("Content-Type", NDJSON), ("Transfer-Encoding", "chunked")];
    let mut stream = Stream::open(system.a.port, &format!("POST {IMPORT}"), &headers, None).await;
    stream.send("{\"text\": \"one\"}\n{\"te").await;
    assert_eq!(stream.status().await, 200);
    assert_eq!(stream.lines().await[0]["line"], 1);
    // Longer than the head of a request may take.
    tokio::time::sleep(Duration::from_secs(12)).await;
    stream.send("xt\": \"two\"}\n").await;
    assert_eq!(stream.lines().await[0]["line"], 2);
    stream.send("{\"text\": \"three\"}").await;
    stream.end().await;
    let (rest, end) = stream.rest().await;
    let rest = values(&rest);
    assert_eq!((&rest[0]["line"], &rest[1]["end"]["created"], end), (&json!(3), &json!(3), Piece::End));
}

#[tokio::test]
async fn an_import_whose_key_is_revoked_stops_with_a_problem_that_says_so() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let owner = person.at(&system.a);
    let (id, clear) = key(&owner, json!(["create-todo"])).await;
    let shown = format!("ApiKey {clear}");
    let headers =
        [("Authorization", shown.as_str()), ("Content-Type", NDJSON), ("Transfer-Encoding", "chunked")];
    let mut stream = Stream::open(system.b.port, &format!("POST {IMPORT}"), &headers, None).await;
    stream.send("{\"text\": \"before\"}\n").await;
    assert_eq!((stream.status().await, &stream.lines().await[0]["status"]), (200, &json!("CREATED")));
    owner.ask(REVOKE, json!({"id": id})).await;
    let revoked = Instant::now();
    let mut number = 0;
    let last = loop {
        number += 1;
        stream.send(&format!("{{\"text\": \"after {number}\"}}\n")).await;
        let line = stream.lines().await.pop().unwrap();
        if line.get("line").is_none() {
            break line;
        }
        assert!(revoked.elapsed() < Duration::from_secs(3), "a key that is revoked goes on writing");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(
        (&last["problem"]["code"], &last["problem"]["status"]),
        (&json!("UNAUTHENTICATED"), &json!(401))
    );
    assert_eq!(stream.rest().await, (Vec::new(), Piece::Cut));
}

#[tokio::test]
async fn whoever_goes_away_in_the_middle_of_an_import_has_lost_nothing_by_sending_it_again() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a).with("idempotency-key", "cut");
    let token = format!("Bearer {}", person.access);
    let lines = todos((0..2_000).map(|n| format!("line {n}")));
    let headers = [
        ("Authorization", token.as_str()),
        ("Content-Type", NDJSON),
        ("Transfer-Encoding", "chunked"),
        ("Idempotency-Key", "cut"),
    ];
    let mut stream = Stream::open(system.a.port, &format!("POST {IMPORT}"), &headers, Some(WINDOW)).await;
    stream.send(&lines).await;
    assert_eq!(stream.status().await, 200);
    assert!(!stream.lines().await.is_empty());
    drop(stream);
    let sql = format!(
        "SELECT count(*) FROM events WHERE aggregate_type = 'todo' AND aggregate_id LIKE '{}%'",
        person.tenant
    );
    let mut before = -1;
    until("nothing more to be written", async || {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = system.database.number(&sql).await;
        std::mem::replace(&mut before, now) == now
    })
    .await;
    assert!(before < 2_000, "it stopped when nobody was there any more: {before}");
    let again = import(&client, "?report=problems", &lines).await;
    let told = values(again.text.as_bytes());
    let end = &told.last().unwrap()["end"];
    assert_eq!((&end["created"], &end["failed"]), (&json!(2_000), &json!(0)), "{told:?}");
    assert!(told.iter().any(|line| line["progress"]["nextLine"].is_number()), "progress was told");
    assert_eq!(system.database.number(&sql).await, 2_000);
}

#[tokio::test]
async fn an_export_is_whole_packed_if_wanted_and_goes_on_from_any_line() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let answer = import(&client, "", &todos((0..1_203).map(|n| format!("row {n}")))).await;
    let end = values(answer.text.as_bytes()).pop().unwrap();
    let client = client.after(&end["end"]["cursor"]);
    let plain = client.call("GET", EXPORT, None).await;
    assert_eq!(
        (plain.status, plain.header("content-type"), plain.header("vary")),
        (200, NDJSON, "Accept-Encoding")
    );
    let mut rows = values(plain.text.as_bytes());
    let last = rows.pop().unwrap();
    assert_eq!(last, json!({"end": true, "count": 1_203, "cursor": rows[1_202]["cursor"]}));
    let mut numbers: Vec<u64> =
        rows.iter().map(|row| row["text"].as_str().unwrap()[4..].parse().unwrap()).collect();
    assert!(rows.windows(2).all(|pair| pair[0]["createdAt"].as_str() <= pair[1]["createdAt"].as_str()));
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(0..1_203));

    for from in [0_usize, 499, 500, 777, 1_202] {
        let cursor = rows[from]["cursor"].as_str().unwrap();
        let rest = client.call("GET", &format!("{EXPORT}?cursor={cursor}"), None).await;
        let mut rest = values(rest.text.as_bytes());
        assert_eq!(rest.pop().unwrap()["count"], json!(1_202 - from));
        assert_eq!(rest, rows[from + 1..], "from {from}");
    }
    let one = client.call("GET", &format!("{EXPORT}?done=true"), None).await;
    assert_eq!(one.json(), json!({"end": true, "count": 0, "cursor": null}));

    let token = format!("Bearer {}", person.access);
    for (wanted, got) in [("gzip", "gzip"), ("zstd, gzip;q=0.5", "zstd"), ("br", "")] {
        let headers = [("Authorization", token.as_str()), ("Accept-Encoding", wanted)];
        let mut stream = Stream::open(system.b.port, &format!("GET {EXPORT}"), &headers, None).await;
        assert_eq!(stream.status().await, 200);
        assert_eq!(stream.header("content-encoding"), got);
        let (body, end) = stream.rest().await;
        assert_eq!(end, Piece::End);
        let unpacked = match got {
            "gzip" => {
                let mut text = Vec::new();
                flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut text).unwrap();
                text
            }
            "zstd" => zstd::decode_all(&body[..]).unwrap(),
            _ => body.clone(),
        };
        assert!(got.is_empty() || body.len() * 3 < unpacked.len(), "{} of {}", body.len(), unpacked.len());
        assert_eq!(values(&unpacked)[..1_203], rows[..], "{wanted}");
    }
    // The position says from where on one has to follow.
    let position = json!(plain.header("x-consistency-token"));
    assert_eq!(count(&person.at(&system.b).after(&position)).await, 1_203);
}

#[tokio::test]
async fn an_export_shows_one_moment_however_slowly_it_is_read_and_a_cut_never_looks_like_an_end() {
    let system = shared().await;
    let (person, client) = rich(&system).await;
    let token = format!("Bearer {}", person.access);
    let open = async |service: &Service| {
        let headers = [("Authorization", token.as_str())];
        let mut stream = Stream::open(service.port, &format!("GET {EXPORT}"), &headers, Some(WINDOW)).await;
        assert_eq!(stream.status().await, 200);
        stream
    };
    let walking = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
        AND state = 'idle in transaction' AND query LIKE '%todo_list%'";

    // One moment: what happens while it is read is not in it.
    let mut stream = open(&system.a).await;
    let newest = client.call("GET", "/v1/todos?limit=3&sort=-createdAt", None).await.json()["items"].clone();
    let path = |n: usize| format!("/v1/todos/{}", newest[n]["id"].as_str().unwrap());
    assert_eq!(client.call("DELETE", &path(0), None).await.status, 204);
    assert_eq!(client.call("PATCH", &path(1), Some(json!({"text": "changed meanwhile"}))).await.status, 200);
    assert_eq!(client.call("POST", "/v1/todos", Some(json!({"text": "new meanwhile"}))).await.status, 201);
    assert!(system.database.number(walking).await > 0, "the walk is not over yet");
    let (body, end) = stream.rest().await;
    let mut rows = values(&body);
    assert_eq!((rows.pop().unwrap()["count"].clone(), end), (json!(MANY), Piece::End));
    for n in 0..3 {
        let row = rows.iter().find(|row| row["id"] == newest[n]["id"]).expect("the row is there");
        assert_eq!((&row["text"], &row["version"]), (&newest[n]["text"], &newest[n]["version"]));
    }
    assert!(!rows.iter().any(|row| row["text"] == "new meanwhile"));

    // A session that ends in the middle is told, and cut.
    let mut stream = open(&system.a).await;
    let killed = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() \
        AND state = 'idle in transaction' AND query LIKE '%todo_list%'";
    assert!(system.database.number(killed).await > 0);
    let (body, end) = stream.rest().await;
    let rows = values(&body);
    let last = rows.last().unwrap();
    assert_eq!((&last["problem"]["code"], end), (&json!("UNAVAILABLE"), Piece::Cut));
    assert!(last["problem"]["requestId"].is_string() && !last.to_string().contains("terminat"), "{last}");
    let cursor = rows[rows.len() - 2]["cursor"].as_str().unwrap().to_owned();
    let rest = client.call("GET", &format!("{EXPORT}?cursor={cursor}"), None).await;
    assert_eq!(values(rest.text.as_bytes()).pop().unwrap()["count"], json!(MANY - (rows.len() - 1)));

    // Two of one person at the same time, no third; who goes away frees the place and the session.
    let (first, second) = (open(&system.b).await, open(&system.b).await);
    let busy = person.at(&system.b).call("GET", EXPORT, None).await;
    assert_eq!(busy.problem("a third").what(), (429, "RATE_LIMITED", ""));
    assert_eq!(busy.header("retry-after"), "5");
    drop((first, second));
    within(Duration::from_secs(5), "the end of the walks", async || {
        system.database.number(walking).await == 0
    })
    .await;
    assert_eq!(person.at(&system.b).call("GET", &format!("{EXPORT}?done=true"), None).await.status, 200);
}

#[tokio::test]
async fn an_import_that_loses_its_database_stops_with_a_problem_and_goes_on_later() {
    let database = crate::database::Database::migrated().await;
    let node = Service::ready("api", &Settings::user(&database)).await;
    let person = Person::new(&node).await;
    let token = format!("Bearer {}", person.access);
    let headers = [
        ("Authorization", token.as_str()),
        ("Content-Type", NDJSON),
        ("Transfer-Encoding", "chunked"),
        ("Idempotency-Key", "through"),
    ];
    let mut stream = Stream::open(node.port, &format!("POST {IMPORT}"), &headers, None).await;
    stream.send("{\"text\": \"one\"}\n").await;
    assert_eq!((stream.status().await, &stream.lines().await[0]["line"]), (200, &json!(1)));
    let admin = crate::database::Database {
        url: database.url.replace(&database.name, "postgres"),
        ..database.clone()
    };
    let admin = admin.open().await;
    let shut = |allowed: bool| format!("ALTER DATABASE {} ALLOW_CONNECTIONS {allowed}", database.name);
    admin.batch_execute(&shut(false)).await.unwrap();
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
    admin.query(kill, &[&database.name]).await.unwrap();
    stream.send("{\"text\": \"two\"}\n").await;
    let (rest, end) = stream.rest().await;
    let rest = values(&rest);
    assert_eq!(
        (&rest.last().unwrap()["problem"]["code"], end),
        (&json!("UNAVAILABLE"), Piece::Cut),
        "{rest:?}"
    );
    admin.batch_execute(&shut(true)).await.unwrap();
    let client = person.at(&node).with("idempotency-key", "through");
    let lines = "{\"text\": \"one\"}\n{\"text\": \"two\"}\n";
    until("the database again", async || {
        let answer = import(&client, "", lines).await;
        values(answer.text.as_bytes()).last().is_some_and(|last| last["end"]["created"] == 2)
    })
    .await;
    let sql = "SELECT count(*) FROM events WHERE event_type LIKE 'todo.created%'";
    assert_eq!(database.number(sql).await, 2);
}
