//! How often strangers may ask, over all processes, and how long guessers wait.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU16, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    client::{Answer, Client},
    database::Database,
    person::{LOGIN, PASSWORD, Person},
    portal::{self, LOGIN as PORTAL_LOGIN},
    process,
    redis::Redis,
    service::{Service, Settings},
    system::shared,
    two_factor::{PASS, challenged, set_up},
    wait::until,
};

const VERIFY: &str = "mutation { verifyEmail(token: \"no token\") { verified } }";

/// An address that no other test has.
fn address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    format!("198.18.{high}.{low}")
}

fn from(client: &Client, address: &str) -> Client {
    client.with("x-forwarded-for", format!("10.9.9.9, {address}"))
}

async fn try_login(client: &Client, name: &str, password: &str) -> Answer {
    client.graphql(LOGIN, json!({"identifier": name, "password": password})).await.unwrap()
}

fn code(answer: &Answer) -> String {
    answer.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
}

fn wait_of(answer: &Answer) -> u64 {
    assert_eq!((answer.status, code(answer).as_str()), (429, "RATE_LIMITED"), "{answer:?}");
    let seconds = answer.json()["errors"][0]["extensions"]["retryAfterSeconds"].as_u64().expect("a wait");
    assert_eq!(answer.header("retry-after"), seconds.to_string());
    seconds
}

#[tokio::test]
async fn of_one_client_20_requests_a_minute_pass_over_all_nodes() {
    let database = Database::migrated().await;
    let settings = || Settings::user(&database).without("RATE_LIMIT_PUBLIC").with("TRUSTED_PROXIES", "1");
    let nodes = [Service::ready("api", &settings()).await, Service::ready("api", &settings()).await];
    let portal = Settings::portal(&database).without("RATE_LIMIT_PUBLIC").with("TRUSTED_PROXIES", "1");
    let portal = Service::ready("portal-api", &portal).await;
    let address = address();
    for n in 0..20 {
        let answer = from(&nodes[n % 2].client(), &address).graphql(VERIFY, json!({})).await.unwrap();
        assert_eq!(code(&answer), "VALIDATION_FAILED", "{n}: {answer:?}");
    }
    for node in &nodes {
        let client = from(&node.client(), &address);
        assert!((1..=60).contains(&wait_of(&client.graphql(VERIFY, json!({})).await.unwrap())));
        let aliases = "mutation { a: login(input: {identifier: \"x\", password: \"y\"}) { accessToken } \
            b: login(input: {identifier: \"x\", password: \"y\"}) { accessToken } }";
        wait_of(&client.graphql(aliases, json!({})).await.unwrap());
        for _ in 0..30 {
            assert_eq!(client.ask("{ health }", json!({})).await, "ok");
            assert_eq!(client.get("/.well-known/jwks.json").await.unwrap().status, 200);
            assert_eq!(client.get("/health/ready").await.unwrap().status, 200);
        }
        let other = from(&node.client(), &self::address());
        assert_eq!(code(&other.graphql(VERIFY, json!({})).await.unwrap()), "VALIDATION_FAILED");
    }
    let client = from(&portal.client(), &address);
    let wrong = json!({"email": "a@b.test", "password": "x"});
    assert_eq!(code(&client.graphql(PORTAL_LOGIN, wrong).await.unwrap()), "UNAUTHENTICATED", "counted apart");
}

#[tokio::test]
async fn while_redis_is_away_each_node_limits_alone() {
    let (database, mut redis) = (Database::migrated().await, Redis::running().await);
    let settings = Settings::user(&database).with("REDIS_URL", redis.url());
    let settings = settings.without("RATE_LIMIT_PUBLIC").with("TRUSTED_PROXIES", "1");
    let node = Service::ready("api", &settings).await;
    redis.kill();
    let client = from(&node.client(), &address());
    for _ in 0..20 {
        assert_eq!(code(&client.graphql(VERIFY, json!({})).await.unwrap()), "VALIDATION_FAILED");
    }
    wait_of(&client.graphql(VERIFY, json!({})).await.unwrap());
    redis.start().await;
    let back = from(&node.client(), &address());
    until("an answer", async || code(&back.graphql(VERIFY, json!({})).await.unwrap()) == "VALIDATION_FAILED")
        .await;
}

/// Guesses until it has to wait at least so many seconds; how many guesses were judged, and what
/// was said of them. A busy machine may let the first waits pass before it asks again.
async fn guess_until(at_least: u64, guess: impl AsyncFn() -> Answer) -> (usize, BTreeSet<String>) {
    let (mut judged, mut said) = (0, BTreeSet::new());
    loop {
        let answer = guess().await;
        if answer.status == 401 {
            judged += 1;
            said.insert(answer.refused("a guess").message);
            assert!(judged < 20, "guessing is free");
            continue;
        }
        let wait = wait_of(&answer);
        if wait >= at_least {
            return (judged, said);
        }
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
}

#[tokio::test]
async fn wrong_passwords_make_a_known_and_an_unknown_name_wait_alike() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let clients = [system.a.client(), system.b.client()];
    let mut seen = Vec::new();
    for name in [person.email.as_str(), "nobody.at.all@accounts.test"] {
        let turn = AtomicUsize::new(0);
        let (judged, said) = guess_until(4, async || {
            let node = &clients[turn.fetch_add(1, Ordering::Relaxed) % 2];
            try_login(node, name, "Wrong7Password").await
        })
        .await;
        assert!((7..=8).contains(&judged), "{judged}");
        // Right and wrong wait alike, however the name is written.
        let waiting = try_login(&clients[0], &name.to_uppercase(), PASSWORD).await;
        assert!(wait_of(&waiting) >= 3);
        seen.push((said, waiting.refused(name).message));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].0, BTreeSet::from(["Invalid credentials".to_owned()]));
}

#[tokio::test]
async fn the_wait_grows_ends_by_itself_and_is_forgiven() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = system.a.client();
    let (judged, _) =
        guess_until(4, async || try_login(&client, &person.email, "Wrong7Password").await).await;
    assert!(judged >= 7, "1 s from the 5th on, 2 s from the 6th, 4 s from the 7th: {judged}");
    let before = wait_of(&try_login(&client, &person.email, PASSWORD).await);
    // Knocking while one waits does not make it longer.
    let after = wait_of(&try_login(&client, &person.email, PASSWORD).await);
    assert!(after <= before, "{before} s, then {after} s");
    tokio::time::sleep(Duration::from_secs(after)).await;
    let answer = try_login(&client, &person.email, PASSWORD).await;
    assert!(answer.json()["data"]["login"]["accessToken"].is_string(), "{answer:?}");
    for _ in 0..4 {
        assert_eq!(try_login(&client, &person.email, "Wrong7Password").await.status, 401, "begun anew");
    }
    assert_eq!(try_login(&client, &person.email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn guesses_at_the_same_time_are_judged_no_more_often_than_one_after_the_other() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let begun = Instant::now();
    let guesses = (0..24).map(|n| {
        let client = if n % 2 == 0 { system.a.client() } else { system.b.client() };
        let name = person.username.clone();
        async move { try_login(&client, &name, "Wrong7Password").await.status }
    });
    let statuses = futures_util::future::join_all(guesses).await;
    let judged = statuses.iter().filter(|status| **status == 401).count();
    // Waits of 1, 2, 4, … seconds may end meanwhile, and each lets one more be judged.
    let ended = usize::try_from((begun.elapsed().as_secs() + 1).ilog2()).unwrap();
    assert!((5..=5 + ended).contains(&judged), "{judged} in {:?}: {statuses:?}", begun.elapsed());
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
}

#[tokio::test]
async fn operators_wait_too_and_nothing_of_it_is_an_event() {
    let system = shared().await;
    let email = "slow@portal.test";
    let made = portal::create_operator(&system.database, email, "SUPPORT", "Portal7Secret").await;
    assert!(made.status.success(), "{made:?}");
    let client = system.portal.client();
    // Of this operator alone: others work in the shared system at the same time.
    let count = format!(
        "SELECT count(*) FROM events JOIN operator_list ON id::text = aggregate_id WHERE email = '{email}'"
    );
    assert_eq!(system.database.number(&count).await, 1);
    let login = async |password: &str| {
        client.graphql(PORTAL_LOGIN, json!({"email": email, "password": password})).await.unwrap()
    };
    let (judged, _) = guess_until(2, async || login("Wrong7Password").await).await;
    assert!(judged >= 6, "{judged}");
    let wait = wait_of(&login("Portal7Secret").await);
    assert_eq!(system.database.number(&count).await, 1);
    tokio::time::sleep(Duration::from_secs(wait)).await;
    assert_eq!(login("Portal7Secret").await.status, 200);
}

#[tokio::test]
async fn a_wrong_password_leaves_a_line_that_names_nobody() {
    let system = shared().await;
    let name = crate::person::fresh_name();
    assert_eq!(try_login(&system.a.client(), &name, "Wrong7Password").await.status, 401);
    let mut log = String::new();
    until("a line", async || {
        log = system.a.process.log();
        log.lines().any(|line| line.ends_with("a sign-in was refused login.kind=login"))
    })
    .await;
    assert!(!log.contains(&name) && !log.contains("Wrong7Password"));
}

#[tokio::test]
async fn where_strangers_come_the_limit_cannot_be_raised() {
    let database = Database::migrated().await;
    let settings = Settings::user(&database).with("APP_ENV", "production").with("RATE_LIMIT_PUBLIC", "21");
    let output = process::run(settings.command("api", &[])).await;
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let line = "\"RATE_LIMIT_PUBLIC\" must be at most 20 outside development and test";
    assert!(said.contains(line), "{said}");
}

#[tokio::test]
async fn aliased_guesses_of_a_second_factor_count_each_and_over_the_limit_none_is_made() {
    let database = Database::migrated().await;
    let settings = Settings::user(&database).without("RATE_LIMIT_PUBLIC").with("TRUSTED_PROXIES", "1");
    let api = Service::ready("api", &settings).await;
    let person = Person::new(&api).await;
    let (mut device, _) = set_up(&person.at(&api)).await;
    let stranger = from(&api.client(), &address());
    let token = challenged(&stranger, &person.username).await;
    let guesses = |n: usize, code: &str| {
        let guess = |n| {
            format!(
                "g{n}: verifyTwoFactor(input: {{twoFactorToken: {token:?}, code: {code:?}}}) {{ accessToken }} "
            )
        };
        format!("mutation {{ {} }}", (0..n).map(guess).collect::<String>())
    };
    let wrong = device.wrong();
    let refused = async || {
        let sql = "SELECT count(*) FROM events WHERE event_type = 'user.two_factor_refused'";
        database.number(sql).await
    };
    // One of the 20 was the password; three guesses would be one too many.
    for _ in 0..17 {
        stranger.graphql(VERIFY, json!({})).await.unwrap();
    }

    wait_of(&stranger.graphql(&guesses(3, &wrong), json!({})).await.unwrap());

    assert_eq!(refused().await, 0, "of a document over the limit not one guess is made");
    stranger.graphql(&guesses(2, &wrong), json!({})).await.unwrap();
    assert_eq!(refused().await, 2, "each of those within it is");
    wait_of(&stranger.graphql(&guesses(1, &wrong), json!({})).await.unwrap());
    let elsewhere = from(&api.client(), &address());
    let entry = elsewhere.ask(PASS, json!({"token": token, "code": device.code().await})).await;
    assert!(entry["accessToken"].is_string(), "and the person gets in: {entry}");
}
