//! A way to the database that sees which statements run, and can be cut.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
};

use crate::service::free_port;

/// Passes bytes on, and reads along what the client says.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    executed: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// In front of a server without TLS.
    pub(crate) async fn before(server: (String, u16)) -> Self {
        Self::on(free_port(), server).await
    }

    /// The same, on a port that was chosen before.
    pub(crate) async fn on(own: u16, (host, port): (String, u16)) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, own)).await.expect("a port");
        let executed = Arc::new(Mutex::new(Vec::new()));
        let proxy = Self { port: own, executed: Arc::clone(&executed) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect((host.as_str(), port)).await.expect("the database answers");
                let (from_client, mut to_client) = client.into_split();
                let (mut from_server, to_server) = server.into_split();
                tokio::spawn(listen(from_client, to_server, Arc::clone(&executed)));
                tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            }
        });
        proxy
    }

    /// The statements since the last time this was asked, without those that only look how far
    /// read models are.
    pub(crate) fn executed(&self) -> Vec<String> {
        let mut executed = std::mem::take(&mut *self.executed.lock().unwrap());
        executed.retain(|sql| !sql.contains("projection_checkpoints"));
        executed
    }
}

/// Reads messages of the wire protocol: type, length, body. Only the first has no type.
async fn listen(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    executed: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let mut prepared: HashMap<Vec<u8>, String> = HashMap::new();
    let mut kind = 0;
    loop {
        let length = from.read_u32().await.ok()?;
        let mut body = vec![0; usize::try_from(length).ok()?.checked_sub(4)?];
        from.read_exact(&mut body).await.ok()?;
        let mut parts = body.split(|byte| *byte == 0);
        match kind {
            // Parse: the statement's name, its text.
            b'P' => {
                let (name, sql) = (parts.next()?.to_vec(), parts.next()?);
                prepared.insert(name, String::from_utf8_lossy(sql).into_owned());
            }
            // Bind: the portal, the statement's name.
            b'B' => {
                let sql = prepared.get(parts.nth(1)?).cloned().unwrap_or_default();
                executed.lock().unwrap().push(sql);
            }
            b'Q' => executed.lock().unwrap().push(String::from_utf8_lossy(parts.next()?).into_owned()),
            _ => {}
        }
        if kind != 0 {
            to.write_u8(kind).await.ok()?;
        }
        to.write_u32(length).await.ok()?;
        to.write_all(&body).await.ok()?;
        kind = from.read_u8().await.ok()?;
    }
}
