//! What happened to whose todos: the topics of live changes, and the history of a todo.

use std::collections::HashMap;

use application::{
    BoxError, Member,
    live::ChangeLog,
    ports::{Change, Cursor},
};
use async_trait::async_trait;
use deadpool_postgres::Transaction;
use domain::{TenantId, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_postgres::{GenericClient, Statement};
use uuid::Uuid;

use super::PgTodoList;
use crate::json::decode;

/// A change about to be stored.
pub(super) struct NewChange {
    pub(super) of: Member,
    pub(super) version: i64,
    pub(super) actor_kind: String,
    pub(super) actor_id: Option<Uuid>,
    pub(super) change: Change,
}

#[derive(Deserialize)]
struct Who {
    actor_kind: String,
    actor_id: String,
}

/// Who did it, from an event's metadata.
pub(super) fn actor(metadata: &RawValue) -> Result<(String, Option<Uuid>), BoxError> {
    let who: Who = decode(metadata)?;
    Ok((who.actor_kind, who.actor_id.parse().ok()))
}

fn topic(of: Member) -> String {
    format!("todo/{}/{}", of.tenant, of.user)
}

fn member(topic: &str) -> Option<Member> {
    let mut parts = topic.strip_prefix("todo/")?.split('/');
    Some(Member { tenant: parts.next()?.parse().ok()?, user: parts.next()?.parse().ok()? })
}

const HEADS: &str = "SELECT w.tenant_id, w.owner_id, h.tx_id::text, h.position \
     FROM unnest($1::uuid[], $2::uuid[]) AS w (tenant_id, owner_id) \
     JOIN LATERAL (SELECT tx_id, position FROM todo_changes c \
       WHERE c.tenant_id = w.tenant_id AND c.owner_id = w.owner_id \
       ORDER BY c.tx_id DESC, c.position DESC LIMIT 1) AS h ON true";

const INSERT: &str = "INSERT INTO todo_changes (tenant_id, owner_id, tx_id, position, previous_tx_id, \
     previous_position, todo_id, version, event_type, actor_kind, actor_id, at) \
     SELECT t, o, x::xid8, p, px::xid8, pp, i, v, e, k, a, w \
     FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::uuid[], $8::bigint[], \
       $9::text[], $10::text[], $11::uuid[], $12::timestamptz[]) AS u (t, o, x, p, px, pp, i, v, e, k, a, w) \
     ON CONFLICT DO NOTHING";

/// Stores changes; each learns its topic and the change before it.
pub(super) async fn store(
    tx: &Transaction<'_>,
    mut changes: Vec<NewChange>,
) -> Result<Vec<Change>, tokio_postgres::Error> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let mut heads: HashMap<Member, Cursor> = HashMap::new();
    for change in &changes {
        heads.entry(change.of).or_default();
    }
    let of: Vec<Member> = heads.keys().copied().collect();
    let statement = tx.prepare_cached(HEADS).await?;
    for (member, head) in read_heads(&**tx, &statement, &of).await? {
        heads.insert(member, head);
    }
    for new in &mut changes {
        new.change.topic = topic(new.of);
        let head = heads.entry(new.of).or_default();
        new.change.previous = std::mem::replace(head, new.change.cursor);
    }
    insert(tx, &changes).await?;
    Ok(changes.into_iter().map(|new| new.change).collect())
}

async fn insert(tx: &Transaction<'_>, changes: &[NewChange]) -> Result<(), tokio_postgres::Error> {
    let column = |value: fn(&NewChange) -> Uuid| changes.iter().map(value).collect::<Vec<_>>();
    let tenants = column(|new| new.of.tenant.0);
    let owners = column(|new| new.of.user.0);
    let todos = column(|new| new.change.id);
    let txs: Vec<String> = changes.iter().map(|new| new.change.cursor.tx.to_string()).collect();
    let positions: Vec<i64> = changes.iter().map(|new| new.change.cursor.position).collect();
    let previous_txs: Vec<String> = changes.iter().map(|new| new.change.previous.tx.to_string()).collect();
    let previous: Vec<i64> = changes.iter().map(|new| new.change.previous.position).collect();
    let versions: Vec<i64> = changes.iter().map(|new| new.version).collect();
    let types: Vec<&str> = changes.iter().map(|new| new.change.event_type.as_str()).collect();
    let kinds: Vec<&str> = changes.iter().map(|new| new.actor_kind.as_str()).collect();
    let actors: Vec<Option<Uuid>> = changes.iter().map(|new| new.actor_id).collect();
    let times: Vec<_> = changes.iter().map(|new| new.change.at).collect();
    let statement = tx.prepare_cached(INSERT).await?;
    tx.execute(
        &statement,
        &[
            &tenants,
            &owners,
            &txs,
            &positions,
            &previous_txs,
            &previous,
            &todos,
            &versions,
            &types,
            &kinds,
            &actors,
            &times,
        ],
    )
    .await?;
    Ok(())
}

async fn read_heads(
    client: &impl GenericClient,
    statement: &Statement,
    of: &[Member],
) -> Result<Vec<(Member, Cursor)>, tokio_postgres::Error> {
    let tenants: Vec<Uuid> = of.iter().map(|member| member.tenant.0).collect();
    let owners: Vec<Uuid> = of.iter().map(|member| member.user.0).collect();
    let rows = client.query(statement, &[&tenants, &owners]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let tx: &str = row.get(2);
            let member = Member { tenant: TenantId(row.get(0)), user: UserId(row.get(1)) };
            (member, Cursor { tx: tx.parse().unwrap_or(0), position: row.get(3) })
        })
        .collect())
}

#[async_trait]
impl ChangeLog for PgTodoList {
    async fn heads(&self, topics: &[String]) -> Result<Vec<(String, Cursor)>, BoxError> {
        let members: Vec<Member> = topics.iter().filter_map(|topic| member(topic)).collect();
        let client = self.live.client().await?;
        let statement = client.prepare_cached(HEADS).await?;
        let heads = read_heads(&**client, &statement, &members).await?;
        Ok(heads.into_iter().map(|(member, head)| (topic(member), head)).collect())
    }

    async fn after(&self, topic: &str, after: Cursor, limit: usize) -> Result<Vec<Change>, BoxError> {
        let Some(member) = member(topic) else { return Ok(Vec::new()) };
        let client = self.live.client().await?;
        let sql = "SELECT tx_id::text, position, previous_tx_id::text, previous_position, todo_id, event_type, at \
                   FROM todo_changes WHERE tenant_id = $1 AND owner_id = $2 \
                   AND (tx_id, position) > ($3::text::xid8, $4::bigint) \
                   ORDER BY todo_changes.tx_id, todo_changes.position LIMIT $5";
        let statement = client.prepare_cached(sql).await?;
        let limit = i64::try_from(limit)?;
        let (tenant, user) = (member.tenant.0, member.user.0);
        let rows = client
            .query(&statement, &[&tenant, &user, &after.tx.to_string(), &after.position, &limit])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Change {
                    topic: topic.to_owned(),
                    cursor: Cursor { tx: row.try_get::<_, &str>(0)?.parse()?, position: row.try_get(1)? },
                    previous: Cursor { tx: row.try_get::<_, &str>(2)?.parse()?, position: row.try_get(3)? },
                    id: row.try_get(4)?,
                    event_type: row.try_get(5)?,
                    at: row.try_get(6)?,
                })
            })
            .collect()
    }
}
