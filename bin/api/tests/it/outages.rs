//! Redis goes, processes die: commands go on, nothing is lost, nothing comes twice.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::{
    client::Client,
    database::Database,
    documents::{CREATE, create},
    person::Person,
    redis::Redis,
    service::{Service, Settings},
    socket::Socket,
    wait::until,
};

/// How long things go on in each phase of an outage.
const PHASE: Duration = Duration::from_millis(1_500);
/// The longest the consumers may be without a leader.
const TAKEOVER_MAX: Duration = Duration::from_secs(8);

/// The consumers that a process can lead.
const LEASES: &str = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
    WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 3709 AND d.datname = current_database()";

/// The texts of the changes, up to the one that says it is the last.
async fn read_all(mut socket: Socket) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let change = socket.change().await;
        assert_eq!(change["change"], "CREATED");
        let text = change["todo"]["text"].as_str().unwrap().to_owned();
        if text == "the end" {
            return all;
        }
        all.push(text);
    }
}

#[tokio::test]
async fn without_redis_commands_go_on_and_live_changes_follow_the_log() {
    let (database, mut redis) = (Database::migrated().await, Redis::running().await);
    let user = || Settings::user(&database).with("REDIS_URL", redis.url());
    let a = Service::ready("api", &user()).await;
    let b = Service::ready("api", &user()).await;
    let person = Person::new(&a).await;
    let sockets = [
        Socket::following(&a, &person.access, &person.cursor).await,
        Socket::following(&b, &person.access, &person.cursor).await,
    ];
    let client = person.at(&a);
    let writing = async {
        let mut written = Vec::new();
        for phase in ["before", "without", "again"] {
            if phase == "without" {
                redis.kill();
                until("a report that Redis is away", async || redis_is_well(&b).await == Some(false)).await;
            } else if phase == "again" {
                redis.start().await;
                until("a report that Redis is back", async || redis_is_well(&b).await == Some(true)).await;
            }
            let begun = Instant::now();
            while begun.elapsed() < PHASE {
                let text = format!("{phase} {}", written.len());
                let asked = Instant::now();
                create(&client, &text).await;
                assert!(asked.elapsed() < Duration::from_secs(5), "a command does not wait for Redis");
                written.push(text);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        create(&client, "the end").await;
        written
    };
    let (written, read) = join(writing, join_all(sockets.map(read_all))).await;
    assert_eq!(read, [written.clone(), written]);
}

async fn redis_is_well(service: &Service) -> Option<bool> {
    let ready = service.client().get("/health/ready").await.ok()?.json();
    ready["checks"].as_array()?.iter().find(|check| check["name"] == "redis")?["ok"].as_bool()
}

#[tokio::test]
async fn when_the_leader_is_killed_another_takes_over_and_nobody_misses_anything() {
    let database = Database::migrated().await;
    let user = || Settings::user(&database);
    let mut leader = Service::ready("api", &user()).await;
    until("a leader of all consumers", async || database.number(LEASES).await >= 4).await;
    let follower = Service::ready("api", &user()).await;
    let person = Person::new(&leader).await;
    let socket = Socket::following(&follower, &person.access, &person.cursor).await;

    let over = AtomicBool::new(false);
    let write = async |client: Client, name: &str| -> (Vec<String>, Vec<String>) {
        let (mut certain, mut uncertain) = (Vec::new(), Vec::new());
        for n in 0.. {
            if over.load(Ordering::Relaxed) {
                break;
            }
            let text = format!("{name} {n}");
            match client.graphql(CREATE, json!({"input": {"text": text}})).await {
                Ok(answer) if answer.status == 200 && answer.json().get("errors").is_none() => {
                    certain.push(text);
                }
                Ok(answer) => panic!("{}", answer.text),
                Err(_) => {
                    // The node is gone: it happened or it did not.
                    uncertain.push(text);
                    break;
                }
            }
        }
        (certain, uncertain)
    };
    let (at_leader, at_follower) = (person.at(&leader), person.at(&follower));
    let killing = async {
        tokio::time::sleep(PHASE).await;
        leader.process.kill();
        let begun = Instant::now();
        until("another leader", async || database.number(LEASES).await >= 4).await;
        assert!(begun.elapsed() < TAKEOVER_MAX, "taken over after {:?}", begun.elapsed());
        tokio::time::sleep(PHASE).await;
        over.store(true, Ordering::Relaxed);
    };
    let writing = async {
        let writers = [
            write(at_leader.clone(), "leader 1"),
            write(at_leader, "leader 2"),
            write(at_follower.clone(), "follower 1"),
            write(at_follower.clone(), "follower 2"),
        ];
        let (written, ()) = join(join_all(writers), killing).await;
        create(&at_follower, "the end").await;
        written
    };
    let (written, read) = join(writing, read_all(socket)).await;
    let certain: BTreeSet<&String> = written.iter().flat_map(|(certain, _)| certain).collect();
    let uncertain: BTreeSet<&String> = written.iter().flat_map(|(_, uncertain)| uncertain).collect();
    let unique: BTreeSet<&String> = read.iter().collect();
    assert_eq!(unique.len(), read.len(), "none twice");
    let lost: Vec<_> = certain.difference(&unique).collect();
    assert!(lost.is_empty(), "acknowledged and not delivered: {lost:?}");
    assert!(unique.difference(&certain).all(|text| uncertain.contains(text)), "nothing from nowhere");
    let shown = at_follower.ask("{ todos { totalCount } }", json!({})).await;
    assert_eq!(shown["totalCount"], Value::from(read.len() + 1));
}
