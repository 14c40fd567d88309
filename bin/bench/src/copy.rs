//! Rows by the hundred thousand, through COPY.

use std::{fmt::Write, io::Cursor, pin::pin};

use anyhow::Result;
use application::ports::Clock;
use chrono::Duration;
use cqrs_es::DomainEvent;
use domain::{
    StreamId, Timestamp,
    todo::{Priority, TodoEvent},
};
use futures_util::SinkExt;
use runtime::SystemClock;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::events::{self, Owner};

/// What the runner takes at once.
const BATCH: usize = 500;
/// People, ten to a tenant.
const OWNERS: usize = 200;
/// In the mix, how far behind its creation a todo is changed.
const CHANGED_AFTER: usize = 2_000;

/// The columns of the log.
const EVENTS: &str = "COPY events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, \
     metadata) FROM STDIN";
/// The columns of the read model.
pub(crate) const ROWS: &str = "COPY todo_list (tenant_id, owner_id, id, number, text, archived, priority, due_at, \
     assignee_id, tags, completed_at, created_at, updated_at, version, position) FROM STDIN";

/// The columns of the changes.
pub(crate) const CHANGES: &str = "COPY todo_changes (tenant_id, owner_id, tx_id, position, previous_tx_id, \
     previous_position, todo_id, event_type, at) FROM STDIN";

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mix {
    /// Todos were written down.
    Created,
    /// Every other event changes a todo that was written some batches ago.
    Changed,
}

/// Fills the log.
pub(crate) async fn events(client: &Client, count: usize, mix: Mix) -> Result<()> {
    let now = SystemClock.now();
    let mut lines = Vec::new();
    for number in 0..count {
        let creation = if mix == Mix::Created { number } else { number / 2 };
        if mix == Mix::Created || number % 2 == 0 || creation < CHANGED_AFTER {
            // The first changes of the mix have nothing to change yet: they write down others.
            let todo = if mix == Mix::Changed && number % 2 == 1 { count + creation } else { creation };
            line(&mut lines, todo, 1, &events::created(owner(todo), todo, now))?;
        } else {
            let todo = creation - CHANGED_AFTER;
            let event = match todo % 2 {
                0 => TodoEvent::Completed { at: now },
                _ => TodoEvent::Prioritised { priority: Priority::Urgent, at: now },
            };
            line(&mut lines, todo, 2, &event)?;
        }
        if number % BATCH == BATCH - 1 {
            into(client, EVENTS, std::mem::take(&mut lines)).await?;
        }
    }
    into(client, EVENTS, lines).await
}

/// The rows that the projection of so many creations makes, a batch each.
pub(crate) fn rows(count: usize) -> Vec<Vec<u8>> {
    batches(count, row)
}

/// The changes of so many creations, a batch each.
pub(crate) fn changes(count: usize) -> Vec<Vec<u8>> {
    batches(count, |todo, now| {
        let (Owner { tenant, user }, at) = (owner(todo), now.to_rfc3339());
        format!("{tenant}\t{user}\t{todo}\t{todo}\t0\t0\t{}\ttodo.created\t{at}\n", todo_id(todo))
    })
}

fn batches(count: usize, line: impl Fn(usize, Timestamp) -> String) -> Vec<Vec<u8>> {
    let now = SystemClock.now();
    let numbers: Vec<usize> = (0..count).collect();
    let batch =
        |numbers: &[usize]| numbers.iter().map(|number| line(*number, now)).collect::<String>().into_bytes();
    numbers.chunks(BATCH).map(batch).collect()
}

/// Sends one batch, in a transaction of its own.
pub(crate) async fn into(client: &Client, copy: &str, lines: Vec<u8>) -> Result<()> {
    let mut sink = pin!(client.copy_in(copy).await?);
    sink.send(Cursor::new(lines)).await?;
    sink.finish().await?;
    Ok(())
}

fn owner(todo: usize) -> Owner {
    let user = todo % OWNERS;
    Owner::numbered(user / 10, user)
}

fn todo_id(todo: usize) -> Uuid {
    events::id(5, todo)
}

fn line(lines: &mut Vec<u8>, todo: usize, sequence: usize, event: &TodoEvent) -> Result<()> {
    let owner = owner(todo);
    let (kind, version) = (event.event_type(), event.event_version());
    let (payload, metadata) = (serde_json::to_string(event)?, events::metadata(owner)?);
    let stream = StreamId::within(owner.tenant, todo_id(todo));
    lines.extend(
        format!("todo\t{stream}\t{sequence}\t{kind}\t{version}\t{payload}\t{metadata}\n").into_bytes(),
    );
    Ok(())
}

fn row(todo: usize, now: Timestamp) -> String {
    let Owner { tenant, user } = owner(todo);
    let (text, at, due) = (events::text(todo), now.to_rfc3339(), (now + Duration::days(3)).to_rfc3339());
    let mut line = format!("{tenant}\t{user}\t{}\t0\t{text}\tf\t2\t{due}\t\\N\t", todo_id(todo));
    // Writing to a text cannot fail.
    let _ = writeln!(line, "{{{},{}}}\t\\N\t{at}\t{at}\t1\t{todo}", events::id(4, 1), events::id(4, 2));
    line
}
