//! Sending the entries: several at once, each at most once however often the import runs.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
};

use anyhow::{Result, anyhow};
use serde_json::json;

use super::{
    BadLine, Entry, Parsed,
    api::{Api, Refusal},
    progress::Progress,
    tags::Tags,
};
use crate::{random, signals, steps};

/// Requests in flight.
const THREADS: usize = 8;

const CREATE: &str = "mutation CreateTodo($input: CreateTodoInput!, $key: String) { \
    createTodo(input: $input, idempotencyKey: $key) { todo { id } } }";
const COMPLETE: &str = "mutation CompleteTodo($id: ID!, $key: String) { \
    completeTodo(id: $id, idempotencyKey: $key) { todo { id } } }";

/// What came of the file.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    created: usize,
    there: usize,
    pub(super) bad: Vec<BadLine>,
    time: String,
}

impl Outcome {
    pub(super) fn report(&self) {
        for line in &self.bad {
            say!("line {}: {}", line.number, line.reason);
        }
        answer!(
            "created {}, already there {}, bad {} ({})",
            self.created,
            self.there,
            self.bad.len(),
            self.time
        );
    }
}

/// What came of one entry.
enum Fate {
    Created,
    There,
}

/// An entry with its number among equal lines, which makes two equal lines two requests.
struct Numbered {
    entry: Entry,
    repetition: usize,
}

pub(super) fn import(api: &Api, parsed: Parsed) -> Result<Outcome> {
    signals::listen()?;
    let progress = Progress::of(parsed.entries.len());
    if parsed.entries.is_empty() {
        let time = steps::elapsed(progress.elapsed());
        return Ok(Outcome { bad: parsed.bad, time, ..Outcome::default() });
    }
    let tags = Tags::ensure(api, &parsed.entries)?;
    let entries = number(parsed.entries);
    let outcome = Mutex::new(Outcome { bad: parsed.bad, ..Outcome::default() });
    let broken = Mutex::new(None);
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (working, finished) = mpsc::channel::<()>();
        for _ in 0..THREADS {
            let working = working.clone();
            let (entries, next, tags) = (&entries, &next, &tags);
            let (outcome, broken, progress) = (&outcome, &broken, &progress);
            scope.spawn(move || {
                while let Some(numbered) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let said = send(api, tags, numbered);
                    if !note(outcome, broken, numbered.entry.number, said) {
                        // Nobody goes on after this.
                        next.store(entries.len(), Ordering::Relaxed);
                    }
                    progress.one_done();
                }
                drop(working);
            });
        }
        drop(working);
        while finished.recv_timeout(progress.interval()) == Err(RecvTimeoutError::Timeout) {
            progress.show();
        }
    });
    progress.finish();
    let mut outcome = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcome.bad.sort_by_key(|line| line.number);
    outcome.time = steps::elapsed(progress.elapsed());
    match broken.into_inner().unwrap_or_else(PoisonError::into_inner) {
        None => Ok(outcome),
        Some(error) => {
            outcome.report();
            let error: anyhow::Error = error;
            Err(error.context("the import stopped; run it again, nothing is added twice"))
        }
    }
}

/// False when the import cannot go on.
fn note(
    outcome: &Mutex<Outcome>,
    broken: &Mutex<Option<anyhow::Error>>,
    number: usize,
    said: Result<Fate, Refusal>,
) -> bool {
    let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
    match said {
        Ok(Fate::Created) => outcome.created += 1,
        Ok(Fate::There) => outcome.there += 1,
        Err(Refusal::Said { code, message }) => {
            outcome.bad.push(BadLine { number, reason: format!("{message} ({code})") });
        }
        Err(Refusal::Broken(error)) => {
            broken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            return false;
        }
    }
    true
}

fn send(api: &Api, tags: &Tags, numbered: &Numbered) -> Result<Fate, Refusal> {
    let todo = &numbered.entry.todo;
    let mut input = json!({ "text": todo.text, "priority": todo.priority.name() });
    if let Some(due_at) = &todo.due_at {
        input["dueAt"] = json!(due_at);
    }
    if !todo.tags.is_empty() {
        input["tagIds"] = json!(tags.ids(&todo.tags));
    }
    let create = json!({ "input": input, "key": key(api, "create", numbered) });
    let data = match api.ask(CREATE, &create) {
        Ok(data) => data,
        // Somebody has an active todo with this text: it is not ours to complete.
        Err(Refusal::Said { code, .. }) if code == "ALREADY_EXISTS" => return Ok(Fate::There),
        Err(refusal) => return Err(refusal),
    };
    let id = data["createTodo"]["todo"]["id"].as_str().map(str::to_owned);
    let id = id.ok_or_else(|| Refusal::Broken(anyhow!("the server created a todo without an id")))?;
    if todo.is_done {
        let complete = json!({ "id": id, "key": key(api, "complete", numbered) });
        api.ask(COMPLETE, &complete)?;
    }
    // The key of an earlier run gets that run's answer again.
    Ok(if api.is_older_than_session(&id) { Fate::There } else { Fate::Created })
}

/// The same for the same person, line and repetition, in every run.
fn key(api: &Api, operation: &str, numbered: &Numbered) -> String {
    let Numbered { entry, repetition } = numbered;
    let source = [api.subject(), operation, &repetition.to_string(), &entry.line].join("\0");
    format!("import-{}", random::sha256(source.as_bytes()))
}

fn number(entries: Vec<Entry>) -> Vec<Numbered> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let numbered = entries.into_iter().map(|entry| {
        let count = seen.entry(entry.line.clone()).or_default();
        *count += 1;
        Numbered { repetition: *count, entry }
    });
    numbered.collect()
}
