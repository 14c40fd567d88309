//! With Redis away, back, slow, or cutting us off.

use std::time::Duration;

use adapter_redis::OUTBOX_SIGNALS_MAX;
use application::ports::Signals;
use fred::{
    interfaces::ClientLike,
    types::{ClusterHash, CustomCommand, Value},
};
use tokio::time::{Instant, timeout};

use crate::{
    proxy::Proxy,
    rig::{channel, gets_through, next, numbered, plain, start, started, until},
    server::Server,
};

#[tokio::test(flavor = "multi_thread")]
async fn starting_without_redis_blocks_nobody_and_ends_well() {
    let mut server = Server::absent();
    let begin = Instant::now();
    let signals = start(&server.url(), &channel()).await;
    let mut receiver = signals.subscribe();
    let published = i64::try_from(2 * OUTBOX_SIGNALS_MAX).unwrap();
    for position in 0..published {
        signals.publish(numbered(position)).await;
    }
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert!(!signals.connected());
    assert!(!timeout(Duration::from_millis(1_500), signals.ping()).await.unwrap());
    assert!(signals.dropped() > 0);

    let gaps = signals.gaps();
    server.start();
    until("connected", || signals.connected()).await;
    assert!(gaps.has_changed().unwrap());
    assert!(signals.ping().await);
    // What was published before may have gone out before anybody listened; the gap covers it.
    signals.publish(numbered(-1)).await;
    while next(&mut receiver).await != numbered(-1) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_of_redis_signals_flow_and_a_gap_is_told() {
    let mut server = Server::running();
    let channel = channel();
    let (a, b) = (started(&server.url(), &channel).await, started(&server.url(), &channel).await);
    gets_through(&a, &b, &numbered(1)).await;
    for round in 2..5 {
        let before = [*a.gaps().borrow(), *b.gaps().borrow()];
        server.kill();
        until("disconnected", || !a.connected() && !b.connected()).await;
        let begin = Instant::now();
        a.publish(numbered(round * 10)).await;
        assert!(begin.elapsed() < Duration::from_millis(50));
        server.start();
        until("connected", || a.connected() && b.connected()).await;
        assert!(*a.gaps().borrow() > before[0] && *b.gaps().borrow() > before[1]);
        gets_through(&a, &b, &numbered(round)).await;
        gets_through(&b, &a, &numbered(round)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_right_after_an_outage_arrives() {
    let mut server = Server::running();
    let signals = started(&server.url(), &channel()).await;
    let mut receiver = signals.subscribe();
    server.kill();
    until("disconnected", || !signals.connected()).await;
    server.start();
    until("connected", || signals.connected()).await;
    signals.publish(numbered(1)).await;
    while next(&mut receiver).await != numbered(1) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn being_cut_off_again_and_again_is_survived() {
    let server = Server::running();
    let channel = channel();
    let (a, b) = (started(&server.url(), &channel).await, started(&server.url(), &channel).await);
    let operator = plain(&server.url()).await;
    for round in 0..20 {
        for kind in ["normal", "pubsub"] {
            let _: Value = run(&operator, "CLIENT", &["KILL", "TYPE", kind, "SKIPME", "yes"]).await;
        }
        if round % 5 == 4 {
            gets_through(&a, &b, &numbered(round)).await;
            gets_through(&b, &a, &numbered(round)).await;
        }
    }
    until("connected", || a.connected() && b.connected()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_of_redis_is_waited_out() {
    let server = Server::running();
    let signals = started(&server.url(), &channel()).await;
    let mut receiver = signals.subscribe();
    let operator = plain(&server.url()).await;
    let _: Value = run(&operator, "CLIENT", &["PAUSE", "2000", "ALL"]).await;
    signals.publish(numbered(1)).await;
    assert!(!timeout(Duration::from_millis(1_500), signals.ping()).await.unwrap());
    assert_eq!(next(&mut receiver).await, numbered(1));
    assert!(signals.ping().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_fell_silent_is_replaced_in_time() {
    let server = Server::running();
    let proxy = Proxy::to(server.port).await;
    let channel = channel();
    let silent = started(&proxy.url(), &channel).await;
    let other = started(&server.url(), &channel).await;
    let before = *silent.gaps().borrow();
    proxy.silence();
    // Nobody publishes: the heartbeat alone has to find out.
    until("aware of it", || *silent.gaps().borrow() > before).await;
    until("connected", || silent.connected()).await;
    gets_through(&silent, &other, &numbered(1)).await;
    gets_through(&other, &silent, &numbered(2)).await;
}

pub(crate) async fn run(client: &fred::clients::Client, command: &'static str, args: &[&str]) -> Value {
    let command = CustomCommand::new_static(command, ClusterHash::FirstKey, false);
    let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
    client.custom(command, args).await.unwrap()
}
