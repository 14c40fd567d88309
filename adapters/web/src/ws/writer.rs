//! The way out of a socket: a bounded queue, and an end to patience.

use std::{io, pin::pin, time::Duration};

use async_graphql::Executor;
use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use poem::web::websocket::{Message, WebSocketStream};
use tokio::sync::mpsc;

use super::{goodbye::Goodbye, session::Session};
use crate::serve::Going;

/// How many messages may wait for a client to read; past it the operations wait too.
const OUTBOX_MESSAGES_MAX: usize = 32;
/// The longest a close frame may take to leave, and to be answered.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// Runs a session on a socket until either ends, and says why to the client.
pub(super) async fn hold<X: Executor>(
    socket: WebSocketStream,
    session: Session<X>,
    stall: Duration,
    going: Going,
) {
    let (sink, mut incoming) = socket.split();
    let (outbox, queue) = mpsc::channel(OUTBOX_MESSAGES_MAX);
    let mut writing = pin!(write(sink, queue, stall));
    let (goodbye, written) = tokio::select! {
        goodbye = session.run(&mut incoming, outbox) => (goodbye, None),
        written = &mut writing => (Some(Goodbye::DOES_NOT_READ), Some(written)),
        () = going.away() => (Some(Goodbye::GOING_AWAY), None),
    };
    let farewell = async {
        // The session is gone, and its end of the queue with it: what waits is written out first.
        let written = match written {
            Some(written) => written,
            None => writing.await,
        };
        let Ok(mut sink) = written else { return };
        if let Some(goodbye) = goodbye {
            tracing::debug!(?goodbye, "socket closed");
            let _ = sink.send(goodbye.frame()).await;
            // A connection that is dropped with something unread may take the close frame with it.
            while let Some(Ok(_)) = incoming.next().await {}
        }
        let _ = sink.close().await;
    };
    let _ = tokio::time::timeout(CLOSE_WAIT, farewell).await;
}

/// Writes what the queue holds. It ends with the queue, or when a client does not read (with the
/// sink, for a last word), or with the connection.
async fn write(
    mut sink: SplitSink<WebSocketStream, Message>,
    mut queue: mpsc::Receiver<Message>,
    stall: Duration,
) -> io::Result<SplitSink<WebSocketStream, Message>> {
    while let Some(message) = queue.recv().await {
        match tokio::time::timeout(stall, sink.send(message)).await {
            Ok(sent) => sent?,
            Err(_) => return Ok(sink),
        }
    }
    Ok(sink)
}
