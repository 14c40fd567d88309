//! The primary moves to another server while the old one lives on.

use application::ports::Signals;

use crate::{
    outage::run,
    proxy::Proxy,
    rig::{channel, gets_through, numbered, plain, started, until},
    server::Server,
};

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_a_demoted_primary_move_to_the_new_one() {
    let (old, new) = (Server::running(), Server::running());
    let proxy = Proxy::to(old.port).await;
    let channel = channel();
    let moved = started(&proxy.url(), &channel).await;
    let there = started(&new.url(), &channel).await;
    let before = *moved.gaps().borrow();

    proxy.lead_to(new.port);
    let operator = plain(&old.url()).await;
    run(&operator, "REPLICAOF", &["127.0.0.1", &new.port.to_string()]).await;

    until("on the new primary", || *moved.gaps().borrow() > before && moved.connected()).await;
    gets_through(&moved, &there, &numbered(1)).await;
    gets_through(&there, &moved, &numbered(2)).await;
}
