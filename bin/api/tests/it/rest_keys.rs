//! Keys of machines at REST: guessing them, and what one costs.

use serde_json::json;

use crate::{
    api_keys::key,
    client::Client,
    database::Database,
    person::{ME, PASSWORD, Person, demo_person, fresh_name, login},
    proxy::Proxy,
    redis::Redis,
    rest::made,
    service::{Service, Settings},
    standing::asked,
    system::demo,
    wait::{until, within},
};

/// What happens to a key is known on every node within this.
const KNOWN: std::time::Duration = std::time::Duration::from_secs(1);
const TODOS: &str = "/v1/todos";
const REVOKE: &str = "mutation($id: ID!) { revokeApiKey(id: $id) { version } }";

fn from(service: &Service, address: &str, key: &str) -> Client {
    let client = service.client().with("x-forwarded-for", address.to_owned());
    client.with("authorization", format!("ApiKey {key}"))
}

/// A key that nobody has, and everybody could.
fn guess(n: usize) -> String {
    format!("etk_{n:043}")
}

#[tokio::test]
async fn guessing_keys_has_to_wait_on_all_nodes_and_a_good_key_has_not() {
    let database = Database::migrated().await;
    let settings = || Settings::user(&database).with("RATE_LIMIT_PUBLIC", "20").with("TRUSTED_PROXIES", "1");
    let nodes = [Service::ready("api", &settings()).await, Service::ready("api", &settings()).await];
    let person = Person::new(&nodes[0]).await;
    let owner = person.at(&nodes[0]);
    let (id, good) = key(&owner, json!([])).await;
    let (_, other) = key(&owner, json!([])).await;
    let address = "198.19.0.1";
    for n in 0..20 {
        let wrong = if n % 5 == 4 { "nonsense".to_owned() } else { guess(n) };
        let client = from(&nodes[n % 2], address, &wrong);
        if n % 3 == 0 {
            assert_eq!(client.refused(ME, json!({})).await.code, "UNAUTHENTICATED", "{n}");
        } else {
            let problem = client.call("GET", TODOS, None).await.problem("a guess");
            assert_eq!(problem.what(), (401, "UNAUTHENTICATED", ""), "{n}");
        }
    }
    for (n, node) in nodes.iter().enumerate() {
        let guessing = from(node, address, &guess(100 + n));
        let answer = guessing.call("GET", TODOS, None).await;
        let problem = answer.problem("a guess too many");
        assert_eq!(problem.what(), (429, "RATE_LIMITED", ""));
        let seconds: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&seconds) && problem.body["retryAfterSeconds"] == seconds, "{problem:?}");
        let refused = guessing.refused(ME, json!({})).await;
        assert_eq!((refused.code.as_str(), refused.retry_after.is_some()), ("RATE_LIMITED", true));
        // A good key works from the same address, whether a node knows it already or not.
        assert_eq!(from(node, address, &good).call("GET", TODOS, None).await.status, 200);
        assert_eq!(from(node, address, &other).ask(ME, json!({})).await["id"], person.id);
        // Nobody else waits, and nobody there is kept from signing in.
        let elsewhere = from(node, "198.19.0.2", &guess(n)).call("GET", TODOS, None).await;
        assert_eq!(elsewhere.status, 401);
        let signed_in = node.client().with("x-forwarded-for", address).bearer(&person.access);
        assert_eq!(signed_in.call("GET", TODOS, None).await.status, 200);
        let neighbour = node.client().with("x-forwarded-for", address);
        let tokens = login(&neighbour, &person.username, PASSWORD).await;
        assert!(tokens["accessToken"].is_string());
    }
    // Whoever holds a key that was revoked does not guess.
    owner.ask(REVOKE, json!({"id": id})).await;
    for node in &nodes {
        let holder = from(node, "198.19.0.3", &good);
        within(KNOWN, "the end of the key", async || holder.call("GET", TODOS, None).await.status == 401)
            .await;
        for _ in 0..25 {
            assert_eq!(holder.call("GET", TODOS, None).await.status, 401);
        }
    }
}

#[tokio::test]
async fn while_redis_is_away_each_node_counts_guesses_alone() {
    let (database, mut redis) = (Database::migrated().await, Redis::running().await);
    let settings = Settings::user(&database).with("REDIS_URL", redis.url());
    let settings = settings.with("RATE_LIMIT_PUBLIC", "20").with("TRUSTED_PROXIES", "1");
    let node = Service::ready("api", &settings).await;
    redis.kill();
    let statuses = async |count: usize| {
        let mut statuses = Vec::new();
        for n in 0..count {
            statuses.push(from(&node, "198.19.1.1", &guess(n)).call("GET", TODOS, None).await.status);
        }
        statuses
    };
    assert_eq!(statuses(20).await, [401; 20]);
    assert_eq!(statuses(3).await, [429; 3]);
    redis.start().await;
    until("an answer of the shared counts", async || statuses(1).await == [401]).await;
}

#[tokio::test]
async fn a_request_with_a_key_costs_the_statement_that_it_asks_for_and_no_other() {
    let system = demo().await;
    let proxy = Proxy::before(system.database.address()).await;
    let settings = Settings::user(&system.database.behind(proxy.port)).with("WORKERS", "external");
    let service = Service::ready("api", &settings).await;
    let owner = demo_person(&service, "demo").await;
    let (_, clear) = key(&owner, json!(["create-todo"])).await;
    let machine = service.client().with("authorization", format!("ApiKey {clear}"));
    let todo = made(&machine, json!({"text": fresh_name()})).await;
    let path = format!("{TODOS}/{}", todo["id"].as_str().unwrap());
    for (path, reads) in
        [(path.as_str(), "todo_list"), ("/v1/todos?limit=5", "todo_list"), ("/v1/tags", "tag_list")]
    {
        until("all statements to be prepared, and the first use of the key to be noted", async || {
            proxy.executed();
            machine.call("GET", path, None).await;
            asked_for(&proxy).len() == 1
        })
        .await;
        let mut others = 0;
        for _ in 0..20 {
            proxy.executed();
            assert_eq!(machine.call("GET", path, None).await.status, 200);
            let executed = asked_for(&proxy);
            assert!(executed.iter().any(|sql| sql.contains(reads)), "{path}: {executed:#?}");
            others += executed.len() - 1;
        }
        assert_eq!(others, 0, "{path}: who shows a key is known without the database");
    }
    let wrong = service.client().with("authorization", "ApiKey etk_short");
    proxy.executed();
    wrong.call("GET", &path, None).await;
    assert_eq!(asked_for(&proxy), Vec::<String>::new(), "what has not the form of a key is not looked up");
}

/// What was asked for requests, without what the node asks for itself.
fn asked_for(proxy: &Proxy) -> Vec<String> {
    let executed = asked(&proxy.executed());
    executed.into_iter().filter(|sql| !sql.contains("FROM events") && !sql.contains("app.tenant")).collect()
}
