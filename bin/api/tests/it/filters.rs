//! Filters of todos: each operator of each field once, alone and combined.

use serde_json::{Value, json};

use crate::{
    client::Client,
    documents::{ARCHIVE, COMPLETE, CREATE, TODOS, create_tag},
    person::Person,
    system::shared,
};

async fn numbers(client: &Client, filter: &Value) -> Vec<u32> {
    let list =
        client.ask(TODOS, json!({"filter": filter, "sort": {"field": "CREATED_AT"}, "first": 100})).await;
    let nodes = list["nodes"].as_array().unwrap();
    assert_eq!(list["totalCount"], nodes.len(), "{filter}");
    let number =
        |todo: &Value| todo["reference"].as_str().unwrap().trim_start_matches("TODO-").parse().unwrap();
    nodes.iter().map(number).collect()
}

#[tokio::test]
async fn each_operator_of_each_field_finds_what_it_says() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let tag = create_tag(&client, "Tag").await;
    let other_tag = create_tag(&client, "Other").await;
    let mut made = Vec::new();
    for input in [
        json!({"text": "Alpha 100%", "priority": "LOW", "dueAt": "2030-01-01T00:00:00Z", "tagIds": [tag]}),
        json!({"text": "beta", "priority": "NORMAL", "assigneeId": person.id, "tagIds": [tag, other_tag]}),
        json!({"text": "Gamma", "priority": "HIGH", "dueAt": "2030-06-01T00:00:00Z"}),
        json!({"text": "delta_x", "priority": "URGENT", "dueAt": "2031-01-01T00:00:00Z"}),
    ] {
        made.push(client.ask(CREATE, json!({"input": input})).await["todo"].clone());
    }
    client.ask(COMPLETE, json!({"id": made[2]["id"]})).await;
    client.ask(ARCHIVE, json!({"id": made[3]["id"]})).await;
    let (id, at) = (|n: usize| made[n]["id"].clone(), |n: usize| made[n]["createdAt"].clone());
    let nobody = "01890000-0000-7000-8000-000000000000";
    let june = "2030-06-01T00:00:00Z";
    let cases: Vec<(Value, &[u32])> = vec![
        (json!({}), &[1, 2, 3, 4]),
        (json!({"id": {"eq": id(1)}}), &[2]),
        (json!({"id": {"ne": id(1)}}), &[1, 3, 4]),
        (json!({"id": {"in": [id(0), id(3), nobody]}}), &[1, 4]),
        (json!({"text": {"eq": "beta"}}), &[2]),
        (json!({"text": {"eq": "Beta"}}), &[]),
        (json!({"text": {"ne": "beta"}}), &[1, 3, 4]),
        (json!({"text": {"in": ["beta", "Gamma"]}}), &[2, 3]),
        (json!({"text": {"in": []}}), &[]),
        (json!({"text": {"like": "%A"}}), &[2, 3]),
        (json!({"text": {"like": "alpha 100\\%"}}), &[1]),
        (json!({"text": {"like": "delta__"}}), &[4]),
        (json!({"text": {"like": "' OR 1=1 --"}}), &[]),
        (json!({"status": {"eq": "ARCHIVED"}}), &[4]),
        (json!({"status": {"ne": "ARCHIVED"}}), &[1, 2, 3]),
        (json!({"status": {"in": ["ACTIVE", "ARCHIVED"]}}), &[1, 2, 3, 4]),
        (json!({"done": {"eq": true}}), &[3]),
        (json!({"done": {"ne": true}}), &[1, 2, 4]),
        (json!({"priority": {"eq": "HIGH"}}), &[3]),
        (json!({"priority": {"ne": "HIGH"}}), &[1, 2, 4]),
        (json!({"priority": {"in": ["LOW", "URGENT"]}}), &[1, 4]),
        (json!({"priority": {"gt": "NORMAL"}}), &[3, 4]),
        (json!({"priority": {"gte": "NORMAL"}}), &[2, 3, 4]),
        (json!({"priority": {"lt": "NORMAL"}}), &[1]),
        (json!({"priority": {"lte": "NORMAL"}}), &[1, 2]),
        (json!({"dueAt": {"eq": june}}), &[3]),
        (json!({"dueAt": {"ne": june}}), &[1, 2, 4]),
        (json!({"dueAt": {"in": [june, "2031-01-01T01:00:00+01:00"]}}), &[3, 4]),
        (json!({"dueAt": {"gt": june}}), &[4]),
        (json!({"dueAt": {"gte": june}}), &[3, 4]),
        (json!({"dueAt": {"lt": june}}), &[1]),
        (json!({"dueAt": {"lte": june}}), &[1, 3]),
        (json!({"dueAt": {"between": {"from": june, "to": "2031-01-01T00:00:00Z"}}}), &[3, 4]),
        (json!({"dueAt": {"isNull": true}}), &[2]),
        (json!({"dueAt": {"isNull": false}}), &[1, 3, 4]),
        (json!({"createdAt": {"eq": at(1)}}), &[2]),
        (json!({"createdAt": {"gt": at(1)}}), &[3, 4]),
        (json!({"createdAt": {"between": {"from": at(0), "to": at(2)}}}), &[1, 2, 3]),
        (json!({"updatedAt": {"lte": at(1)}}), &[1, 2]),
        (json!({"completedAt": {"isNull": false}}), &[3]),
        (json!({"assigneeId": {"eq": person.id}}), &[2]),
        (json!({"assigneeId": {"ne": person.id}}), &[1, 3, 4]),
        (json!({"assigneeId": {"in": [person.id, nobody]}}), &[2]),
        (json!({"assigneeId": {"isNull": true}}), &[1, 3, 4]),
        (json!({"tagId": {"eq": tag}}), &[1, 2]),
        (json!({"tagId": {"ne": tag}}), &[3, 4]),
        (json!({"tagId": {"in": [other_tag, nobody]}}), &[2]),
        (json!({"done": {"eq": false}, "priority": {"lt": "HIGH"}}), &[1, 2]),
        (json!({"and": [{"tagId": {"eq": tag}}, {"tagId": {"eq": other_tag}}]}), &[2]),
        (json!({"or": [{"text": {"eq": "beta"}}, {"done": {"eq": true}}]}), &[2, 3]),
        (json!({"or": []}), &[]),
        (
            json!({"and": [{"or": [{"id": {"eq": id(0)}}, {"id": {"eq": id(1)}}]}], "text": {"like": "a%"}}),
            &[1],
        ),
    ];
    for (filter, expected) in cases {
        assert_eq!(numbers(&client, &filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_filter_that_makes_no_sense_is_refused() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let many: Vec<Value> = (0..60).map(|n| json!({"text": {"eq": n.to_string()}})).collect();
    let refused = client.refused(TODOS, json!({"filter": {"or": many}})).await;
    assert_eq!(refused.what(), ("VALIDATION_FAILED", "filter"));
    let refused = client.refused(TODOS, json!({"filter": {"tagId": {"eq": "no id"}}})).await;
    assert_eq!(refused.what(), ("VALIDATION_FAILED", "tagId"));
    let refused = client.refused(TODOS, json!({"filter": {"dueAt": {"eq": "yesterday"}}})).await;
    assert_eq!(refused.code, "VALIDATION_FAILED");
    for filter in [
        json!({"owner": {"eq": person.id}}),
        json!({"ownerId": {"eq": person.id}}),
        json!({"tenantId": {"eq": person.tenant}}),
        json!({"text": {"gt": "a"}}),
        json!({"priority": {"eq": "HIGHEST"}}),
    ] {
        let answer = client.graphql(TODOS, json!({"filter": filter})).await.unwrap();
        assert_eq!(answer.status, 400, "{filter}");
        assert_eq!(answer.refused("filter").code, "VALIDATION_FAILED", "{filter}");
    }
}
