//! A client of `graphql-transport-ws`.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::service::Service;

/// The longest a message is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const CHANGES: &str = "subscription($after: Cursor, $filter: TodoFilter) { \
    todoChanged(after: $after, filter: $filter) { cursor change todoId \
    todo { id text version priority tags { slug } owner { username } } } }";

/// An open socket.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connected; nothing is said yet.
    pub(crate) async fn connected(service: &Service) -> Self {
        let mut request =
            format!("ws://127.0.0.1:{}/graphql", service.port).into_client_request().expect("a request");
        request
            .headers_mut()
            .insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
        Self(connect_async(request).await.expect("the socket opens").0)
    }

    /// Acknowledged, as the owner of an access token.
    pub(crate) async fn open(service: &Service, access: &str) -> Self {
        let mut socket = Self::connected(service).await;
        socket.init(json!({"Authorization": format!("Bearer {access}")})).await;
        assert_eq!(socket.next().await, Ok(json!({"type": "connection_ack"})));
        socket
    }

    /// Follows one's todos after a cursor.
    pub(crate) async fn following(service: &Service, access: &str, after: &Value) -> Self {
        let mut socket = Self::open(service, access).await;
        socket.subscribe("1", json!({"after": after})).await;
        socket
    }

    pub(crate) async fn init(&mut self, payload: Value) {
        self.say(json!({"type": "connection_init", "payload": payload})).await;
    }

    pub(crate) async fn subscribe(&mut self, id: &str, variables: Value) {
        let payload = json!({"query": CHANGES, "variables": variables});
        self.say(json!({"type": "subscribe", "id": id, "payload": payload})).await;
    }

    pub(crate) async fn say(&mut self, message: Value) {
        // The server may have closed already; what it said comes with the next read.
        let _ = self.0.send(Message::text(message.to_string())).await;
    }

    /// The next message, or the close code and reason.
    pub(crate) async fn next(&mut self) -> Result<Value, (u16, String)> {
        timeout(PATIENCE, self.read()).await.expect("a message in time")
    }

    /// The next message, when one comes in time.
    pub(crate) async fn next_within(&mut self, limit: Duration) -> Option<Result<Value, (u16, String)>> {
        timeout(limit, self.read()).await.ok()
    }

    async fn read(&mut self) -> Result<Value, (u16, String)> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err((frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(_)) => {}
                // Cut off, as by a process that was killed.
                Some(Err(error)) => return Err((1006, error.to_string())),
                None => return Err((1006, "the end".to_owned())),
            }
        }
    }

    /// The next change.
    pub(crate) async fn change(&mut self) -> Value {
        let message = self.next().await.expect("a message");
        assert_eq!(message["type"], "next", "{message}");
        assert!(message["payload"].get("errors").is_none(), "{message}");
        message["payload"]["data"]["todoChanged"].clone()
    }

    /// The code and reason it is closed with.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Err(goodbye) = self.next().await {
                return goodbye;
            }
        }
    }
}

/// What a change is known by: the todo, and what happened to it.
pub(crate) fn seen(change: &Value) -> String {
    format!("{} {}", change["cursor"].as_str().expect("a cursor"), change["todoId"].as_str().expect("an id"))
}
