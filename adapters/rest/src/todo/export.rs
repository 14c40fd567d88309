//! Todos going out as lines, all as they were at one moment.
//!
//! The rows of a moment are held by a transaction, and a transaction must not be held by whoever
//! reads slowly. So a task walks ahead of the client by a few pages, and has an end of its own.

use std::time::Duration;

use application::{
    BoxError, Code,
    todo::{SCAN_SORT, TodoScan},
};
use futures_util::{Stream, stream};
use poem_openapi::types::ToJSON;
use serde_json::json;
use tokio::{sync::mpsc, time::timeout};

use super::types::Todo;
use crate::{
    Problem,
    asker::Asker,
    ndjson::{Chunk, write_line},
    slots::Slot,
};

/// The exports of one person at the same time.
pub(super) const EXPORTS_EACH: usize = 2;
/// The exports of a process at the same time; each has a connection to the database.
pub(super) const EXPORTS_MAX: usize = 6;
/// The longest an export takes: so long, other transactions may have to wait for its own.
pub(crate) const EXPORT_MAX: Duration = Duration::from_secs(30);
/// How many pages the walk is ahead of the client.
const PAGES_AHEAD: usize = 2;

/// An export under way.
pub(super) struct Export {
    asker: Asker,
    scan: Box<dyn TodoScan>,
    slot: Slot,
}

/// What cursors of exports are made for.
pub(super) fn list_name() -> String {
    format!("export todos {SCAN_SORT:?}")
}

impl Export {
    pub(super) fn new(asker: Asker, scan: Box<dyn TodoScan>, slot: Slot) -> Self {
        Self { asker, scan, slot }
    }

    /// Its lines. Whoever drops them ends the walk.
    pub(super) fn chunks(self) -> impl Stream<Item = Chunk> + Send + 'static {
        let (pages, chunks) = mpsc::channel(PAGES_AHEAD);
        tokio::spawn(self.run(pages));
        stream::unfold(chunks, |mut chunks| async move { Some((chunks.recv().await?, chunks)) })
    }

    async fn run(self, pages: mpsc::Sender<Chunk>) {
        let Self { asker, scan, slot } = self;
        let walk = async {
            tokio::select! {
                walked = timeout(EXPORT_MAX, walk(&asker, scan, &pages)) => walked,
                () = pages.closed() => Ok(Ok(())),
            }
        };
        let problem = match walk.await {
            Ok(Ok(())) => return,
            Ok(Err(problem)) => problem,
            Err(_) => {
                let detail =
                    format!("an export takes at most {} s; go on from the last cursor", EXPORT_MAX.as_secs());
                Problem::new(Code::Timeout, detail)
            }
        };
        // The transaction is over: what is left is to tell.
        drop(slot);
        let request_id = asker.id.as_str();
        tracing::warn!(request_id, code = problem.code, "an export stopped in the middle");
        drop(pages.send(Err(problem.in_request(&asker.id))).await);
    }
}

/// Walks to the end. A client that went away is no problem.
async fn walk(
    asker: &Asker,
    mut scan: Box<dyn TodoScan>,
    pages: &mpsc::Sender<Chunk>,
) -> Result<(), Problem> {
    let (list, mut count, mut last) = (list_name(), 0_u64, None);
    loop {
        let edges = scan.next().await.map_err(unavailable)?;
        // Whoever may read no more gets no more.
        asker.again().await?;
        let mut chunk = Vec::new();
        for edge in edges {
            let cursor = asker.edge.codec.keyset(&list, &edge.key);
            let mut todo = Todo::from(edge.node);
            todo.cursor = Some(cursor.clone());
            write_line(&mut chunk, &todo.to_json().unwrap_or_default());
            (count, last) = (count + 1, Some(cursor));
        }
        let is_end = chunk.is_empty();
        if is_end {
            write_line(&mut chunk, &json!({ "end": true, "count": count, "cursor": last }));
        }
        if pages.send(Ok(chunk)).await.is_err() || is_end {
            return Ok(());
        }
    }
}

fn unavailable(cause: BoxError) -> Problem {
    let problem = application::Problem::new(Code::Unavailable, "temporarily unavailable, please try again");
    application::Problem { cause: Some(cause), ..problem }.into()
}
