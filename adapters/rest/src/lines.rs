//! Lines coming in, in bounded memory: one at a time, however large the whole is.

use std::{io, pin::Pin, time::Duration};

use application::Code;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use poem::{Body, http::StatusCode};
use tokio::time::timeout;

use crate::Problem;

/// The longest line, in bytes: 500 characters of text at their longest, tags and all.
pub const LINE_BYTES_MAX: usize = 16 * 1024;
/// The most bytes of all lines of a request.
pub const LINES_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The longest silence of a client that is not at its end.
pub const LINES_STALL_MAX: Duration = Duration::from_secs(30);

/// A line of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Counted from where the client said that it begins.
    pub(crate) number: u64,
    pub(crate) text: Text,
}

/// What stands in a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Of(Bytes),
    /// More than [`LINE_BYTES_MAX`]: it was not kept.
    TooLong,
}

/// The lines of a body. Empty ones are counted and passed over.
pub(crate) struct Lines {
    source: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no end of a line.
    scanned: usize,
    number: u64,
    seen: u64,
    /// The rest of a line that was too long is thrown away.
    skipping: bool,
    is_over: bool,
}

impl Lines {
    /// Lines of a body, of which the first has this number.
    pub(crate) fn new(body: Body, first: u64) -> Self {
        Self {
            source: Box::pin(body.into_bytes_stream()),
            buffer: BytesMut::new(),
            scanned: 0,
            number: first,
            seen: 0,
            skipping: false,
            is_over: false,
        }
    }

    /// The next line; `None` at the end. A body that is cut has no end, but a problem.
    pub(crate) async fn next(&mut self) -> Result<Option<Line>, Problem> {
        loop {
            if let Some(line) = self.buffered() {
                return Ok(Some(line));
            }
            if self.is_over {
                return Ok(None);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), Problem> {
        match timeout(LINES_STALL_MAX, self.source.next()).await {
            Ok(Some(Ok(bytes))) => {
                self.seen += bytes.len() as u64;
                if self.seen > LINES_BYTES_MAX {
                    let detail = format!("the lines are larger than {LINES_BYTES_MAX} bytes");
                    let status = StatusCode::PAYLOAD_TOO_LARGE;
                    return Err(Problem::with_status(status, Code::ValidationFailed, detail));
                }
                self.buffer.extend_from_slice(&bytes);
                Ok(())
            }
            Ok(Some(Err(_))) => Err(Problem::invalid("the body could not be read to its end")),
            Ok(None) => {
                self.is_over = true;
                Ok(())
            }
            Err(_) => {
                let status = StatusCode::REQUEST_TIMEOUT;
                Err(Problem::with_status(status, Code::Timeout, "the body took too long"))
            }
        }
    }

    /// A line that is there already.
    fn buffered(&mut self) -> Option<Line> {
        loop {
            let end = self.buffer.iter().skip(self.scanned).position(|byte| *byte == b'\n');
            let Some(end) = end.map(|at| at + self.scanned) else {
                self.scanned = self.buffer.len();
                if self.buffer.len() > LINE_BYTES_MAX {
                    self.skipping = true;
                    self.forget();
                }
                if self.is_over && (self.skipping || !self.buffer.is_empty()) {
                    let last = self.buffer.split();
                    self.scanned = 0;
                    if let Some(line) = self.line(last) {
                        return Some(line);
                    }
                }
                return None;
            };
            let whole = self.buffer.split_to(end + 1);
            self.scanned = 0;
            if let Some(line) = self.line(whole) {
                return Some(line);
            }
        }
    }

    fn forget(&mut self) {
        self.buffer.clear();
        self.scanned = 0;
    }

    /// The line that ends here, unless it is empty.
    fn line(&mut self, bytes: BytesMut) -> Option<Line> {
        let number = self.number;
        self.number += 1;
        let too_long = std::mem::take(&mut self.skipping) || bytes.len() > LINE_BYTES_MAX;
        if too_long {
            return Some(Line { number, text: Text::TooLong });
        }
        let bytes = bytes.freeze();
        let text = bytes.trim_ascii();
        (!text.is_empty()).then(|| Line { number, text: Text::Of(bytes.slice_ref(text)) })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    async fn lines(pieces: Vec<io::Result<Vec<u8>>>) -> (Vec<Line>, Option<Problem>) {
        let mut lines = Lines::new(Body::from_bytes_stream(stream::iter(pieces)), 1);
        let mut found = Vec::new();
        loop {
            match lines.next().await {
                Ok(Some(line)) => found.push(line),
                Ok(None) => return (found, None),
                Err(problem) => return (found, Some(problem)),
            }
        }
    }

    fn line(number: u64, text: &'static str) -> Line {
        Line { number, text: Text::Of(Bytes::from_static(text.as_bytes())) }
    }

    #[tokio::test]
    async fn lines_are_found_wherever_the_pieces_are_cut() {
        let text = "{\"a\":1}\r\n\n{\"b\":2}\n  \n{\"c\":3}";
        let expected = [line(1, "{\"a\":1}"), line(3, "{\"b\":2}"), line(5, "{\"c\":3}")];
        for size in 1..=text.len() {
            let pieces = text.as_bytes().chunks(size).map(|piece| Ok(piece.to_vec())).collect();
            assert_eq!(lines(pieces).await, (expected.iter().map(clone).collect(), None), "{size}");
        }
    }

    fn clone(line: &Line) -> Line {
        match &line.text {
            Text::Of(bytes) => Line { number: line.number, text: Text::Of(bytes.clone()) },
            Text::TooLong => Line { number: line.number, text: Text::TooLong },
        }
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_named_and_the_next_one_is_read() {
        let long = vec![b'x'; LINE_BYTES_MAX * 3];
        let pieces = vec![Ok(b"1\n".to_vec()), Ok(long.clone()), Ok(b"\n3\n".to_vec()), Ok(long)];
        let too_long = |number| Line { number, text: Text::TooLong };
        assert_eq!(lines(pieces).await, (vec![line(1, "1"), too_long(2), line(3, "3"), too_long(4)], None));
        let just_fits = vec![b'x'; LINE_BYTES_MAX - 1];
        let (found, _) = lines(vec![Ok(just_fits), Ok(b"\n".to_vec())]).await;
        assert!(matches!(found[0].text, Text::Of(_)));
    }

    #[tokio::test]
    async fn a_body_that_is_cut_has_no_end() {
        let pieces = vec![Ok(b"1\n2".to_vec()), Err(io::ErrorKind::ConnectionReset.into())];
        let (found, problem) = lines(pieces).await;
        assert_eq!(found, [line(1, "1")]);
        assert_eq!(problem.map(|problem| problem.code), Some("VALIDATION_FAILED".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_not_waited_for() {
        let source = stream::iter([Ok::<_, io::Error>(b"1\n".to_vec())]).chain(stream::pending());
        let mut lines = Lines::new(Body::from_bytes_stream(source), 1);
        assert_eq!(lines.next().await, Ok(Some(line(1, "1"))));
        assert_eq!(lines.next().await.map_err(|problem| problem.status), Err(408));
    }
}
