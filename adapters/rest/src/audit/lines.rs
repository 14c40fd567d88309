//! A replay as lines.
//!
//! A task walks ahead of the client by a few chunks, so that it notices a client that does not read:
//! each replay has one of few places.

use std::{pin::Pin, time::Duration};

use application::{
    Code,
    audit::replay::{Played, Replay, ReplayFault, ReplayItem},
    ports::Cursor,
};
use futures_util::{Stream, StreamExt, stream};
use poem_openapi::types::ToJSON;
use serde::Serialize;
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

use super::types::{Readable, Stored};
use crate::{
    Problem,
    asker::Asker,
    ndjson::{Chunk, write_line},
};

/// Items that are there already go out together, up to so many.
const CHUNK_ITEMS: usize = 200;
/// How many chunks it is ahead of the client.
const CHUNKS_AHEAD: usize = 2;
/// The longest a client takes for a chunk.
const STALL_MAX: Duration = Duration::from_secs(30);
/// How often it is looked at again whether the asker may still ask.
const RECHECK_EVERY: Duration = Duration::from_secs(2);

type Items = Pin<Box<dyn Stream<Item = Vec<Result<ReplayItem, ReplayFault>>> + Send>>;

/// Lines that were made, and whether there are no more.
struct Made {
    chunk: Chunk,
    is_last: bool,
}

fn stalled() -> Problem {
    let seconds = STALL_MAX.as_secs();
    Problem::new(Code::Timeout, format!("nothing was read for {seconds} s; go on from the last cursor"))
}

/// An export under way.
pub(super) struct Lines {
    asker: Asker,
    items: Items,
    count: u64,
    at: Cursor,
    checked_at: Instant,
    /// What ends it, once what came before is sent.
    problem: Option<Problem>,
    ended: bool,
}

impl Lines {
    pub(super) fn of(asker: Asker, replay: Replay) -> Self {
        let at = replay.start();
        let items = replay.items().ready_chunks(CHUNK_ITEMS).boxed();
        Self { asker, items, count: 0, at, checked_at: Instant::now(), problem: None, ended: false }
    }

    /// Its lines. Whoever drops them ends the reading.
    pub(super) fn chunks(self) -> impl Stream<Item = Chunk> + Send + 'static {
        let (chunks, made) = mpsc::channel(CHUNKS_AHEAD);
        tokio::spawn(self.run(chunks));
        // What was made without an end was not taken in time.
        stream::unfold((made, false), |(mut made, ended)| async move {
            match made.recv().await {
                Some(Made { chunk, is_last }) => Some((chunk, (made, is_last))),
                None if ended => None,
                None => Some((Err(stalled()), (made, true))),
            }
        })
    }

    async fn run(mut self, chunks: mpsc::Sender<Made>) {
        while let Some(chunk) = self.next().await {
            let sending = chunks.send(Made { chunk, is_last: self.ended });
            if !matches!(timeout(STALL_MAX, sending).await, Ok(Ok(()))) {
                return;
            }
        }
    }

    async fn next(&mut self) -> Option<Chunk> {
        loop {
            if self.ended {
                return None;
            }
            if let Some(problem) = self.problem.take() {
                self.ended = true;
                return Some(Err(problem.in_request(&self.asker.id)));
            }
            let mut chunk = Vec::new();
            if let Some(items) = self.items.next().await {
                for item in items {
                    self.write(&mut chunk, item);
                }
            } else {
                self.ended = true;
                let cursor = self.asker.position(self.at);
                write_line(&mut chunk, &json!({ "end": true, "cursor": cursor, "count": self.count }));
            }
            self.recheck().await;
            if !chunk.is_empty() {
                return Some(Ok(chunk));
            }
        }
    }

    /// Whoever may read no more gets no more.
    async fn recheck(&mut self) {
        if self.checked_at.elapsed() >= RECHECK_EVERY {
            self.checked_at = Instant::now();
            if let Err(problem) = self.asker.again().await {
                self.problem.get_or_insert(problem);
            }
        }
    }

    fn write(&mut self, into: &mut Vec<u8>, item: Result<ReplayItem, ReplayFault>) {
        if self.problem.is_some() {
            return;
        }
        match item {
            Ok(ReplayItem { cursor, played: Some(played), .. }) => {
                match &played {
                    Played::Shown(event) => line(into, &Readable::of(&self.asker, event)),
                    Played::Stored(event) => line(into, &Stored::of(&self.asker, event)),
                }
                (self.count, self.at) = (self.count + 1, cursor);
            }
            Ok(ReplayItem { cursor, played: None, progress }) => {
                let is_silence = cursor > self.at && progress.percent < 100.0;
                self.at = cursor.max(self.at);
                if is_silence {
                    let progress = json!({
                        "position": progress.position.to_string(), "done": progress.done, "total": progress.total,
                        "percent": progress.percent, "secondsLeft": progress.seconds_left,
                    });
                    write_line(into, &json!({ "cursor": self.asker.position(cursor), "progress": progress }));
                }
            }
            Err(fault @ ReplayFault::Unreadable { .. }) => {
                let (cursor, position) = (fault.cursor(), fault.position().to_string());
                let problem = Problem::from(application::Problem::from(fault)).in_request(&self.asker.id);
                let cursor_text = self.asker.position(cursor);
                let told =
                    json!({ "cursor": cursor_text, "position": position, "problem": problem.to_json() });
                write_line(into, &told);
                self.at = cursor;
            }
            // A client resumes from its last line; waiting here for the database would look like one.
            Err(fault @ ReplayFault::Away { .. }) => {
                self.problem = Some(application::Problem::from(fault).into());
            }
        }
    }
}

fn line(into: &mut Vec<u8>, of: &impl Serialize) {
    // Values of our own types cannot fail to serialise into memory.
    drop(serde_json::to_writer(&mut *into, of));
    into.push(b'\n');
}
