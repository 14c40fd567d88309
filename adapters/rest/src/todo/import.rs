//! Todos coming in as lines: read, judged and written while their results go out.

use std::{
    pin::Pin,
    time::{Duration, Instant},
};

use adapter_web::Reading;
use application::{
    Code, Committed, Terms,
    ports::Cursor,
    todo::{CompleteTodo, written_row},
};
use chrono::{DateTime, Utc};
use domain::todo::reference;
use futures_util::{Stream, StreamExt, stream};
use poem_openapi::{
    Enum, Object,
    types::{ParseFromJSON, ToJSON},
};
use uuid::Uuid;

use super::{
    text::Text,
    types::{NewTodo, TodoPriority},
};
use crate::{
    Problem,
    asker::{Asker, refused},
    lines::{self, LINE_BYTES_MAX, Line, Lines},
    ndjson::{Chunk, write_line},
    slots::Slot,
};

/// The imports of one person at the same time.
pub(super) const IMPORTS_EACH: usize = 2;
/// The imports of a process at the same time.
pub(super) const IMPORTS_MAX: usize = 8;
/// The longest key of an import, in characters: with the number of a line it is a key of its own.
pub(crate) const IMPORT_KEY_CHARS_MAX: usize = 100;
/// The longest an import takes.
pub(crate) const IMPORT_MAX: Duration = Duration::from_mins(15);
/// Lines that are written at the same time: their appends share transactions.
const LINES_AT_ONCE: usize = 64;
/// How often it is looked whether the sender may still write.
const RECHECK: Duration = Duration::from_millis(500);
/// After how many lines it is told how far it came, when not every line is told.
const PROGRESS_LINES: u64 = 1_000;

/// Which results are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "lowercase")]
pub(crate) enum ImportReport {
    /// Of every line.
    All,
    /// Of lines that failed.
    Problems,
}

/// A todo in a line.
#[derive(Debug, Clone, Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ImportTodo {
    /// 1 to 500 characters, not blank.
    text: Text,
    /// `NORMAL` when absent.
    priority: Option<TodoPriority>,
    /// Until when.
    due_at: Option<DateTime<Utc>>,
    /// Tags of your tenant, at most 20.
    tag_ids: Option<Vec<String>>,
    /// A person of your tenant.
    assignee_id: Option<String>,
    /// Whether it is done already.
    done: Option<bool>,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE")]
enum LineStatus {
    /// It is written down, now or when the same line was sent before.
    Created,
    /// It is not; `problem` says why.
    Failed,
}

/// A line of the answer.
#[derive(Debug, Default, Object)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub(crate) struct ImportResult {
    /// The number of the line it speaks of.
    line: Option<u64>,
    /// What became of that line.
    status: Option<LineStatus>,
    /// The todo.
    id: Option<Uuid>,
    /// What people call it.
    reference: Option<String>,
    /// Its version.
    version: Option<i64>,
    /// Why the line failed; without `line`: why everything stopped.
    problem: Option<Problem>,
    /// How far it came.
    progress: Option<ImportTally>,
    /// All lines were read.
    end: Option<ImportTally>,
}

/// How far an import came.
#[derive(Debug, Clone, Object)]
#[oai(rename_all = "camelCase")]
struct ImportTally {
    /// Lines that were judged.
    lines: u64,
    /// Todos that are written down.
    created: u64,
    /// Lines that failed.
    failed: u64,
    /// Send the rest from this line on.
    next_line: u64,
    /// The position of the last change: send it back as `X-Consistency-Token`.
    #[oai(skip_serializing_if_is_none)]
    cursor: Option<String>,
}

/// The key of an import, when it leaves room for numbers of lines.
pub(super) fn checked(key: String) -> Result<String, Problem> {
    let fits =
        (1..=IMPORT_KEY_CHARS_MAX).contains(&key.chars().count()) && !key.chars().any(char::is_control);
    if fits {
        return Ok(key);
    }
    let detail = format!(
        "the Idempotency-Key of an import must have 1 to {IMPORT_KEY_CHARS_MAX} printable characters"
    );
    Err(Problem::invalid(detail).of_field("Idempotency-Key"))
}

/// An import under way.
pub(super) struct Import {
    feed: Feed,
    report: ImportReport,
    slot: Slot,
}

/// The lines that are still to come, and who sends them.
struct Feed {
    asker: Asker,
    checked: Instant,
    begun: Instant,
    key: Option<String>,
    lines: Lines,
    is_over: bool,
    /// Until the last line is read.
    _reading: Option<Reading>,
}

/// A line to be written, by whom, under which key.
struct Task {
    asker: Asker,
    key: Option<String>,
    line: Line,
}

/// A line that was judged.
struct Judged {
    line: u64,
    became: Result<Committed<domain::todo::Todo>, Problem>,
}

impl Import {
    pub(super) fn new(
        mut asker: Asker,
        key: Option<String>,
        lines: Lines,
        report: ImportReport,
        slot: Slot,
    ) -> Self {
        let now = Instant::now();
        let reading = asker.reading.take();
        let feed = Feed { asker, checked: now, begun: now, key, lines, is_over: false, _reading: reading };
        Self { feed, report, slot }
    }

    /// The results. Nothing is read faster than they are taken.
    pub(super) fn chunks(self) -> impl Stream<Item = Chunk> + Send + 'static {
        let Self { feed, report, slot } = self;
        let asker = feed.asker.clone();
        let lines = stream::unfold(feed, |mut feed| async move {
            let next = feed.next().await.transpose()?;
            Some((next, feed))
        });
        let judged = lines.map(|task| async move { judge(task?).await }).buffered(LINES_AT_ONCE);
        let telling = Telling {
            judged: Box::pin(judged.ready_chunks(LINES_AT_ONCE)),
            tally: Tally::default(),
            report,
            asker,
            is_over: false,
            _slot: slot,
        };
        stream::unfold(telling, |mut telling| async move {
            let chunk = telling.next().await?;
            Some((chunk, telling))
        })
    }
}

impl Feed {
    async fn next(&mut self) -> Result<Option<Task>, Problem> {
        if self.is_over {
            return Ok(None);
        }
        let next = self.read().await;
        self.is_over = !matches!(next, Ok(Some(_)));
        next
    }

    async fn read(&mut self) -> Result<Option<Task>, Problem> {
        let Some(line) = self.lines.next().await? else { return Ok(None) };
        if self.begun.elapsed() > IMPORT_MAX {
            let detail = format!("an import takes at most {} s; go on with the rest", IMPORT_MAX.as_secs());
            return Err(Problem::new(Code::Timeout, detail));
        }
        if self.checked.elapsed() > RECHECK {
            self.asker = self.asker.again().await?;
            self.checked = Instant::now();
        }
        let key = self.key.as_ref().map(|key| format!("{key}#{}", line.number));
        Ok(Some(Task { asker: self.asker.clone(), key, line }))
    }
}

/// Writes a line. What is wrong with the line is its own problem; what would be wrong with every
/// line ends the import.
async fn judge(task: Task) -> Result<Judged, Problem> {
    let line = task.line.number;
    match write(task).await {
        Err(problem) if ends(&problem) => Err(problem),
        became => Ok(Judged { line, became }),
    }
}

/// Whether a problem is not that of one line.
fn ends(problem: &Problem) -> bool {
    let of_lines = [Code::ValidationFailed, Code::NotFound, Code::Conflict, Code::AlreadyExists];
    !of_lines.iter().any(|code| code.as_str() == problem.code)
}

async fn write(Task { asker, key, line }: Task) -> Result<Committed<domain::todo::Todo>, Problem> {
    let ImportTodo { text, priority, due_at, tag_ids, assignee_id, done } = parse(&line.text)?;
    let create = NewTodo { text, priority, due_at, tag_ids, assignee_id }.command()?;
    let terms = |key: Option<String>| Terms { idempotency_key: key, expected_version: None };
    let (app, caller) = (&asker.app, &asker.caller);
    let completing = key.as_ref().map(|key| format!("{key}#done"));
    let created = app.submit(caller, create, terms(key)).await.map_err(refused)?;
    let id = created.stream.own().map(domain::TodoId).filter(|_| done == Some(true));
    match id {
        Some(id) => app.submit(caller, CompleteTodo { id }, terms(completing)).await.map_err(refused),
        None => Ok(created),
    }
}

fn parse(text: &lines::Text) -> Result<ImportTodo, Problem> {
    let lines::Text::Of(bytes) = text else {
        return Err(Problem::invalid(format!("the line is longer than {LINE_BYTES_MAX} bytes")));
    };
    let value = serde_json::from_slice(bytes)
        .map_err(|error| Problem::invalid(format!("the line is not JSON: {error}")))?;
    ImportTodo::parse_from_json(Some(value)).map_err(|error| Problem::invalid(error.into_message()))
}

/// What was counted.
#[derive(Debug, Default)]
struct Tally {
    created: u64,
    failed: u64,
    /// The last line that was judged.
    line: u64,
    told: u64,
    last: Option<Cursor>,
}

/// Lines that were judged at the same time.
type Results = Vec<Result<Judged, Problem>>;

/// The results on their way out.
struct Telling {
    judged: Pin<Box<dyn Stream<Item = Results> + Send>>,
    tally: Tally,
    report: ImportReport,
    asker: Asker,
    is_over: bool,
    _slot: Slot,
}

impl Telling {
    async fn next(&mut self) -> Option<Chunk> {
        while !self.is_over {
            let Some(results) = self.judged.next().await else {
                self.is_over = true;
                self.log("an import ended");
                return Some(Ok(
                    self.line_of(|tally| ImportResult { end: Some(tally), ..ImportResult::default() })
                ));
            };
            let mut chunk = Vec::new();
            for result in results {
                match result {
                    Ok(judged) => self.tell(judged, &mut chunk),
                    Err(problem) => return Some(self.stop(chunk, problem)),
                }
            }
            if self.report == ImportReport::Problems && self.tally.lines() - self.tally.told >= PROGRESS_LINES
            {
                self.tally.told = self.tally.lines();
                chunk.extend(
                    self.line_of(|tally| ImportResult { progress: Some(tally), ..ImportResult::default() }),
                );
            }
            if !chunk.is_empty() {
                return Some(Ok(chunk));
            }
        }
        None
    }

    /// Results that were made already go out before the problem does.
    fn stop(&mut self, chunk: Vec<u8>, problem: Problem) -> Chunk {
        if !chunk.is_empty() {
            self.judged = Box::pin(stream::iter([vec![Err(problem)]]));
            return Ok(chunk);
        }
        self.is_over = true;
        self.log("an import stopped in the middle");
        Err(problem.in_request(&self.asker.id))
    }

    fn tell(&mut self, Judged { line, became }: Judged, chunk: &mut Vec<u8>) {
        self.tally.line = line;
        let result = match became {
            Ok(done) => {
                self.tally.created += 1;
                self.tally.last = self.tally.last.max(Some(done.cursor));
                if self.report == ImportReport::Problems {
                    return;
                }
                let row = written_row(&done);
                ImportResult {
                    line: Some(line),
                    status: Some(LineStatus::Created),
                    id: done.stream.own(),
                    reference: row.map(|row| reference(row.number)),
                    version: Some(done.version),
                    ..ImportResult::default()
                }
            }
            Err(problem) => {
                self.tally.failed += 1;
                let (line, status) = (Some(line), Some(LineStatus::Failed));
                ImportResult { line, status, problem: Some(problem), ..ImportResult::default() }
            }
        };
        write_line(chunk, &result.to_json().unwrap_or_default());
    }

    fn line_of(&self, result: impl FnOnce(ImportTally) -> ImportResult) -> Vec<u8> {
        let Tally { created, failed, line, last, .. } = self.tally;
        let tally = ImportTally {
            lines: created + failed,
            created,
            failed,
            next_line: line + 1,
            cursor: last.map(|cursor| self.asker.position(cursor)),
        };
        let mut text = Vec::new();
        write_line(&mut text, &result(tally).to_json().unwrap_or_default());
        text
    }

    fn log(&self, what: &str) {
        let (request_id, Tally { created, failed, .. }) = (self.asker.id.as_str(), &self.tally);
        tracing::info!(request_id, import.created = created, import.failed = failed, "{what}");
    }
}

impl Tally {
    fn lines(&self) -> u64 {
        self.created + self.failed
    }
}
