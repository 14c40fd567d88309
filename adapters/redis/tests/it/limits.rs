//! Limits that nodes keep together, and alone while Redis is away.

use std::{sync::Arc, time::Duration};

use adapter_redis::{RedisLimits, RedisSettings};
use application::ports::{Backoff, Limit, Lockouts, RateLimits};
use domain::BlindIndex;
use fred::types::Value;
use tokio::time::Instant;

use crate::{
    outage::run,
    proxy::Proxy,
    rig::{channel, plain, shared_url, until},
    server::Server,
};

const LONG: Limit = Limit { most: 20, window: Duration::from_mins(10) };
const BACKOFF: Backoff = Backoff {
    from: 3,
    first: Duration::from_mins(10),
    longest: Duration::from_mins(15),
    forget: Duration::from_hours(1),
};

async fn limits(url: &str, channel: &str) -> Arc<RedisLimits> {
    let (url, channel) = (url.to_owned(), channel.to_owned());
    RedisLimits::connect(RedisSettings { url, ca_file: None, channel }).await.unwrap()
}

async fn shared(url: &str, channel: &str) -> Arc<RedisLimits> {
    let limits = limits(url, channel).await;
    until("connected", || limits.shared()).await;
    limits
}

fn key() -> BlindIndex {
    BlindIndex::new("somebody")
}

/// How many of `count` pass.
async fn passing(limits: &RedisLimits, count: usize) -> usize {
    let mut passed = 0;
    for _ in 0..count {
        passed += usize::from(limits.admit(&key(), 1, LONG).await.is_ok());
    }
    passed
}

mod contract {
    use super::*;

    async fn redis() -> (Arc<RedisLimits>, ()) {
        (shared(&shared_url(), &channel()).await, ())
    }
    testkit::limits_contract!(redis());
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_count_together_and_deployments_apart() {
    let (url, channel) = (shared_url(), channel());
    let (a, b) = (shared(&url, &channel).await, shared(&url, &channel).await);
    assert_eq!((passing(&a, 12).await, passing(&b, 12).await, passing(&a, 1).await), (12, 8, 0));
    let other = shared(&url, &crate::rig::channel()).await;
    assert_eq!(passing(&other, 1).await, 1);

    for node in [&a, &b, &a] {
        assert_eq!(node.settle(&key(), false, BACKOFF).await, Ok(()));
    }
    assert!(b.may_try(&key()).await.is_err() && a.may_try(&key()).await.is_err());
    assert_eq!(other.may_try(&key()).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted_expires_and_names_nobody() {
    let (url, channel) = (shared_url(), channel());
    let limits = shared(&url, &channel).await;
    passing(&limits, 1).await;
    limits.settle(&key(), false, BACKOFF).await.unwrap();
    let operator = plain(&url).await;
    for kind in ["limit", "lockout"] {
        let name = format!("{channel}:{kind}:somebody");
        let Value::Integer(left) = run(&operator, "PTTL", &[&name]).await else { panic!("no time to live") };
        assert!(left > 0, "{name} stays for ever: {left}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_a_node_goes_on_where_the_count_stood_and_then_shares_again() {
    let mut server = Server::running();
    let channel = channel();
    let (a, b) = (shared(&server.url(), &channel).await, shared(&server.url(), &channel).await);
    assert_eq!(passing(&a, 15).await, 15);
    for _ in 0..3 {
        a.settle(&key(), false, BACKOFF).await.unwrap();
    }
    server.kill();
    until("alone", || !a.shared() && !b.shared()).await;
    let begun = Instant::now();
    assert_eq!(passing(&a, 10).await, 5, "what this node saw still counts");
    assert!(a.may_try(&key()).await.is_err(), "and what was guessed at it");
    assert!(begun.elapsed() < Duration::from_secs(1), "nobody waits for Redis: {:?}", begun.elapsed());
    assert_eq!(passing(&b, 25).await, 20, "another node counts for itself");

    server.start();
    until("together again", || a.shared() && b.shared()).await;
    assert_eq!((passing(&a, 10).await, passing(&b, 15).await), (10, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_without_redis_limits_all_the_same() {
    let server = Server::absent();
    let limits = limits(&server.url(), &channel()).await;
    assert_eq!(passing(&limits, 30).await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_falls_silent_costs_one_short_wait() {
    let server = Server::running();
    let proxy = Proxy::to(server.port).await;
    let limits = shared(&proxy.url(), &channel()).await;
    assert_eq!(passing(&limits, 5).await, 5);
    proxy.silence();
    let begun = Instant::now();
    assert_eq!(passing(&limits, 20).await, 15);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}
