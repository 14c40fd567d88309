//! REST for machines: one todo at a time. Refused cases first.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    api_keys::{key, machine},
    client::Client,
    documents::{TODO, create, create_tag},
    people::colleague,
    person::Person,
    stream::Stream,
    system::shared,
};

const TODOS: &str = "/v1/todos";
const NOTHING: &str = "01890000-0000-7000-8000-000000000000";

/// Writes a todo down; its representation.
pub(crate) async fn made(client: &Client, todo: Value) -> Value {
    let answer = client.call("POST", TODOS, Some(todo)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()
}

fn at(todo: &Value) -> String {
    format!("{TODOS}/{}", todo["id"].as_str().unwrap())
}

#[tokio::test]
async fn whoever_shows_nothing_that_opens_gets_in_nowhere() {
    let system = shared().await;
    for (client, detail) in [
        (system.a.client(), "Authentication required"),
        (system.a.client().bearer("nonsense"), "Invalid or expired token"),
        (system.a.client().with("authorization", "ApiKey nonsense"), "Invalid or expired token"),
        (system.a.client().with("authorization", "Basic YTpi"), "Invalid or expired token"),
    ] {
        for (method, path) in
            [("GET", TODOS), ("POST", TODOS), ("GET", "/v1/nothing"), ("DELETE", "/v1/todos/1")]
        {
            let answer = client.call(method, path, None).await;
            let problem = answer.problem(path);
            assert_eq!((problem.what(), problem.detail.as_str()), ((401, "UNAUTHENTICATED", ""), detail));
            assert_eq!(answer.header("www-authenticate"), "Bearer, ApiKey");
        }
    }
}

/// A method, a path, a body, and what is said of it: status, code, field.
type Case<'c> = (&'c str, &'c str, Option<Value>, (u16, &'c str, &'c str));

async fn all_are_refused(client: &Client, cases: impl IntoIterator<Item = Case<'_>>) {
    for (method, path, body, expected) in cases {
        let of = format!("{method} {path} {body:?}");
        let answer = client.call(method, path, body).await;
        assert_eq!(answer.problem(&of).what(), expected, "{of}: {}", answer.text);
    }
    let listed = client.call("GET", TODOS, None).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "nothing of it happened");
}

/// Somebody with one todo, and the path of that.
async fn with_one_todo() -> (Client, String) {
    let system = shared().await;
    let client = Person::new(&system.a).await.at(&system.a);
    let todo = made(&client, json!({"text": "well"})).await;
    let path = at(&todo);
    (client, path)
}

#[tokio::test]
async fn what_is_at_no_path_or_in_no_form_is_a_problem() {
    let (client, one) = with_one_todo().await;
    let nothing = format!("{TODOS}/{NOTHING}");
    let not_found = (404, "NOT_FOUND", "");
    let paths = [
        ("GET", "/v1/nothing"),
        ("GET", "/v1/todos/"),
        ("GET", &nothing),
        ("GET", "/v1/todos/garbage"),
        ("POST", "/v1/todos/garbage/complete"),
        ("DELETE", "/v1/todos/garbage"),
        ("GET", "/v1/tags/garbage"),
    ];
    all_are_refused(&client, paths.map(|(method, path)| (method, path, None, not_found))).await;
    all_are_refused(&client, [("PATCH", "/v1/todos/garbage", Some(json!({})), not_found)]).await;
    let allowed = client.call("PUT", &one, None).await;
    assert_eq!(allowed.problem("PUT").what(), (405, "VALIDATION_FAILED", ""));
    assert_eq!(allowed.header("allow"), "DELETE, GET, HEAD, PATCH");

    let good = || Some(json!({"text": "never"}));
    for (name, value) in [("content-type", "text/plain"), ("content-encoding", "gzip")] {
        let cases = [("POST", TODOS, good(), (415, "VALIDATION_FAILED", ""))];
        all_are_refused(&client.with(name, value), cases).await;
    }
    let raw = client.with("content-type", "application/json");
    let malformed = raw.post(TODOS, "{\"text\": ").await.unwrap();
    assert_eq!(malformed.problem("malformed").what(), (400, "VALIDATION_FAILED", ""));
    // Its size alone is enough to refuse it.
    let token = format!("Bearer {}", client.token());
    let length = (1024 * 1024 + 1).to_string();
    let headers = [
        ("Authorization", token.as_str()),
        ("Content-Type", "application/json"),
        ("Content-Length", length.as_str()),
    ];
    let mut large = Stream::open(client.port, "POST /v1/todos", &headers, None).await;
    assert_eq!((large.status().await, large.header("content-type")), (413, "application/problem+json"));
}

#[tokio::test]
async fn an_input_that_breaks_a_rule_is_a_problem_that_names_it() {
    let (client, one) = with_one_todo().await;
    let never = |more: Value| {
        let mut todo = json!({"text": "never"});
        todo.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        todo
    };
    let invalid = |field| (400, "VALIDATION_FAILED", field);
    let inputs = [
        (json!([]), invalid("")),
        (json!({}), invalid("")),
        (json!({"text": 7}), invalid("")),
        (never(json!({"owner": "me"})), invalid("")),
        (never(json!({"priority": "HOT"})), invalid("")),
        (never(json!({"dueAt": "tomorrow"})), invalid("")),
        (json!({"text": " "}), invalid("text")),
        (json!({"text": "x".repeat(501)}), invalid("text")),
        (never(json!({"dueAt": "1969-01-01T00:00:00Z"})), invalid("dueAt")),
        (never(json!({"tagIds": ["x"]})), invalid("tagIds")),
        (json!({"text": "well"}), (409, "ALREADY_EXISTS", "text")),
        (never(json!({"tagIds": [NOTHING]})), (404, "NOT_FOUND", "tagIds")),
        (never(json!({"assigneeId": NOTHING})), (404, "NOT_FOUND", "assigneeId")),
    ];
    all_are_refused(&client, inputs.map(|(input, expected)| ("POST", TODOS, Some(input), expected))).await;
    let changes =
        [(json!({"text": null}), "text"), (json!({"tagIds": null}), "tagIds"), (json!({"done": true}), "")];
    let changes = changes.map(|(change, field)| ("PATCH", one.as_str(), Some(change), invalid(field)));
    all_are_refused(&client, changes).await;
    let long = client.with("idempotency-key", "x".repeat(129));
    all_are_refused(&long, [("POST", TODOS, Some(never(json!({}))), invalid("Idempotency-Key"))]).await;
    let weak = client.with("if-match", "W/\"1\"");
    all_are_refused(&weak, [("PATCH", one.as_str(), Some(never(json!({}))), invalid("If-Match"))]).await;
}

#[tokio::test]
async fn a_parameter_that_is_wrong_or_none_is_a_problem_that_names_it() {
    let (client, one) = with_one_todo().await;
    for (path, field) in [
        ("/v1/todos?limit=0", "limit"),
        ("/v1/todos?limit=101", "limit"),
        ("/v1/todos?limit=many", "limit"),
        ("/v1/todos?cursor=AAAA", "cursor"),
        ("/v1/todos?sort=size", "sort"),
        ("/v1/todos?statu=ACTIVE", "statu"),
        ("/v1/todos?status=active", "status"),
        ("/v1/todos?done=maybe", "done"),
        ("/v1/todos?assigneeId=x", "assigneeId"),
        ("/v1/todos?tagId=x", "tagId"),
        ("/v1/todos?updatedSince=yesterday", "updatedSince"),
        ("/v1/todos/export?cursor=AAAA", "cursor"),
        ("/v1/todos/export?limit=5", "limit"),
        ("/v1/tags?limit=0", "limit"),
    ] {
        all_are_refused(&client, [("GET", path, None, (400, "VALIDATION_FAILED", field))]).await;
    }
    let answer = client.with("x-consistency-token", "x").call("GET", &one, None).await;
    assert_eq!(answer.problem("a position").what(), (400, "VALIDATION_FAILED", ""));
}

#[tokio::test]
async fn a_todo_lives_its_whole_life() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let owner = person.at(&system.a);
    let tag = create_tag(&owner, "Garden").await;
    let (_, clear) = key(&owner, json!(["create-todo", "update-todo", "delete-todo"])).await;
    let machine = machine(&system.a, &clear);

    let new = json!({"text": " Water the plants ", "priority": "HIGH", "dueAt": "2030-01-01T08:00:00+01:00",
        "tagIds": [tag], "assigneeId": person.id});
    let answer = machine.call("POST", TODOS, Some(new)).await;
    let todo = answer.json();
    assert_eq!(answer.status, 201, "{todo}");
    let path = at(&todo);
    assert_eq!((answer.header("location"), answer.header("etag")), (path.as_str(), "\"1\""));
    let shown = json!({
        "id": todo["id"], "reference": "TODO-0001", "text": "Water the plants", "status": "ACTIVE", "done": false,
        "priority": "HIGH", "dueAt": "2030-01-01T07:00:00+00:00", "ownerId": person.id,
        "assigneeId": person.id, "tagIds": [tag], "createdAt": todo["createdAt"],
        "updatedAt": todo["updatedAt"], "completedAt": null, "version": 1,
    });
    assert_eq!(todo, shown);

    // Read on the other node as soon as it is there.
    let there =
        self::machine(&system.b, &clear).with("x-consistency-token", answer.header("x-consistency-token"));
    let read = there.call("GET", &path, None).await;
    assert_eq!((read.status, read.json(), read.header("etag")), (200, shown, "\"1\""));
    let same = there.with("if-none-match", "\"1\"").call("GET", &path, None).await;
    assert_eq!((same.status, same.text.as_str(), same.header("etag")), (304, "", "\"1\""));
    let graphql = owner.ask(TODO, json!({"id": todo["id"]})).await;
    assert_eq!((&graphql["text"], &graphql["version"]), (&todo["text"], &todo["version"]));

    let change = json!({"text": "Water all plants", "dueAt": null, "assigneeId": null, "tagIds": []});
    let changed = machine.call("PATCH", &path, Some(change)).await;
    let after = changed.json();
    assert_eq!((changed.status, &after["text"]), (200, &json!("Water all plants")));
    assert_eq!(
        (&after["dueAt"], &after["assigneeId"], &after["tagIds"]),
        (&Value::Null, &Value::Null, &json!([]))
    );
    assert_eq!(after["priority"], "HIGH", "absent is unchanged");
    let merge = machine.with("content-type", "application/merge-patch+json");
    assert_eq!(merge.call("PATCH", &path, Some(json!({"priority": "LOW"}))).await.json()["priority"], "LOW");

    for (act, field, value) in [
        ("complete", "done", json!(true)),
        ("reopen", "done", json!(false)),
        ("archive", "status", json!("ARCHIVED")),
        ("reopen", "status", json!("ACTIVE")),
    ] {
        let answer = machine.call("POST", &format!("{path}/{act}"), None).await;
        assert_eq!((answer.status, &answer.json()[field]), (200, &value), "{act}");
    }
    let gone = machine.call("DELETE", &path, None).await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    let reader = machine.with("x-consistency-token", gone.header("x-consistency-token"));
    assert_eq!(reader.call("GET", &path, None).await.problem("gone").what(), (404, "NOT_FOUND", ""));
    assert_eq!(machine.call("DELETE", &path, None).await.status, 204, "what holds already succeeds");
    assert_eq!(
        machine.call("PATCH", &path, Some(json!({}))).await.problem("gone").what(),
        (404, "NOT_FOUND", "")
    );

    let tags = machine.call("GET", "/v1/tags", None).await.json();
    assert_eq!((&tags["items"][0]["id"], &tags["items"][0]["name"]), (&json!(tag), &json!("Garden")));
    assert_eq!(machine.call("GET", &format!("/v1/tags/{tag}"), None).await.json(), tags["items"][0]);
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_a_problem_with_the_version_of_now() {
    let system = shared().await;
    let client = Person::new(&system.a).await.at(&system.a);
    let todo = made(&client, json!({"text": "contended"})).await;
    let path = at(&todo);
    let seen = client.with("if-match", "\"1\"");
    assert_eq!(seen.call("POST", &format!("{path}/complete"), None).await.header("etag"), "\"2\"");
    for (method, path, body) in [
        ("PATCH", path.clone(), Some(json!({"text": "late"}))),
        ("POST", format!("{path}/archive"), None),
        ("DELETE", path.clone(), None),
    ] {
        let problem = seen.call(method, &path, body).await.problem(method);
        assert_eq!(problem.what(), (412, "CONFLICT", ""), "{method}");
        assert_eq!(problem.body["currentVersion"], 2);
    }
    let any = client.with("if-match", "*");
    assert_eq!(any.call("POST", &format!("{path}/reopen"), None).await.status, 200);
}

#[tokio::test]
async fn a_key_makes_a_request_happen_once() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let mut sending = JoinSet::new();
    for n in 0..8 {
        let node = if n % 2 == 0 { &system.a } else { &system.b };
        let client = person.at(node).with("idempotency-key", "once only");
        sending.spawn(async move { client.call("POST", TODOS, Some(json!({"text": "once"}))).await });
    }
    let mut ids = std::collections::BTreeSet::new();
    while let Some(answer) = sending.join_next().await {
        let answer = answer.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text);
        ids.insert(answer.json()["id"].to_string());
    }
    assert_eq!(ids.len(), 1);
    let client = person.at(&system.a).with("idempotency-key", "once only");
    let other = client.call("POST", TODOS, Some(json!({"text": "another"}))).await;
    assert_eq!(other.problem("another").what(), (409, "CONFLICT", "Idempotency-Key"));
    let listed = person.at(&system.a).call("GET", TODOS, None).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn pages_lead_to_each_other_and_filters_hold() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let tag = create_tag(&client, "Odd").await;
    for n in 0..7 {
        let tags = if n % 2 == 1 { json!([tag]) } else { json!([]) };
        let priority = if n < 3 { "URGENT" } else { "LOW" };
        let assignee = (n == 4).then(|| person.id.clone());
        let todo =
            json!({"text": format!("row {n}"), "tagIds": tags, "priority": priority, "assigneeId": assignee});
        let todo = made(&client, todo).await;
        if n == 6 {
            client.call("POST", &format!("{}/complete", at(&todo)), None).await;
        }
        if n == 5 {
            client.call("POST", &format!("{}/archive", at(&todo)), None).await;
        }
    }
    let texts = |list: &Value| -> Vec<String> {
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["text"].as_str().unwrap().replace("row ", ""))
            .collect()
    };
    let mut path = "/v1/todos?limit=3&sort=text".to_owned();
    let mut found = Vec::new();
    loop {
        let answer = client.call("GET", &path, None).await;
        let page = answer.json();
        found.extend(texts(&page));
        let Some(link) = answer.header("link").strip_suffix(">; rel=\"next\"") else {
            assert!(page.get("nextCursor").is_none(), "{page}");
            break;
        };
        assert!(link.contains(page["nextCursor"].as_str().unwrap()), "{link}");
        path = link.strip_prefix('<').unwrap().to_owned();
    }
    assert_eq!(found.concat(), "0123456");
    for (query, expected) in [
        ("", "6543210".to_owned()),
        ("sort=createdAt", "0123456".to_owned()),
        ("status=ARCHIVED", "5".to_owned()),
        ("done=true", "6".to_owned()),
        ("done=false&status=ACTIVE", "43210".to_owned()),
        ("priority=URGENT&sort=-text", "210".to_owned()),
        ("assigneeId=none&priority=LOW", "653".to_owned()),
        (format!("assigneeId={}", person.id).as_str(), "4".to_owned()),
        (format!("tagId={tag}").as_str(), "531".to_owned()),
        ("updatedSince=2999-01-01T00%3A00%3A00Z", String::new()),
    ] {
        let answer = client.call("GET", &format!("/v1/todos?{query}"), None).await;
        assert_eq!(texts(&answer.json()).concat(), expected, "{query}: {}", answer.text);
    }
    // A cursor belongs to its order.
    let cursor =
        client.call("GET", "/v1/todos?limit=1", None).await.json()["nextCursor"].as_str().unwrap().to_owned();
    let other = client.call("GET", &format!("/v1/todos?sort=text&cursor={cursor}"), None).await;
    assert_eq!(other.problem("another order").what(), (400, "VALIDATION_FAILED", "cursor"));
}

#[tokio::test]
async fn each_route_asks_for_its_own_right() {
    let system = shared().await;
    let owner = Person::new(&system.a).await.at(&system.a);
    let todo = made(&owner, json!({"text": "mine"})).await;
    let (path, body) = (at(&todo), || Some(json!({"text": "theirs"})));
    let routes = [
        ("create-todo", "POST", TODOS.to_owned(), body()),
        ("update-todo", "PATCH", path.clone(), body()),
        ("update-todo", "POST", format!("{path}/complete"), None),
        ("update-todo", "POST", format!("{path}/reopen"), None),
        ("update-todo", "POST", format!("{path}/archive"), None),
        ("delete-todo", "DELETE", path.clone(), None),
    ];
    for (needed, method, path, body) in &routes {
        let others: Vec<&str> =
            ["create-todo", "update-todo", "delete-todo"].into_iter().filter(|it| it != needed).collect();
        let (_, clear) = key(&owner, json!(others)).await;
        let answer = machine(&system.b, &clear).call(method, path, body.clone()).await;
        let problem = answer.problem(path);
        assert_eq!(
            (problem.status, problem.detail),
            (403, format!("Missing permission: {needed}")),
            "{method} {path}"
        );
    }
    let (_, clear) = key(&owner, json!([])).await;
    let reader = machine(&system.b, &clear);
    for path in [TODOS, "/v1/tags", &path] {
        assert_eq!(
            reader.call("GET", path, None).await.status,
            200,
            "{path} needs no right but to be somebody"
        );
    }
    let sender = reader.with("content-type", "application/x-ndjson");
    let import = sender.post("/v1/todos/import", "{\"text\": \"x\"}").await.unwrap();
    assert_eq!(import.problem("import").detail, "Missing permission: create-todo");
}

#[tokio::test]
async fn what_is_another_persons_is_not_there() {
    let system = shared().await;
    let owner = Person::new(&system.a).await.at(&system.a);
    let (_, colleague) = colleague(&owner, "Admin").await;
    let stranger = Person::new(&system.a).await.at(&system.a);
    let todo = create(&owner, "secret").await["todo"].clone();
    let path = at(&todo);
    for other in [&colleague, &stranger] {
        for (method, path, body) in [
            ("GET", path.clone(), None),
            ("PATCH", path.clone(), Some(json!({"text": "x"}))),
            ("POST", format!("{path}/complete"), None),
            ("DELETE", path.clone(), None),
        ] {
            let answer = other.call(method, &path, body).await;
            assert_eq!(answer.problem(&path).what(), (404, "NOT_FOUND", ""), "{method}");
        }
        assert_eq!(other.call("GET", TODOS, None).await.json()["items"], json!([]));
        let export = other.call("GET", "/v1/todos/export", None).await;
        assert_eq!(export.json(), json!({"end": true, "count": 0, "cursor": null}));
    }
}
