//! A client of `graphql-transport-ws`.

use std::time::Duration;

use adapter_web::{EdgeRules, ServeLimits};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::Request},
};

use crate::fixture::{Surface, production, surface_with};

pub(crate) const SOON: Duration = Duration::from_secs(5);

pub(crate) struct Socket(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn say(&mut self, message: Value) {
        self.raw(Message::text(message.to_string())).await;
    }

    pub(crate) async fn raw(&mut self, message: Message) {
        // The server may have closed already; what it said comes with the next read.
        let _ = self.0.send(message).await;
    }

    /// The next message, or the close code and reason.
    pub(crate) async fn next(&mut self) -> Result<Value, (u16, String)> {
        loop {
            match timeout(SOON, self.0.next()).await.expect("something in time") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err((frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(_)) => {}
                other => panic!("the socket ended with {other:?}"),
            }
        }
    }

    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Err((code, reason)) = self.next().await {
                assert!(!reason.is_empty(), "{code} without a reason");
                return code;
            }
        }
    }

    pub(crate) async fn init(&mut self, payload: Value) {
        self.say(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(self.next().await, Ok(json!({"type": "connection_ack"})));
    }

    pub(crate) async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(json!({"type": "subscribe", "id": id, "payload": {"query": query}})).await;
    }
}

pub(crate) fn handshake(surface: &Surface, headers: &[(&'static str, &str)]) -> Request<()> {
    let mut request = format!("ws://{}/graphql", surface.address).into_client_request().expect("a request");
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a header"));
    }
    request
}

pub(crate) async fn open_with(surface: &Surface, headers: &[(&'static str, &str)]) -> Socket {
    let headers = [&[("sec-websocket-protocol", "graphql-transport-ws")], headers].concat();
    Socket(connect_async(handshake(surface, &headers)).await.expect("upgrades").0)
}

pub(crate) async fn ready(surface: &Surface) -> Socket {
    let mut socket = open_with(surface, &[]).await;
    socket.init(json!({})).await;
    socket
}

pub(crate) async fn with(change: impl FnOnce(&mut EdgeRules)) -> Surface {
    let mut rules = production();
    change(&mut rules);
    surface_with(rules, ServeLimits::default()).await
}
