//! What a list costs in statements, counted on the wire.

use serde_json::{Value, json};

use crate::{
    documents::{CREATE, TODO},
    person::demo_person,
    proxy::Proxy,
    service::{Service, Settings},
    standing::asked,
    system::demo,
};

/// The most statements of a page, whatever its size.
const STATEMENTS_MAX: usize = 4;

const PAGE: &str = "query($first: Int!) { todos(first: $first) { totalCount nodes { reference text \
    owner { username tenant { name } } assignee { fullname } tags { slug } } pageInfo { hasNextPage } } }";

#[tokio::test]
async fn a_list_of_100_todos_with_owner_assignee_and_tags_costs_at_most_4_statements() {
    let system = demo().await;
    let proxy = Proxy::before(system.database.address()).await;
    let behind = system.database.behind(proxy.port);
    let settings = Settings::user(&behind).with("WORKERS", "external");
    let service = Service::ready("api", &settings).await;
    let client = demo_person(&service, "demo").await;

    for first in [1, 20, 100] {
        // The first time, statements are prepared.
        client.ask(PAGE, json!({"first": first})).await;
        proxy.executed();
        let list = client.ask(PAGE, json!({"first": first})).await;
        let executed = asked_for(&proxy.executed());
        assert!(
            executed.iter().any(|sql| sql.contains("todo_list")),
            "the proxy sees statements: {executed:#?}"
        );
        let (settings, statements): (Vec<_>, Vec<_>) =
            executed.iter().partition(|sql| sql.contains("set_config('app.tenant'"));
        assert!(statements.len() <= STATEMENTS_MAX, "{first} rows: {executed:#?}");
        // A connection is told its tenant in front of a query, in the same packet, and only when it
        // was another one's before. Here there is only one.
        assert!(settings.is_empty() || first == 1, "{first} rows: {executed:#?}");
        assert!(settings.len() <= statements.len(), "{first} rows: {executed:#?}");
        let nodes = list["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), first);
        if first == 100 {
            let has = |field: &str| nodes.iter().filter(|todo| !todo[field].is_null()).count();
            let tagged = nodes.iter().filter(|todo| todo["tags"] != json!([])).count();
            assert!(has("owner") == 100 && has("assignee") > 20 && tagged > 20, "the page is worth loading");
        }
    }

    let id: Value =
        client.ask("{ todos(first: 1) { nodes { id } } }", json!({})).await["nodes"][0]["id"].clone();
    client.ask(TODO, json!({"id": id})).await;
    proxy.executed();
    client.ask(TODO, json!({"id": id})).await;
    let executed = asked_for(&proxy.executed());
    assert!((1..=3).contains(&executed.len()), "row, people, tags: {executed:#?}");

    proxy.executed();
    for _ in 0..20 {
        assert_eq!(client.ask("{ health }", json!({})).await, "ok");
    }
    assert_eq!(
        asked_for(&proxy.executed()),
        Vec::<String>::new(),
        "who shows a token is known without the database"
    );

    proxy.executed();
    client.refused(CREATE, json!({"input": {"text": ""}})).await;
    assert_eq!(
        asked_for(&proxy.executed()),
        Vec::<String>::new(),
        "what cannot be costs the database nothing"
    );
}

/// What was asked for the request itself. Who may act is remembered; transactions of other tests
/// make it be asked anew now and then, from the streams (`standing.rs` counts those).
fn asked_for(executed: &[String]) -> Vec<String> {
    asked(executed).into_iter().filter(|sql| !sql.contains("FROM events")).collect()
}
