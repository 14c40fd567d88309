//! HTTP by hand, for bodies that are sent and read piece by piece, or cut.

use std::fmt::Write;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpSocket, TcpStream},
};

/// A request under way.
pub(crate) struct Stream {
    socket: BufReader<TcpStream>,
    /// The status and the headers, once they came.
    pub(crate) head: String,
}

/// How an answer went on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Of(Vec<u8>),
    /// It is complete.
    End,
    /// The connection broke in the middle.
    Cut,
}

impl Stream {
    /// Sends a head. With `window`, little of the answer is on its way before it is read.
    pub(crate) async fn open(
        port: u16,
        request: &str,
        headers: &[(&str, &str)],
        window: Option<u32>,
    ) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(window) = window {
            socket.set_recv_buffer_size(window).expect("a window");
        }
        let mut socket = socket.connect(([127, 0, 0, 1], port).into()).await.expect("a connection");
        let mut head = format!("{request} HTTP/1.1\r\nHost: localhost\r\n");
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        socket.write_all(head.as_bytes()).await.expect("sent");
        Self { socket: BufReader::new(socket), head: String::new() }
    }

    /// Sends a piece of a body.
    pub(crate) async fn send(&mut self, text: &str) {
        let piece = format!("{:x}\r\n{text}\r\n", text.len());
        self.socket.write_all(piece.as_bytes()).await.expect("sent");
    }

    /// Ends the body.
    pub(crate) async fn end(&mut self) {
        self.socket.write_all(b"0\r\n\r\n").await.expect("sent");
    }

    /// Waits for the head of the answer; its status.
    pub(crate) async fn status(&mut self) -> u16 {
        while !self.head.ends_with("\r\n\r\n") {
            let read = self.socket.read_line(&mut self.head).await.expect("a head");
            assert!(read > 0, "the connection was closed: {:?}", self.head);
        }
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    /// A header of the answer.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(header, _)| header.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    /// The next piece.
    pub(crate) async fn piece(&mut self) -> Piece {
        let mut size = String::new();
        if self.socket.read_line(&mut size).await.unwrap_or(0) == 0 {
            return Piece::Cut;
        }
        let Ok(size) = usize::from_str_radix(size.trim(), 16) else { return Piece::Cut };
        let mut piece = vec![0; size + 2];
        if self.socket.read_exact(&mut piece).await.is_err() {
            return Piece::Cut;
        }
        piece.truncate(size);
        if size == 0 { Piece::End } else { Piece::Of(piece) }
    }

    /// The whole rest, and how it ended.
    pub(crate) async fn rest(&mut self) -> (Vec<u8>, Piece) {
        let mut whole = Vec::new();
        loop {
            match self.piece().await {
                Piece::Of(piece) => whole.extend(piece),
                end => return (whole, end),
            }
        }
    }

    /// The next line that can be read within a piece.
    pub(crate) async fn lines(&mut self) -> Vec<Value> {
        match self.piece().await {
            Piece::Of(piece) => values(&piece),
            end => panic!("no lines but {end:?}"),
        }
    }
}

/// Lines of JSON.
pub(crate) fn values(text: &[u8]) -> Vec<Value> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("JSON")).collect()
}
