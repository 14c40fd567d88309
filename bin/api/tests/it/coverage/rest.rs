//! Who may what, for every operation that the stored `OpenAPI` documents name. Requests are made from
//! nothing but the documents: an operation that somebody adds is called here the same day.

use serde_json::{Map, Value, json};

use super::{Victim, little, of_the_wrong_platform, schema::NOTHING, service, system};
use crate::{
    client::{Answer, Client},
    person::Person,
    system::System,
};

/// All that answers strangers.
const OPEN: [&str; 3] = ["GET /.well-known/jwks.json", "GET /health/live", "GET /health/ready"];

/// An operation of a surface.
struct Operation {
    surface: &'static str,
    method: String,
    path: String,
    of: Value,
    schemas: Value,
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Operation {
    /// Those of a surface.
    fn all(surface: &'static str) -> Vec<Self> {
        let text = match surface {
            "user" => include_str!("../../../../../schema/openapi-user.json"),
            _ => include_str!("../../../../../schema/openapi-portal.json"),
        };
        let document: Value = serde_json::from_str(text).expect("the stored document is JSON");
        let mut all = Vec::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, of) in item.as_object().expect("operations") {
                let schemas = document["components"]["schemas"].clone();
                let (method, path, of) = (method.to_uppercase(), path.clone(), of.clone());
                all.push(Self { surface, method, path, of, schemas });
            }
        }
        all
    }

    fn is_open(&self) -> bool {
        OPEN.contains(&self.to_string().as_str())
    }

    fn takes_ids(&self) -> bool {
        self.path.contains('{')
            || self.parameters().any(|name| name.ends_with("Id"))
            || !self.of["requestBody"].is_null()
    }

    fn parameters(&self) -> impl Iterator<Item = &str> {
        let parameters = self.of["parameters"].as_array().into_iter().flatten();
        parameters.filter(|it| it["in"] == "query").filter_map(|it| it["name"].as_str())
    }

    /// Calls it with an id at every place where one fits; those that need none only with `ids`.
    async fn call(&self, client: &Client, id: Option<&str>) -> Answer {
        let mut path = self.path.clone();
        if let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
            path.replace_range(from..=to, id.unwrap_or(NOTHING));
        }
        if let Some(id) = id {
            let query: Vec<_> = self
                .parameters()
                .filter(|name| name.ends_with("Id"))
                .map(|name| format!("{name}={id}"))
                .collect();
            if !query.is_empty() {
                path = format!("{path}?{}", query.join("&"));
            }
        }
        let content = self.of["requestBody"]["content"].as_object().and_then(|content| content.iter().next());
        let (client, body) = match content {
            Some((kind, of)) => (client.with("content-type", kind), Some(self.value("", &of["schema"], id))),
            None => (client.clone(), None),
        };
        let answer = client.call(&self.method, &path, body).await;
        assert!(answer.status < 500, "{self}: {}", answer.text);
        answer
    }

    /// A value of a schema, with an id wherever one fits.
    fn value(&self, name: &str, schema: &Value, id: Option<&str>) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or_default();
            return self.value(name, &self.schemas[name], id);
        }
        if let Some(properties) = schema["properties"].as_object() {
            let required = |name: &String| {
                schema["required"].as_array().is_some_and(|required| required.iter().any(|it| it == name))
            };
            let is_of_ids = |name: &String| name.ends_with("Id") || name.ends_with("Ids");
            let wanted =
                properties.iter().filter(|(name, _)| required(name) || (id.is_some() && is_of_ids(name)));
            return wanted
                .map(|(name, of)| (name.clone(), self.value(name, of, id)))
                .collect::<Map<_, _>>()
                .into();
        }
        match schema["type"].as_str() {
            Some("array") => json!([self.value(name, &schema["items"], id)]),
            Some("boolean") => json!(true),
            Some("integer") => json!(1),
            _ if name.ends_with("Id") || name.ends_with("Ids") => json!(id.unwrap_or(NOTHING)),
            _ => schema["enum"].as_array().map_or(json!("something"), |values| values[0].clone()),
        }
    }
}

/// All operations of both surfaces that are not for everybody.
fn guarded() -> Vec<Operation> {
    let all = ["user", "portal"].into_iter().flat_map(Operation::all);
    let guarded: Vec<Operation> = all.filter(|operation| !operation.is_open()).collect();
    assert!(guarded.len() > 10, "the documents name operations");
    guarded
}

fn at(system: &System, operation: &Operation) -> Client {
    service(system, operation.surface).client()
}

#[tokio::test]
async fn without_a_token_no_operation_answers_but_those_for_everybody() {
    let system = system().await;
    for operation in guarded() {
        let problem = operation.call(&at(&system, &operation), None).await.problem(&operation.to_string());
        assert_eq!(problem.what(), (401, "UNAUTHENTICATED", ""), "{operation}");
        assert_eq!(problem.detail, "Authentication required", "{operation}");
    }
}

#[tokio::test]
async fn a_token_of_the_other_surface_opens_no_operation() {
    let system = system().await;
    for operation in guarded() {
        let of = operation.surface;
        let other = if of == "user" { "portal" } else { "user" };
        // Signed by the other surface, and by the right one with the other's name in it.
        let foreign = at(&system, &operation).bearer(&little(&system, other).await);
        let problem = operation.call(&foreign, None).await.problem(&operation.to_string());
        assert_eq!(problem.what(), (401, "UNAUTHENTICATED", ""), "{operation}");
        let token = of_the_wrong_platform(&little(&system, of).await, of);
        let problem = operation.call(&at(&system, &operation).bearer(&token), None).await.problem(of);
        let says = format!("This endpoint requires a '{of}' token. Received '{other}' token.");
        assert_eq!((problem.status, problem.detail), (403, says), "{operation}");
    }
}

#[tokio::test]
async fn who_may_little_changes_nothing_by_any_operation() {
    let system = system().await;
    for operation in guarded().into_iter().filter(|operation| operation.method != "GET") {
        let client = at(&system, &operation).bearer(&little(&system, operation.surface).await);
        let problem = operation.call(&client, None).await.problem(&operation.to_string());
        assert_eq!((problem.status, problem.code.as_str()), (403, "FORBIDDEN"), "{operation}: {problem:?}");
        let names_it = problem.detail.starts_with("Missing permission: ")
            || problem.detail.starts_with("This needs the role ");
        assert!(names_it, "{operation}: {problem:?}");
    }
}

#[tokio::test]
async fn ids_of_another_tenant_lead_nowhere_by_any_operation() {
    let system = system().await;
    let victim = Victim::new(&system).await;
    let attacker = Person::new(&system.a).await.at(&system.a);
    let before = victim.events(&system).await;
    let operations = Operation::all("user").into_iter().filter(|it| !it.is_open() && it.takes_ids());
    let mut called = 0;
    for operation in operations {
        for (_, id) in &victim.ids {
            let answer = operation.call(&attacker, Some(id)).await;
            called += 1;
            for mark in &victim.marks {
                assert!(
                    !answer.text.contains(mark.as_str()),
                    "{operation} with {id} shows {mark}: {}",
                    answer.text
                );
            }
            if operation.path.contains('{') {
                let problem = answer.problem(&operation.to_string());
                assert_eq!((problem.status, problem.code.as_str()), (404, "NOT_FOUND"), "{operation}");
            } else if operation.method == "GET" {
                let empty = [json!({"items": []}), json!({"end": true, "count": 0, "cursor": null})];
                assert!(empty.contains(&answer.json()), "{operation} with {id}: {}", answer.text);
            } else if operation.path.ends_with("/import") {
                assert!(answer.text.contains("\"NOT_FOUND\""), "{operation} with {id}: {}", answer.text);
            } else {
                assert_eq!(answer.problem(&operation.to_string()).status, 404, "{operation} with {id}");
            }
        }
    }
    assert!(called > 30, "operations that take ids are found");
    assert_eq!(victim.events(&system).await, before, "nothing happened in the other tenant");
}
