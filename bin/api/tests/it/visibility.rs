//! Reading your own write: never the past, on any node.

use serde_json::json;

use crate::{
    documents::{COMPLETE, TODO, TODOS, create},
    person::Person,
    service::{Service, Settings, in_parts},
    system::shared,
};

#[tokio::test]
async fn an_answer_is_shown_at_once_on_the_same_node_and_by_its_cursor_on_the_other() {
    const ROUNDS: usize = 200;
    let system = shared().await;
    let person = Person::new(&system.a).await;
    for round in 0..ROUNDS {
        let (here, there) = if round % 2 == 0 { (&system.a, &system.b) } else { (&system.b, &system.a) };
        let (here, there) = (person.at(here), person.at(there));
        let made = create(&here, &format!("round {round}")).await;
        let id = &made["todo"]["id"];
        let shown = here.ask(TODO, json!({"id": id})).await;
        assert_eq!(shown, made["todo"], "round {round}, same node");
        let shown = there.after(&made["cursor"]).ask(TODOS, json!({"first": 1})).await;
        assert_eq!(shown["nodes"][0], made["todo"], "round {round}, other node");
        assert_eq!(shown["totalCount"], round + 1);
        let done = there.ask(COMPLETE, json!({"id": id})).await;
        let shown = here.after(&done["cursor"]).ask(TODO, json!({"id": id})).await;
        assert_eq!(shown, done["todo"], "round {round}, back again");
    }
}

#[tokio::test]
async fn a_replica_answers_queries_behind_the_same_wall() {
    let system = shared().await;
    // The same server under another name: what counts is that queries take the other way.
    let settings = in_parts(Settings::user(&system.database), &system.database)
        .with("PROJECT_DB_HOST", "127.0.0.1")
        .with("PROJECT_DB_READ_HOST", "localhost");
    let node = Service::ready("api", &settings).await;
    let (person, stranger) = (Person::new(&node).await, Person::new(&node).await);
    let made = create(&person.at(&node), "read from a replica").await;
    let id = json!({"id": made["todo"]["id"]});
    assert_eq!(person.at(&node).after(&made["cursor"]).ask(TODO, id.clone()).await, made["todo"]);
    assert!(stranger.at(&node).after(&made["cursor"]).ask(TODO, id).await.is_null());
}

#[tokio::test]
async fn a_consistency_token_that_is_not_ours_is_refused() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let made = create(&person.at(&system.a), "anything").await;
    let cursor = made["cursor"].as_str().unwrap();
    let list = person.at(&system.a).ask(TODOS, json!({})).await;
    let of_a_list = list["edges"][0]["cursor"].as_str().unwrap();
    for token in ["garbage", "", &cursor[..cursor.len() - 4], of_a_list] {
        let client = person.at(&system.a).with("x-consistency-token", token);
        let answer = client.graphql(TODOS, json!({})).await.unwrap();
        assert_eq!(answer.status, 400, "{token}");
        assert_eq!(answer.refused(token).code, "VALIDATION_FAILED", "{token}");
    }
}
