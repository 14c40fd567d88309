//! 200 sockets that note when a numbered message arrives.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::{net::TcpStream, sync::mpsc, task::JoinSet, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::http::find;

pub(crate) const LISTENERS: usize = 200;
/// What stands before the number in a message.
pub(crate) const MARK: &str = "change number ";
/// How many digits the number has.
pub(crate) const DIGITS: usize = 6;
const ACK_MAX: Duration = Duration::from_secs(10);
const SUBSCRIPTION: &str =
    "subscription { todoChanged { cursor change todoId todo { id text priority version } } }";

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A message that came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivered {
    pub(crate) listener: usize,
    pub(crate) number: usize,
    pub(crate) at: SystemTime,
}

/// Open sockets and what they heard.
pub(crate) struct Listeners {
    heard: mpsc::UnboundedReceiver<Delivered>,
    /// Dropping it closes the sockets.
    _reading: JoinSet<()>,
}

impl Listeners {
    /// Sockets to `path`; with a token they subscribe to the changes of its owner's todos.
    pub(crate) async fn open(port: u16, path: &str, token: Option<&str>) -> Result<Self> {
        let (tell, heard) = mpsc::unbounded_channel();
        let mut reading = JoinSet::new();
        for listener in 0..LISTENERS {
            let mut socket = connect(port, path).await?;
            if let Some(token) = token {
                subscribe(&mut socket, token, SUBSCRIPTION).await?;
            }
            reading.spawn(read(socket, listener, tell.clone()));
        }
        Ok(Self { heard, _reading: reading })
    }

    /// What comes, until `enough` messages are there or nothing comes for `patience`.
    pub(crate) async fn hear(&mut self, enough: usize, patience: Duration) -> Vec<Delivered> {
        let mut all = Vec::new();
        while all.len() < enough {
            match timeout(patience, self.heard.recv()).await {
                Ok(Some(delivered)) => all.push(delivered),
                Ok(None) | Err(_) => break,
            }
        }
        all
    }
}

/// An open socket.
pub(crate) async fn connect(port: u16, path: &str) -> Result<Socket> {
    let mut request = format!("ws://127.0.0.1:{port}{path}").into_client_request()?;
    let protocol = HeaderValue::from_static("graphql-transport-ws");
    if path == "/graphql" {
        request.headers_mut().insert("sec-websocket-protocol", protocol);
    }
    Ok(connect_async(request).await.context("no socket")?.0)
}

/// Signs in on a socket, and subscribes.
pub(crate) async fn subscribe(socket: &mut Socket, token: &str, query: &str) -> Result<()> {
    let init =
        json!({ "type": "connection_init", "payload": { "Authorization": format!("Bearer {token}") } });
    socket.send(Message::text(init.to_string())).await?;
    let ack = timeout(ACK_MAX, socket.next()).await?.context("the socket closed")??;
    ensure!(ack.to_text()?.contains("connection_ack"), "no acknowledgement: {ack}");
    let subscribe = json!({ "type": "subscribe", "id": "1", "payload": { "query": query } });
    socket.send(Message::text(subscribe.to_string())).await?;
    Ok(())
}

/// The next message of text.
pub(crate) async fn text(socket: &mut Socket) -> Result<String> {
    loop {
        match socket.next().await.context("the socket closed")?? {
            Message::Text(text) => return Ok(text.as_str().to_owned()),
            Message::Close(frame) => anyhow::bail!("the socket was closed: {frame:?}"),
            _ => {}
        }
    }
}

async fn read(mut socket: Socket, listener: usize, tell: mpsc::UnboundedSender<Delivered>) {
    while let Some(Ok(message)) = socket.next().await {
        let at = SystemTime::now();
        let Message::Text(text) = message else { continue };
        if let Some(number) = numbered(text.as_bytes())
            && tell.send(Delivered { listener, number, at }).is_err()
        {
            return;
        }
    }
}

/// The number of a message.
fn numbered(text: &[u8]) -> Option<usize> {
    let digits = text.get(find(text, MARK.as_bytes())? + MARK.len()..)?.get(..DIGITS)?;
    str::from_utf8(digits).ok()?.parse().ok()
}
