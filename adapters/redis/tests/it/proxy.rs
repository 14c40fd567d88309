//! A hop between us and Redis that can fall silent, or lead elsewhere from now on.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering::SeqCst},
    },
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

pub(crate) struct Proxy {
    port: u16,
    target: Arc<AtomicU16>,
    /// Connections of an earlier generation forward nothing, and stay open.
    generation: watch::Sender<u32>,
}

impl Proxy {
    pub(crate) async fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = Arc::new(AtomicU16::new(target));
        let generation = watch::Sender::new(0);
        tokio::spawn(accept(listener, Arc::clone(&target), generation.subscribe()));
        Self { port, target, generation }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Lets every connection there is fall silent, without closing any.
    pub(crate) fn silence(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }

    /// New connections go to another server, as after a change in DNS.
    pub(crate) fn lead_to(&self, target: u16) {
        self.target.store(target, SeqCst);
    }
}

async fn accept(listener: TcpListener, target: Arc<AtomicU16>, generation: watch::Receiver<u32>) {
    while let Ok((inner, _)) = listener.accept().await {
        let mut generation = generation.clone();
        generation.mark_unchanged();
        tokio::spawn(forward(inner, target.load(SeqCst), generation));
    }
}

async fn forward(mut near: TcpStream, target: u16, mut generation: watch::Receiver<u32>) {
    let Ok(mut far) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        // Silence: both ends stay open for as long as the test lasts.
        Ok(()) = generation.changed() => std::future::pending().await,
    }
}
