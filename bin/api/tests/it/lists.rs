//! Lists as Relay connections: pages, cursors, and what is refused of both.

use serde_json::{Value, json};

use crate::{
    client::Client,
    documents::{TAGS, TODOS, create, create_tag},
    person::{Person, demo_person},
    system::{demo, shared},
};

fn texts(list: &Value) -> Vec<String> {
    list["nodes"].as_array().unwrap().iter().map(|todo| todo["text"].as_str().unwrap().to_owned()).collect()
}

fn is_descending(list: &Value, field: &str) -> bool {
    let values: Vec<&str> =
        list["nodes"].as_array().unwrap().iter().map(|node| node[field].as_str().unwrap()).collect();
    values.windows(2).all(|pair| pair[0] >= pair[1])
}

#[tokio::test]
async fn a_page_has_20_rows_newest_first_and_at_most_100() {
    let system = demo().await;
    let client = demo_person(&system.a, "demo").await;
    let list = client.ask(TODOS, json!({})).await;
    assert_eq!(list["nodes"].as_array().unwrap().len(), 20);
    assert!(is_descending(&list, "createdAt"));
    assert_eq!(list["totalCount"], 300);
    assert_eq!(list["pageInfo"]["hasNextPage"], true);
    assert_eq!(list["pageInfo"]["hasPreviousPage"], false);
    assert_eq!(list["pageInfo"]["startCursor"], list["edges"][0]["cursor"]);
    assert_eq!(list["pageInfo"]["endCursor"], list["edges"][19]["cursor"]);
    let longest = client.ask(TODOS, json!({"first": 100})).await;
    assert_eq!(longest["nodes"].as_array().unwrap().len(), 100);
    assert_eq!(texts(&longest)[..20], texts(&list));
    for (arguments, field) in [
        (json!({"first": 0}), "first"),
        (json!({"first": -1}), "first"),
        (json!({"first": 101}), "first"),
        (json!({"first": 1_000_000}), "first"),
        (json!({"last": 0}), "last"),
        (json!({"last": 1_000_000}), "last"),
    ] {
        let refused = client.refused(TODOS, arguments.clone()).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", field), "{arguments}");
    }
    for both in [
        json!({"first": 1, "last": 1}),
        json!({"first": 1, "before": list["edges"][3]["cursor"]}),
        json!({"after": list["edges"][3]["cursor"], "before": list["edges"][5]["cursor"]}),
    ] {
        assert_eq!(client.refused(TODOS, both.clone()).await.code, "VALIDATION_FAILED", "{both}");
    }
    let empty = Person::new(&system.a).await.at(&system.a).ask(TODOS, json!({})).await;
    assert_eq!((&empty["totalCount"], &empty["nodes"]), (&json!(0), &json!([])));
    assert_eq!(empty["pageInfo"]["startCursor"], Value::Null);
}

/// All pages, forward or backward, in the order of the list.
async fn walk(client: &Client, sort: &Value, backward: bool) -> Vec<String> {
    let (mut all, mut place) = (Vec::new(), Value::Null);
    for _ in 0..30 {
        let arguments = if backward {
            json!({"last": 13, "before": place, "sort": sort})
        } else {
            json!({"first": 13, "after": place, "sort": sort})
        };
        let page = client.ask(TODOS, arguments).await;
        let (end, more, behind) = if backward {
            ("startCursor", "hasPreviousPage", "hasNextPage")
        } else {
            ("endCursor", "hasNextPage", "hasPreviousPage")
        };
        assert_eq!(page["pageInfo"][behind], !place.is_null());
        let mut rows = texts(&page);
        if backward {
            rows.reverse();
        }
        all.extend(rows);
        place = page["pageInfo"][end].clone();
        if page["pageInfo"][more] == false {
            break;
        }
    }
    if backward {
        all.reverse();
    }
    all
}

#[tokio::test]
async fn pages_in_either_direction_and_any_order_show_each_row_once() {
    let system = demo().await;
    let client = demo_person(&system.b, "demo").await;
    for field in ["CREATED_AT", "UPDATED_AT", "DUE_AT", "PRIORITY", "TEXT"] {
        let mut ascending = Vec::new();
        for direction in ["ASC", "DESC"] {
            let sort = json!({"field": field, "direction": direction});
            let forward = walk(&client, &sort, false).await;
            let mut unique = forward.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!((forward.len(), unique.len()), (300, 300), "{sort}");
            assert_eq!(walk(&client, &sort, true).await, forward, "{sort} backward");
            if direction == "ASC" {
                ascending = forward;
            } else {
                ascending.reverse();
                assert_eq!(forward, ascending, "{field}: one order is the other, reversed");
            }
        }
    }
}

#[tokio::test]
async fn each_order_is_what_it_says() {
    let system = demo().await;
    let client = demo_person(&system.a, "demo").await;
    let sorted = async |field: &str, of: &str| -> Vec<Value> {
        let list = client.ask(TODOS, json!({"first": 100, "sort": {"field": field}})).await;
        list["nodes"].as_array().unwrap().iter().map(|todo| todo[of].clone()).collect()
    };
    let texts = sorted("TEXT", "text").await;
    assert!(texts.windows(2).all(|pair| pair[0].as_str() <= pair[1].as_str()));
    let created = sorted("CREATED_AT", "createdAt").await;
    assert!(created.windows(2).all(|pair| pair[0].as_str() <= pair[1].as_str()));
    let priorities = sorted("PRIORITY", "priority").await;
    assert!(priorities.iter().take(60).all(|priority| priority == "LOW"), "60 of 300 are low, and first");
    assert!(priorities.iter().skip(60).all(|priority| priority == "NORMAL"));
    let due = sorted("DUE_AT", "dueAt").await;
    assert!(due.iter().all(|due| !due.is_null()), "those without a due time are last");
}

#[tokio::test]
async fn rows_written_meanwhile_do_not_shift_a_page() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    for n in 0..10 {
        create(&client, &format!("old {n}")).await;
    }
    let page = client.ask(TODOS, json!({"first": 5})).await;
    for n in 0..7 {
        create(&client, &format!("new {n}")).await;
    }
    let rest = client.ask(TODOS, json!({"first": 5, "after": page["pageInfo"]["endCursor"]})).await;
    assert_eq!(texts(&rest), ["old 4", "old 3", "old 2", "old 1", "old 0"]);
    assert_eq!(rest["pageInfo"]["hasNextPage"], false);
}

#[tokio::test]
async fn a_cursor_that_was_not_made_for_this_list_is_refused() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    for n in 0..3 {
        create(&client, &format!("row {n}")).await;
        create_tag(&client, &format!("Tag {n}")).await;
    }
    let list = client.ask(TODOS, json!({"first": 1})).await;
    let cursor = list["pageInfo"]["endCursor"].as_str().unwrap().to_owned();
    let by_text = client.ask(TODOS, json!({"first": 1, "sort": {"field": "TEXT"}})).await;
    let of_tags = client.ask(TAGS, json!({"first": 1})).await;
    let middle = cursor.len() / 2;
    let other = if cursor.as_bytes()[middle] == b'A' { "B" } else { "A" };
    let tampered = format!("{}{other}{}", &cursor[..middle], &cursor[middle + 1..]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let bad = [
        String::new(),
        "garbage".to_owned(),
        "ÄÖÜ".to_owned(),
        tampered,
        format!("{cursor}A"),
        cursor[..cursor.len() - 1].to_owned(),
        text(&by_text["pageInfo"]["endCursor"]),
        text(&of_tags["pageInfo"]["endCursor"]),
        text(&person.cursor),
    ];
    for place in bad {
        let refused = client.refused(TODOS, json!({"after": place})).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", "after"), "{place}");
        let refused = client.refused(TODOS, json!({"before": place})).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", "before"), "{place}");
    }
    assert_eq!(client.refused(TODOS, json!({"after": "x".repeat(10_000)})).await.code, "VALIDATION_FAILED");
    // A cursor is a place, not a right: in somebody else's list it shows that person's own rows.
    let stranger = Person::new(&system.b).await.at(&system.b);
    assert_eq!(stranger.ask(TODOS, json!({"after": cursor})).await["nodes"], json!([]));
    assert_eq!(client.ask(TODOS, json!({"after": cursor})).await["nodes"].as_array().unwrap().len(), 2);
}
