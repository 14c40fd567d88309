//! Lines of JSON going out (NDJSON), made while they are sent.

use std::{io, marker::PhantomData, pin::pin, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use poem::{Body, FromRequest, IntoResponse, Request, RequestBody, Response, Result};
use poem_openapi::{
    impl_apirequest_for_payload,
    payload::{ParsePayload, Payload},
    registry::{MetaSchemaRef, Registry},
    types::{ToJSON, Type},
};
use serde_json::json;

use crate::{
    Problem,
    packing::{Packer, Packing},
};

/// How long the last line has to leave before the connection is cut.
const CUT_PAUSE: Duration = Duration::from_millis(500);

/// A body of lines, each of them a `T` in JSON.
pub(crate) struct Ndjson<T> {
    pub(crate) body: Body,
    kind: PhantomData<fn() -> T>,
}

/// Some lines, whole ones; or why there are no more.
pub(crate) type Chunk = std::result::Result<Vec<u8>, Problem>;

impl<T> Ndjson<T> {
    /// Sends chunks as they come. After a problem, which becomes the last line, the connection is
    /// cut: nobody can take the rest for the whole. Whoever goes away drops the chunks, and with
    /// them whatever makes them.
    pub(crate) fn streamed(
        chunks: impl Stream<Item = Chunk> + Send + 'static,
        packing: Option<Packing>,
    ) -> std::result::Result<Self, Problem> {
        let packer = Packer::new(packing).map_err(|error| broken(&error))?;
        let sending = Sending { chunks: Box::pin(chunks), packer: Some(packer), is_cut: false };
        let body = Body::from_bytes_stream(stream::unfold(sending, |mut sending| async move {
            let sent = sending.next().await?;
            Some((sent, sending))
        }));
        Ok(Self { body, kind: PhantomData })
    }
}

/// What of an answer is not sent yet.
struct Sending<S> {
    chunks: S,
    packer: Option<Packer>,
    is_cut: bool,
}

impl<S: Stream<Item = Chunk> + Unpin> Sending<S> {
    async fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        if self.is_cut {
            self.is_cut = false;
            // What is sent must have left before the connection is cut.
            tokio::time::sleep(CUT_PAUSE).await;
            return Some(Err(io::Error::other("the answer ends with a problem")));
        }
        let packer = self.packer.as_mut()?;
        let mut chunks = pin!(&mut self.chunks);
        match chunks.next().await {
            Some(Ok(chunk)) => Some(packer.pack(chunk)),
            Some(Err(problem)) => {
                let mut line = Vec::new();
                write_line(&mut line, &json!({ "problem": problem.to_json() }));
                let last = packer.pack(line);
                self.packer = None;
                self.is_cut = true;
                Some(last)
            }
            None => self.packer.take().map(Packer::end),
        }
    }
}

/// Adds a line.
pub(crate) fn write_line(into: &mut Vec<u8>, value: &serde_json::Value) {
    // A value of our own types cannot fail to serialise into memory.
    drop(serde_json::to_writer(&mut *into, value));
    into.push(b'\n');
}

fn broken(error: &io::Error) -> Problem {
    tracing::error!(%error, "an answer cannot be packed");
    Problem::new(application::Code::Internal, "internal error")
}

impl<T: Type> Payload for Ndjson<T> {
    const CONTENT_TYPE: &'static str = "application/x-ndjson";

    fn check_content_type(content_type: &str) -> bool {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        ["application/x-ndjson", "application/ndjson", "application/jsonl"]
            .iter()
            .any(|taken| kind.eq_ignore_ascii_case(taken))
    }

    /// Of one line: `OpenAPI` 3.0 has no way to speak of many.
    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type> ParsePayload for Ndjson<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> Result<Self> {
        Ok(Self { body: Body::from_request(request, body).await?, kind: PhantomData })
    }
}

impl_apirequest_for_payload!(Ndjson<T>, T: Type);

impl<T: Type> IntoResponse for Ndjson<T> {
    fn into_response(self) -> Response {
        Response::builder().content_type(Self::CONTENT_TYPE).body(self.body)
    }
}

#[cfg(test)]
mod tests {
    use application::Code;

    use super::*;

    async fn sent(chunks: Vec<Chunk>) -> (String, bool) {
        let lines = Ndjson::<String>::streamed(stream::iter(chunks), None).expect("lines");
        let (mut text, mut cut) = (String::new(), false);
        let mut body = Box::pin(lines.body.into_bytes_stream());
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => text.push_str(std::str::from_utf8(&chunk).expect("text")),
                Err(_) => cut = true,
            }
        }
        (text, cut)
    }

    #[tokio::test]
    async fn a_problem_is_the_last_line_and_the_answer_is_cut() {
        let problem = Problem::new(Code::Unavailable, "gone");
        let chunks = vec![Ok(b"{\"a\":1}\n".to_vec()), Err(problem), Ok(b"never\n".to_vec())];
        let (text, cut) = sent(chunks).await;
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!((lines.len(), cut), (2, true));
        assert_eq!(lines[1]["problem"]["code"], "UNAVAILABLE");
        assert_eq!(lines[1]["problem"]["status"], 503);
    }

    #[tokio::test]
    async fn an_end_is_an_end() {
        assert_eq!(sent(vec![Ok(b"1\n".to_vec()), Ok(b"2\n".to_vec())]).await, ("1\n2\n".to_owned(), false));
        assert_eq!(sent(Vec::new()).await, (String::new(), false));
    }
}
