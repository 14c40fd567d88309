//! The audit trail as lines: whole, resumable, packed, as it is stored, and honest about its end.

use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use super::{Cut, Writer, system};
use crate::{
    operators::{chief, colleague},
    person::Person,
    service::Service,
    stream::{Piece, Stream, values},
    system::System,
};

/// Little of an answer is on its way before it is read.
const WINDOW: u32 = 4_096;

async fn opened(portal: &Service, token: &str, query: &str, packing: &str) -> Stream {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Accept-Encoding", packing)];
    Stream::open(portal.port, &format!("GET /v1/audit/export?{query}"), &headers, Some(WINDOW)).await
}

/// All lines of an export that is complete: events, and the last line.
async fn export(portal: &Service, token: &str, query: &str) -> (Vec<Value>, Value) {
    let mut stream = opened(portal, token, query, "identity").await;
    assert_eq!(stream.status().await, 200, "{query}");
    assert_eq!(stream.header("content-type"), "application/x-ndjson");
    let (body, end) = stream.rest().await;
    assert_eq!(end, Piece::End, "{query}");
    let mut lines = values(&body);
    let last = lines.pop().unwrap();
    assert_eq!(last["end"], true, "{last}");
    lines.retain(|line| line.get("progress").is_none());
    (lines, last)
}

fn positions(lines: &[Value]) -> Vec<i64> {
    lines.iter().map(|line| line["position"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn an_export_is_everything_that_passes_in_the_one_order_and_says_how_many_that_were() {
    let system = system().await;
    let writer = Writer::alone(&system).await;
    writer.create(1_500, 1).await;
    let stored = writer.stored().await;
    let (_, _, operator) = colleague(&system, "SUPPORT").await;
    let token = operator.token();
    let tenant = format!("tenantId={}", writer.tenant);
    let (lines, last) = export(&system.portal, &token, &tenant).await;
    assert_eq!(positions(&lines), stored);
    assert_eq!(last["count"], 1_500);
    let first = &lines[0];
    assert_eq!(
        json!([
            first["eventType"],
            first["aggregateType"],
            first["version"],
            first["tenantId"],
            first["actorKind"]
        ]),
        json!(["todo.created", "todo", 1, writer.tenant, "user"])
    );
    assert_eq!(first["payload"]["text"], "todo 1");

    let from = &lines[399]["cursor"].as_str().unwrap();
    let to = &lines[409]["cursor"].as_str().unwrap();
    let (some, last) = export(&system.portal, &token, &format!("{tenant}&from={from}&to={to}")).await;
    assert_eq!((positions(&some), &last["count"]), (stored[400..410].to_vec(), &json!(10)));
    let (more, _) =
        export(&system.portal, &token, &format!("{tenant}&from={}", last["cursor"].as_str().unwrap())).await;
    assert_eq!(positions(&more), stored[410..]);
    let ancient = "2001-01-01T00:00:00Z";
    let (all, _) = export(&system.portal, &token, &format!("{tenant}&from={ancient}")).await;
    assert_eq!(positions(&all), stored, "from before the first event on");
    for nothing in ["eventType=todo.deleted", "aggregateType=tod", &format!("to={ancient}")] {
        let (none, last) = export(&system.portal, &token, &format!("{tenant}&{nothing}")).await;
        assert!(none.is_empty() && last["count"] == 0 && last["cursor"].is_string(), "{nothing}: {last}");
    }
    let swapped = operator.get(&format!("/v1/audit/export?from={to}&to={from}")).await.unwrap();
    assert_eq!((swapped.status, &swapped.json()["field"]), (400, &json!("from")), "{}", swapped.text);
    let mut resumed = Vec::new();
    let mut at = String::new();
    while resumed.len() < 1_500 {
        let mut stream = opened(&system.portal, &token, &format!("{tenant}{at}"), "identity").await;
        stream.status().await;
        let lines = stream.lines().await;
        let some: Vec<_> = lines.into_iter().filter(|line| line["eventType"].is_string()).collect();
        if let Some(last) = some.last() {
            at = format!("&from={}", last["cursor"].as_str().unwrap());
        }
        resumed.extend(positions(&some));
    }
    assert_eq!(resumed, stored, "cut and resumed");
}

#[tokio::test]
async fn it_is_packed_for_whoever_takes_that() {
    let system = system().await;
    let writer = Writer::alone(&system).await;
    writer.create(300, 1).await;
    let (_, _, operator) = colleague(&system, "SUPPORT").await;
    let query = format!("tenantId={}", writer.tenant);
    for packing in ["gzip", "zstd"] {
        let mut stream = opened(&system.portal, &operator.token(), &query, packing).await;
        assert_eq!((stream.status().await, stream.header("content-encoding")), (200, packing));
        let (body, end) = stream.rest().await;
        assert_eq!(end, Piece::End);
        let mut text = Vec::new();
        match packing {
            "gzip" => GzDecoder::new(body.as_slice()).read_to_end(&mut text).map(drop).unwrap(),
            _ => text = zstd::decode_all(body.as_slice()).unwrap(),
        }
        let mut lines = values(&text);
        lines.retain(|line| line.get("progress").is_none());
        assert_eq!((lines.len(), &lines.last().unwrap()["count"]), (301, &json!(300)), "{packing}");
        assert!(body.len() * 4 < text.len(), "{packing}: {} of {} bytes", body.len(), text.len());
    }
}

#[tokio::test]
async fn as_it_is_stored_it_is_for_super_admins_and_has_the_stored_texts() {
    let system = system().await;
    let person = Person::new(&system.a).await;
    let (_, _, operator) = colleague(&system, "OPERATIONS").await;
    let query = format!("tenantId={}&format=sealed", person.tenant);
    let mut refused = opened(&system.portal, &operator.token(), &query, "identity").await;
    assert_eq!(refused.status().await, 403);
    assert_eq!(refused.header("content-type"), "application/problem+json");

    let chief = chief(&system).await;
    let mut stream = opened(&system.portal, &chief.token(), &query, "identity").await;
    assert_eq!(stream.status().await, 200);
    let (body, end) = stream.rest().await;
    assert_eq!(end, Piece::End);
    let text = String::from_utf8(body).unwrap();
    let sql = format!(
        "SELECT position, tx_id::text, aggregate_id, payload::text, metadata::text FROM events \
         WHERE split_part(aggregate_id, '/', 1) = '{}' ORDER BY events.tx_id, events.position",
        person.tenant
    );
    let rows = system.database.open().await.query(&sql, &[]).await.unwrap();
    assert!(rows.len() >= 4);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), rows.len() + 1);
    for (line, row) in lines.iter().zip(&rows) {
        let value: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            json!([value["position"], value["txId"], value["aggregateId"]]),
            json!([row.get::<_, i64>(0).to_string(), row.get::<_, String>(1), row.get::<_, String>(2)])
        );
        for (name, column) in [("payload", 3), ("metadata", 4)] {
            let stored: String = row.get(column);
            assert!(line.contains(&format!("\"{name}\":{stored}")), "{name} is the stored text: {line}");
        }
    }
    assert!(!text.contains(&person.email), "what is sealed stays sealed");
}

#[tokio::test]
async fn what_cannot_be_exported_is_a_problem_that_names_the_parameter() {
    let system = system().await;
    let (_, _, operator) = colleague(&system, "SUPPORT").await;
    let token = operator.token();
    for (query, field) in [
        ("from=garbage", "from"),
        ("to=garbage", "to"),
        ("from=2999-01-01T00:00:00Z", "from"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from"),
        ("tenantId=garbage", "tenantId"),
        ("format=garbage", "format"),
        ("tenant=misspelt", "tenant"),
        ("platform=%00", "platform"),
    ] {
        let answer = operator.get(&format!("/v1/audit/export?{query}")).await.unwrap();
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (400, "application/problem+json"),
            "{query}"
        );
        let problem = answer.json();
        assert_eq!(
            (&problem["code"], &problem["field"]),
            (&json!("VALIDATION_FAILED"), &json!(field)),
            "{problem}"
        );
    }
    let person = Person::new(&system.a).await;
    for client in [system.portal.client(), person.at(&system.portal)] {
        assert_eq!(client.get("/v1/audit/export").await.unwrap().status, 401);
    }
    let elsewhere = person.at(&system.a).get("/v1/audit/export").await.unwrap();
    assert_eq!(elsewhere.status, 404, "the user surface has none: {}", elsewhere.text);
    assert!(!token.is_empty());
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_a_line_and_a_database_that_goes_is_a_cut() {
    let system = System::start().await;
    let writer = Writer::alone(&system).await;
    writer.create_many(60_000).await;
    let stored = writer.stored().await;
    let corrupt = format!(
        "BEGIN; ALTER TABLE events DISABLE TRIGGER events_no_change; \
         UPDATE events SET payload = '{{}}' WHERE position = {}; \
         ALTER TABLE events ENABLE TRIGGER events_no_change; COMMIT",
        stored[1]
    );
    writer.session.batch_execute(&corrupt).await.unwrap();
    let (_, _, operator) = colleague(&system, "SUPPORT").await;
    let query = format!("tenantId={}", writer.tenant);
    let mut stream = opened(&system.portal, &operator.token(), &query, "identity").await;
    stream.status().await;
    let mut lines = Vec::new();
    while lines.len() < 3 {
        lines.extend(stream.lines().await);
    }
    assert_eq!(
        (&lines[0]["position"], &lines[2]["position"]),
        (&json!(stored[0].to_string()), &json!(stored[2].to_string()))
    );
    let told = &lines[1];
    assert_eq!(
        (&told["position"], &told["problem"]["code"]),
        (&json!(stored[1].to_string()), &json!("INTERNAL")),
        "{told}"
    );
    assert!(told["cursor"].is_string() && told["problem"]["requestId"].is_string(), "{told}");

    let cut = Cut::of(&system).await;
    let (rest, end) = stream.rest().await;
    assert_eq!(end, Piece::Cut, "nobody takes it for the whole");
    let rest = values(&rest);
    let last = rest.last().unwrap();
    assert_eq!(last["problem"]["code"], "UNAVAILABLE", "{last}");
    assert!(rest.len() < 50_000, "it was in the middle: {}", rest.len());
    cut.mend().await;
}

#[tokio::test]
async fn the_export_of_an_operator_who_is_kept_out_stops() {
    let system = system().await;
    let writer = Writer::alone(&system).await;
    writer.create_many(60_000).await;
    let (id, _, operator) = colleague(&system, "SUPPORT").await;
    let query = format!("tenantId={}", writer.tenant);
    let mut stream = opened(&system.portal, &operator.token(), &query, "identity").await;
    stream.status().await;
    stream.lines().await;
    let deactivate = "mutation($id: ID!) { deactivateOperator(id: $id) { __typename } }";
    chief(&system).await.ask(deactivate, json!({"id": id})).await;
    // While nobody reads, nothing is made: the next look at the token comes with the next lines.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let (rest, end) = stream.rest().await;
    assert_eq!(end, Piece::Cut);
    assert_eq!(values(&rest).last().unwrap()["problem"]["code"], "UNAUTHENTICATED");
}
