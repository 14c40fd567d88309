//! GraphQL over HTTP as clients, browsers and load balancers meet it.

use serde_json::{Value, json};

use crate::{
    client::Client,
    documents::{TODOS, create},
    person::{ME, Person},
    system::shared,
};

const HEALTH: &str = "/graphql?query=%7Bhealth%7D";

#[tokio::test]
async fn health_is_asked_by_get_on_both_surfaces() {
    let system = shared().await;
    for service in [&system.a, &system.b, &system.portal] {
        let answer = service.client().get(HEALTH).await.unwrap();
        assert_eq!((answer.status, answer.json()), (200, json!({"data": {"health": "ok"}})));
        assert_eq!(service.client().get("/health/live").await.unwrap().status, 200);
        let ready = service.client().get("/health/ready").await.unwrap().json();
        assert!(ready["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true), "{ready}");
        let names: Vec<&str> =
            ready["checks"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["postgres", "schema", "redis"]);
    }
    let portal = system.portal.client().ask("{ portalHealth }", json!({})).await;
    assert_eq!(portal, "ok");
}

#[tokio::test]
async fn only_json_is_read_and_only_post_changes_anything() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let body =
        json!({"query": "mutation { createTag(input: {name: \"Sneaked in\"}) { version } }"}).to_string();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=latin1",
    ] {
        let answer = client.with("content-type", kind).post("/graphql", body.clone()).await.unwrap();
        assert_eq!(answer.status, 415, "{kind}");
        assert_eq!(answer.refused(kind).code, "VALIDATION_FAILED", "{kind}");
    }
    let packed = client.with("content-type", "application/json").with("content-encoding", "gzip");
    assert_eq!(packed.post("/graphql", body.clone()).await.unwrap().status, 413);
    let sneaky = "/graphql?query=mutation%20%7B%20createTag(input%3A%7Bname%3A%22Sneaked%20in%22%7D)%20%7B%20version%20%7D%20%7D";
    let answer = client.get(sneaky).await.unwrap();
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, POST"));
    let count = client.ask("{ tags { totalCount } }", json!({})).await;
    assert_eq!(count["totalCount"], 0, "nothing changed");
}

#[tokio::test]
async fn a_request_that_cannot_be_read_says_what_is_wrong_with_it() {
    let system = shared().await;
    let client = system.a.client().with("content-type", "application/json");
    let newer = client.with("accept", "application/graphql-response+json");
    for (body, status) in [
        ("", 400),
        ("{", 400),
        ("[]", 400),
        (r#"[{"query": "{ health }"}]"#, 400),
        (r#"{"query": 1}"#, 400),
        (r#"{"variables": {}}"#, 400),
        (r#"{"query": "{ health"}"#, 400),
        (r#"{"query": "{ nothingOfTheKind }"}"#, 400),
        (r#"{"query": "{ health { of { what } } }"}"#, 400),
        (r#"{"query": "{ todo { id } }"}"#, 400),
        (r#"{"query": "query A { health } query B { health }"}"#, 400),
        (r#"{"query": "subscription { todoChanged { cursor } }"}"#, 400),
    ] {
        let answer = newer.post("/graphql", body).await.unwrap();
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        assert!(answer.header("content-type").starts_with("application/graphql-response+json"), "{body}");
        let json = answer.json();
        assert!(json.get("data").is_none(), "{body}: {json}");
        for error in json["errors"].as_array().unwrap() {
            assert_eq!(error["extensions"]["code"], "VALIDATION_FAILED", "{body}: {json}");
        }
    }
    let large = json!({"query": "{ health }", "variables": {"a": "x".repeat(1024 * 1024)}}).to_string();
    assert_eq!(newer.post("/graphql", large).await.unwrap().status, 413);
    let long = json!({"query": format!("{{ health }} # {}", "x".repeat(16 * 1024))}).to_string();
    assert_eq!(newer.post("/graphql", long).await.unwrap().status, 400);
    let nothing =
        client.with("accept", "text/html").post("/graphql", r#"{"query": "{ health }"}"#).await.unwrap();
    assert_eq!(nothing.status, 406);
}

#[tokio::test]
async fn a_token_that_does_not_work_is_401_whatever_is_wrong_with_it() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (head, rest) = person.access.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    // {"alg":"none"}
    let none = format!("eyJhbGciOiJub25lIn0.{claims}.");
    let unsigned = format!("{head}.{claims}.");
    let swapped = format!("{head}.{claims}.{}", signature.chars().rev().collect::<String>());
    for authorization in [
        "Bearer garbage".to_owned(),
        "Bearer ".to_owned(),
        "Bearer a.b.c".to_owned(),
        format!("Basic {}", person.access),
        person.access.clone(),
        format!("Bearer {none}"),
        format!("Bearer {unsigned}"),
        format!("Bearer {swapped}"),
        format!("Bearer {}", person.refresh),
        format!("Bearer {}", "x".repeat(7_000)),
    ] {
        let client = system.a.client().with("authorization", authorization.clone());
        let answer = client.graphql("{ health }", json!({})).await.unwrap();
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer"), "{authorization}");
        let refused = answer.refused(&authorization);
        assert_eq!(
            (refused.code.as_str(), refused.message.as_str()),
            ("UNAUTHENTICATED", "Invalid or expired token")
        );
    }
    assert_eq!(
        system.portal.client().bearer(&person.access).graphql("{ health }", json!({})).await.unwrap().status,
        401
    );
    assert_eq!(person.at(&system.a).ask(ME, json!({})).await["id"], person.id);
}

#[tokio::test]
async fn answers_carry_the_request_id_and_the_headers_that_protect_browsers() {
    let system = shared().await;
    let client = system.a.client().with("x-request-id", "my-own-id");
    let answer = client.graphql(TODOS, json!({})).await.unwrap();
    assert_eq!(answer.header("x-request-id"), "my-own-id");
    assert_eq!(answer.json()["errors"][0]["extensions"]["requestId"], "my-own-id");
    let insane = system.a.client().with("x-request-id", "with space").get(HEALTH).await.unwrap();
    assert_ne!(insane.header("x-request-id"), "with space");
    for path in [HEALTH, "/", "/docs", "/openapi.json", "/nothing/here"] {
        let answer = system.a.client().get(path).await.unwrap();
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_variable_that_is_missing_is_the_clients_mistake() {
    let system = shared().await;
    let client = Person::new(&system.a).await.at(&system.a);
    let answer = client.graphql("query($id: ID!) { todo(id: $id) { id } }", json!({})).await.unwrap();
    assert_eq!(answer.refused("no id").code, "VALIDATION_FAILED");
}

async fn document(client: &Client, path: &str) -> Value {
    let answer = client.get(path).await.unwrap();
    assert_eq!(answer.status, 200, "{path}");
    answer.json()
}

#[tokio::test]
async fn pages_and_documents_for_people_and_machines_are_there() {
    let system = shared().await;
    for service in [&system.a, &system.portal] {
        let client = service.client();
        let graphiql = client.get("/").await.unwrap();
        assert_eq!(graphiql.status, 200);
        assert!(
            graphiql.header("content-type").starts_with("text/html") && graphiql.text.contains("graphql")
        );
        assert_eq!(client.get("/docs").await.unwrap().status, 200);
        let openapi = document(&client, "/openapi.json").await;
        assert!(openapi["paths"]["/health/ready"].is_object(), "{openapi}");
        let keys = document(&client, "/.well-known/jwks.json").await;
        let key = keys["keys"][0].as_object().unwrap();
        assert_eq!((&key["kty"], &key["alg"], &key["use"]), (&json!("RSA"), &json!("RS256"), &json!("sig")));
        assert!(!key.contains_key("d"), "no private key");
        let missing = client.get("/nothing/here").await.unwrap();
        assert_eq!((missing.status, missing.header("content-type")), (404, "application/problem+json"));
    }
    let kid = |service: &crate::service::Service| {
        let client = service.client();
        async move { document(&client, "/.well-known/jwks.json").await["keys"][0]["kid"].clone() }
    };
    assert_eq!(kid(&system.a).await, kid(&system.b).await);
    assert_ne!(kid(&system.a).await, kid(&system.portal).await, "each surface has keys of its own");
    assert_eq!(
        system.portal.client().get("/dev/outbox").await.unwrap().status,
        404,
        "the portal sends no mail"
    );
}

#[tokio::test]
async fn introspection_describes_the_whole_schema_in_development() {
    let system = shared().await;
    let schema = "{ __schema { queryType { name } mutationType { name } subscriptionType { name } \
        types { name fields { name args { name type { name ofType { name } } } } } } }";
    let answer = system.a.client().ask(schema, json!({})).await;
    assert_eq!(answer["subscriptionType"]["name"], "Subscription");
    let person = Person::new(&system.a).await;
    create(&person.at(&system.a), "still works").await;
}
