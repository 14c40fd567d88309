//! `bench serve-bare PORT`: the floor of everything that is asked over HTTP.
//!
//! One handler of the same web framework, in a process of its own. It reads the request's body,
//! answers as many bytes as the path says, and does nothing else: no log, no token, no database.
//! `/live` is the floor of subscriptions: what is posted to `/say` goes to every socket.

use anyhow::Result;
use futures_util::{SinkExt, StreamExt};
use poem::{
    Body, EndpointExt, IntoResponse, Route, Server, handler,
    listener::TcpListener,
    web::{
        Data, Path,
        websocket::{Message, WebSocket},
    },
};
use tokio::sync::broadcast;

/// Messages a socket may be behind.
const BEHIND_MAX: usize = 1_024;
static FILLER: [u8; 64 * 1024] = [b'x'; 64 * 1024];

type Said = broadcast::Sender<String>;

#[handler]
fn root() -> &'static str {
    "{}"
}

#[handler]
async fn bytes(Path(bytes): Path<usize>, body: Body) -> poem::Result<&'static [u8]> {
    body.into_bytes().await?;
    Ok(&FILLER[..bytes.min(FILLER.len())])
}

#[handler]
async fn say(Data(said): Data<&Said>, body: Body) -> poem::Result<&'static str> {
    // Nobody may be listening yet.
    drop(said.send(body.into_string().await?));
    Ok("{}")
}

#[handler]
fn live(Data(said): Data<&Said>, socket: WebSocket) -> impl IntoResponse + use<> {
    let mut said = said.subscribe();
    socket.on_upgrade(move |socket| async move {
        let (mut out, _) = socket.split();
        while let Ok(text) = said.recv().await {
            if out.send(Message::Text(text)).await.is_err() {
                return;
            }
        }
    })
}

pub(crate) fn serve(port: u16) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (said, _) = broadcast::channel::<String>(BEHIND_MAX);
    let route = Route::new().at("/", root).at("/bytes/:bytes", poem::get(bytes).post(bytes));
    let route = route.at("/say", poem::post(say)).at("/live", poem::get(live)).data(said);
    runtime.block_on(Server::new(TcpListener::bind(("127.0.0.1", port))).run(route))?;
    Ok(())
}
