//! Running numbers: unique and without a gap, whoever writes at the same time.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;

use crate::{documents::CREATE, person::Person, system::shared};

#[tokio::test]
async fn references_are_unique_and_without_a_gap_with_64_writers_on_two_nodes() {
    const WRITERS: usize = 64;
    const EACH: usize = 3;
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let written = join_all((0..WRITERS).map(|n| {
        let client = if n % 2 == 0 { person.at(&system.a) } else { person.at(&system.b) };
        async move {
            let mut references = Vec::new();
            for m in 0..EACH {
                // Every third text is one that another writer wants too: a refusal takes no number.
                let text = if m == 2 { format!("shared {}", n / 2) } else { format!("{n}-{m}") };
                let answer = client.graphql(CREATE, json!({"input": {"text": text}})).await.unwrap();
                match answer.json()["data"]["createTodo"]["todo"]["reference"].as_str() {
                    Some(reference) => references.push(reference.to_owned()),
                    None => assert_eq!(answer.refused("taken").what(), ("ALREADY_EXISTS", "text")),
                }
            }
            references
        }
    }))
    .await;
    let all: Vec<String> = written.into_iter().flatten().collect();
    let expected = WRITERS * 2 + WRITERS / 2;
    assert_eq!(all.len(), expected);
    let references: BTreeSet<String> = all.into_iter().collect();
    assert_eq!(references, (1..=expected).map(|n| format!("TODO-{n:04}")).collect());
}
