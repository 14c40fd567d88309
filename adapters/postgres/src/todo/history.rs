//! What happened to one todo: read from its own stream, which the key of the log finds.

use application::{
    BoxError,
    ports::Cursor,
    todo::{HistoryEntry, TodoScope},
};
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Client;
use domain::{
    Actor, ApiKeyId, OperatorId, StreamId, TodoId, UserId,
    todo::{Todo, TodoEvent},
};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    json::decode,
    log::{self, Recorded},
    xid::Xid,
};

#[derive(Deserialize)]
struct Who {
    actor_kind: String,
    actor_id: String,
}

/// At most `limit` entries after a place; none of somebody else's todo.
pub(super) async fn read(
    client: &Client,
    steps: &[Box<dyn EventUpcaster>],
    scope: TodoScope,
    id: TodoId,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<HistoryEntry>, BoxError> {
    let (tenant, owner) = match scope {
        TodoScope::Own(member) => (member.tenant, Some(member.user)),
        TodoScope::Tenant(tenant) => (tenant, None),
    };
    // The first event is always read: it says whose todo it is, also when it is deleted since.
    let sql = format!(
        "SELECT {} FROM events WHERE aggregate_type = $1 AND aggregate_id = $2 \
         AND (sequence = 1 OR (tx_id, position) > ($3, $4)) ORDER BY sequence LIMIT $5",
        log::COLUMNS
    );
    let (stream, from) = (StreamId::within(tenant, id.0), after.unwrap_or_default());
    let statement = client.prepare_cached(&sql).await?;
    let most = i64::try_from(limit.saturating_add(1))?;
    let rows = client
        .query(&statement, &[&Todo::TYPE, &stream.as_str(), &Xid(from.tx), &from.position, &most])
        .await?;
    let mut entries = Vec::with_capacity(limit);
    for row in &rows {
        let Some(recorded) = log::recorded(row, 0)? else { continue };
        let event: TodoEvent = recorded.event(steps)?;
        match &event {
            TodoEvent::Created { owner: of, .. } if owner.is_some_and(|owner| owner != *of) => {
                return Ok(Vec::new());
            }
            _ if recorded.cursor > from && entries.len() < limit => entries.push(entry(&recorded, &event)?),
            _ => {}
        }
    }
    Ok(entries)
}

fn entry(recorded: &Recorded, event: &TodoEvent) -> Result<HistoryEntry, BoxError> {
    let who: Who = decode(&recorded.metadata)?;
    Ok(HistoryEntry {
        cursor: recorded.cursor,
        event_type: recorded.event_type.clone(),
        at: event.at(),
        by: match (who.actor_kind.as_str(), who.actor_id.parse::<Uuid>()) {
            ("user", Ok(id)) => Actor::User(UserId(id)),
            ("operator", Ok(id)) => Actor::Operator(OperatorId(id)),
            ("api_key", Ok(id)) => Actor::ApiKey(ApiKeyId(id)),
            _ => Actor::System,
        },
        version: recorded.sequence,
    })
}
