//! What happened to whose todos: the topics of live changes, one row a change.
//!
//! A consumer of its own behind the one that writes the rows: a change is signalled when its row is
//! there, and the rows can be written anew without signalling anything again. Of an event it reads
//! no more than when it happened, and whose the todo is.

use std::{collections::HashMap, pin::pin};

use application::{
    BoxError, Member,
    live::ChangeLog,
    ports::{Change, Cursor, ReadModel},
};
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Transaction;
use domain::{TenantId, Timestamp, UserId, todo::Todo, upcasters};
use serde::Deserialize;
use tokio_postgres::{
    GenericClient, Statement,
    binary_copy::BinaryCopyInWriter,
    types::{ToSql, Type},
};
use uuid::Uuid;

use super::{PgTodoList, todo_list::ids};
use crate::{
    consumers::{COPY_ROWS_MIN, Found, Made, Piece, Projection, ProjectionError, Written, copy_or_insert},
    log::{self, Recorded},
    xid::{Xid, place},
};

/// See the module.
pub struct TodoChangesProjection {
    steps: Vec<Box<dyn EventUpcaster>>,
}

impl Default for TodoChangesProjection {
    fn default() -> Self {
        Self { steps: upcasters() }
    }
}

/// A change about to be stored.
struct NewChange {
    of: Member,
    change: Change,
}

/// What of an event matters here, in the fields of its stored form.
#[derive(Deserialize)]
struct Moment {
    at: Timestamp,
    /// In the first event only.
    owner: Option<UserId>,
}

#[async_trait]
impl Projection for TodoChangesProjection {
    fn name(&self) -> &'static str {
        "todo_changes.v1"
    }

    fn reads(&self) -> &'static [&'static str] {
        &[Todo::TYPE]
    }

    fn behind(&self) -> Option<&'static str> {
        Some(ReadModel::TodoList.name())
    }

    fn pieces(&self) -> Vec<Piece> {
        // A topic, because each change names the one before it. Which todos it has is known from
        // rows, and from the todo that led here: one that is in neither is found when it leads here.
        const TOPIC: &str = "SELECT $3, split_part($1, '/', 1) || '/' || id FROM ( \
             SELECT todo_id::text FROM public.todo_changes WHERE tenant_id = split_part($1, '/', 1)::uuid \
               AND owner_id = split_part($1, '/', 2)::uuid \
             UNION SELECT id::text FROM public.todo_list WHERE tenant_id = split_part($1, '/', 1)::uuid \
               AND owner_id = split_part($1, '/', 2)::uuid \
             UNION SELECT split_part($2, '/', 2) WHERE $2 IS NOT NULL) AS t (id)";
        const OWNER: &str = "SELECT split_part($1, '/', 1) || '/' || (payload->>'owner') FROM events \
             WHERE aggregate_type = 'todo' AND aggregate_id = $1 AND sequence = 1";
        vec![Piece {
            key: "tenant_id::text || '/' || owner_id::text",
            found: Found::Stream { of: Todo::TYPE, led_to: OWNER },
            rows: "tenant_id = split_part($1, '/', 1)::uuid AND owner_id = split_part($1, '/', 2)::uuid",
            made: Made::Streams(TOPIC),
            ..Piece::within("todo_changes", Todo::TYPE)
        }]
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        let owners = self.owners(tx, batch).await?;
        let mut changes = Vec::with_capacity(batch.len());
        for recorded in batch {
            let poison = |cause| ProjectionError::Poison { at: recorded.cursor, cause };
            changes.push(self.change(recorded, &owners).map_err(poison)?);
        }
        if changes.len() < COPY_ROWS_MIN {
            insert_few(tx, &mut changes).await?;
        } else {
            chain(tx, &mut changes).await?;
            copy_or_insert(tx, copy(tx, &changes), insert(tx, &changes)).await?;
        }
        Ok(Written { changes: changes.into_iter().map(|new| new.change).collect(), ..Written::default() })
    }
}

impl TodoChangesProjection {
    /// Whose the todos of a batch are: it is in the first event of each, and never changes.
    async fn owners(
        &self,
        tx: &Transaction<'_>,
        batch: &[Recorded],
    ) -> Result<HashMap<String, UserId>, ProjectionError> {
        let mut owners = HashMap::new();
        let mut unknown = Vec::new();
        for recorded in batch {
            let stream = recorded.stream.as_str();
            if recorded.sequence == 1 {
                owners.extend(self.owner(recorded).map(|owner| (stream.to_owned(), owner)));
            } else if !owners.contains_key(stream) {
                unknown.push(stream);
            }
        }
        if unknown.is_empty() {
            return Ok(owners);
        }
        let sql = format!(
            "SELECT {} FROM events WHERE aggregate_type = $1 AND aggregate_id = ANY($2::text[]) AND sequence = 1",
            log::COLUMNS
        );
        let statement = tx.prepare_cached(&sql).await?;
        for row in tx.query(&statement, &[&Todo::TYPE, &unknown]).await? {
            let first = log::recorded(&row, 0).map_err(|error| ProjectionError::Unavailable(error.into()))?;
            let Some(first) = first else { continue };
            owners.extend(self.owner(&first).map(|owner| (first.stream.as_str().to_owned(), owner)));
        }
        Ok(owners)
    }

    fn owner(&self, first: &Recorded) -> Option<UserId> {
        // A stream without one cannot be written; its events are dead letters.
        first.event::<Moment>(&self.steps).ok()?.owner
    }

    fn change(&self, recorded: &Recorded, owners: &HashMap<String, UserId>) -> Result<NewChange, BoxError> {
        let (tenant, id) = ids(&recorded.stream)?;
        let owner = owners.get(recorded.stream.as_str());
        let user = *owner.ok_or_else(|| format!("{} does not begin with its creation", recorded.stream))?;
        let of = Member { tenant, user };
        let event: Moment = recorded.event(&self.steps)?;
        let change = Change {
            topic: topic(of),
            cursor: recorded.cursor,
            previous: Cursor::default(),
            id,
            event_type: recorded.event_type.clone(),
            at: event.at,
            trace: recorded.place(),
        };
        Ok(NewChange { of, change })
    }
}

fn topic(of: Member) -> String {
    format!("todo/{}/{}", of.tenant, of.user)
}

fn member(topic: &str) -> Option<Member> {
    let mut parts = topic.strip_prefix("todo/")?.split('/');
    Some(Member { tenant: parts.next()?.parse().ok()?, user: parts.next()?.parse().ok()? })
}

const HEADS: &str = "SELECT w.tenant_id, w.owner_id, h.tx_id, h.position \
     FROM unnest($1::uuid[], $2::uuid[]) AS w (tenant_id, owner_id) \
     JOIN LATERAL (SELECT tx_id, position FROM todo_changes c \
       WHERE c.tenant_id = w.tenant_id AND c.owner_id = w.owner_id \
       ORDER BY c.tx_id DESC, c.position DESC LIMIT 1) AS h ON true";

/// Lets each change know the change before it in its topic.
async fn chain(tx: &Transaction<'_>, changes: &mut [NewChange]) -> Result<(), tokio_postgres::Error> {
    let mut heads: HashMap<Member, Cursor> = HashMap::new();
    for change in changes.iter() {
        heads.entry(change.of).or_default();
    }
    let of: Vec<Member> = heads.keys().copied().collect();
    let statement = tx.prepare_cached(HEADS).await?;
    for (member, head) in read_heads(&**tx, &statement, &of).await? {
        heads.insert(member, head);
    }
    for new in changes {
        let head = heads.entry(new.of).or_default();
        new.change.previous = std::mem::replace(head, new.change.cursor);
    }
    Ok(())
}

const COLUMNS: &str =
    "tenant_id, owner_id, tx_id, position, previous_tx_id, previous_position, todo_id, event_type, at";

/// Copies changes in; one that is there already fails all of them.
async fn copy(tx: &Transaction<'_>, changes: &[NewChange]) -> Result<(), tokio_postgres::Error> {
    const TYPES: [Type; 9] = [
        Type::UUID,
        Type::UUID,
        Type::XID8,
        Type::INT8,
        Type::XID8,
        Type::INT8,
        Type::UUID,
        Type::TEXT,
        Type::TIMESTAMPTZ,
    ];
    let statement = tx.prepare_cached(&format!("COPY todo_changes ({COLUMNS}) FROM STDIN BINARY")).await?;
    let sink = tx.copy_in(&statement).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &TYPES));
    for NewChange { of, change } in changes {
        let Change { cursor, previous, id, event_type, at, .. } = change;
        writer
            .as_mut()
            .write(&[
                &of.tenant.0,
                &of.user.0,
                &Xid(cursor.tx),
                &cursor.position,
                &Xid(previous.tx),
                &previous.position,
                id,
                event_type,
                at,
            ])
            .await?;
    }
    writer.finish().await.map(drop)
}

/// Stores changes of which some may be there already.
async fn insert(tx: &Transaction<'_>, changes: &[NewChange]) -> Result<(), tokio_postgres::Error> {
    let previous = |new: &NewChange| Some(new.change.previous);
    insert_after(tx, changes, previous, "ON CONFLICT DO NOTHING").await.map(drop)
}

/// Stores a few changes, and lets each know the change before it in its topic: in one statement.
async fn insert_few(tx: &Transaction<'_>, changes: &mut [NewChange]) -> Result<(), tokio_postgres::Error> {
    let mut heads: HashMap<Member, Cursor> = HashMap::new();
    for new in changes.iter_mut() {
        // Nothing is before the first one yet; the statement finds it. One that was stored before
        // stays after itself, and no reader takes it for the next one.
        new.change.previous = new.change.cursor;
        if let Some(previous) = heads.insert(new.of, new.change.cursor) {
            new.change.previous = previous;
        }
    }
    let known = |new: &NewChange| Some(new.change.previous).filter(|before| *before < new.change.cursor);
    let stored = insert_after(tx, changes, known, FOUND).await?;
    let stored: HashMap<Cursor, Cursor> = stored.iter().map(stored_place).collect::<Result<_, _>>()?;
    for new in changes {
        let previous = stored.get(&new.change.cursor).copied();
        new.change.previous = previous.unwrap_or(new.change.cursor);
    }
    Ok(())
}

const FOUND: &str = "ON CONFLICT DO NOTHING RETURNING tx_id, position, previous_tx_id, previous_position";

fn stored_place(row: &tokio_postgres::Row) -> Result<(Cursor, Cursor), tokio_postgres::Error> {
    Ok((place(row, 0)?.unwrap_or_default(), place(row, 2)?.unwrap_or_default()))
}

/// Inserts; a change without a previous one comes after the newest that is stored in its topic.
async fn insert_after(
    tx: &Transaction<'_>,
    changes: &[NewChange],
    previous: impl Fn(&NewChange) -> Option<Cursor>,
    then: &str,
) -> Result<Vec<tokio_postgres::Row>, tokio_postgres::Error> {
    let sql = format!(
        "INSERT INTO todo_changes ({COLUMNS}) SELECT u.n, u.o, u.tx, u.pos, COALESCE(u.ptx, h.tx_id, '0'), \
         COALESCE(u.ppos, h.position, 0), u.todo, u.kind, u.at \
         FROM unnest($1::uuid[], $2::uuid[], $3::xid8[], $4::bigint[], $5::xid8[], $6::bigint[], $7::uuid[], \
           $8::text[], $9::timestamptz[]) AS u (n, o, tx, pos, ptx, ppos, todo, kind, at) \
         LEFT JOIN LATERAL (SELECT c.tx_id, c.position FROM todo_changes c \
           WHERE u.ptx IS NULL AND c.tenant_id = u.n AND c.owner_id = u.o \
           ORDER BY c.tx_id DESC, c.position DESC LIMIT 1) AS h ON true {then}"
    );
    let column = |value: fn(&NewChange) -> Uuid| changes.iter().map(value).collect::<Vec<_>>();
    let tenants = column(|new| new.of.tenant.0);
    let owners = column(|new| new.of.user.0);
    let todos = column(|new| new.change.id);
    let (at, positions): (Vec<Xid>, Vec<i64>) =
        changes.iter().map(|new| (Xid(new.change.cursor.tx), new.change.cursor.position)).unzip();
    let (before, before_positions): (Vec<Option<Xid>>, Vec<Option<i64>>) =
        changes.iter().map(|new| previous(new).map(|it| (Xid(it.tx), it.position)).unzip()).unzip();
    let types: Vec<&str> = changes.iter().map(|new| new.change.event_type.as_str()).collect();
    let times: Vec<_> = changes.iter().map(|new| new.change.at).collect();
    let statement = tx.prepare_cached(&sql).await?;
    let params: [&(dyn ToSql + Sync); 9] =
        [&tenants, &owners, &at, &positions, &before, &before_positions, &todos, &types, &times];
    tx.query(&statement, &params).await
}

async fn read_heads(
    client: &impl GenericClient,
    statement: &Statement,
    of: &[Member],
) -> Result<Vec<(Member, Cursor)>, tokio_postgres::Error> {
    let tenants: Vec<Uuid> = of.iter().map(|member| member.tenant.0).collect();
    let owners: Vec<Uuid> = of.iter().map(|member| member.user.0).collect();
    let rows = client.query(statement, &[&tenants, &owners]).await?;
    rows.iter()
        .map(|row| {
            let member = Member { tenant: TenantId(row.get(0)), user: UserId(row.get(1)) };
            Ok((member, place(row, 2)?.unwrap_or_default()))
        })
        .collect()
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
        let sql = "SELECT tx_id, position, previous_tx_id, previous_position, todo_id, event_type, at \
                   FROM todo_changes WHERE tenant_id = $1 AND owner_id = $2 \
                   AND (tx_id, position) > ($3, $4) \
                   ORDER BY todo_changes.tx_id, todo_changes.position LIMIT $5";
        let statement = client.prepare_cached(sql).await?;
        let limit = i64::try_from(limit)?;
        let (tenant, user) = (member.tenant.0, member.user.0);
        let rows =
            client.query(&statement, &[&tenant, &user, &Xid(after.tx), &after.position, &limit]).await?;
        rows.iter()
            .map(|row| {
                Ok(Change {
                    topic: topic.to_owned(),
                    cursor: place(row, 0)?.unwrap_or_default(),
                    previous: place(row, 2)?.unwrap_or_default(),
                    id: row.try_get(4)?,
                    event_type: row.try_get(5)?,
                    at: row.try_get(6)?,
                    trace: None,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use domain::{
        TagId,
        todo::{Priority, TodoEvent, TodoText},
    };
    use testkit::given;

    use super::*;

    #[test]
    fn what_is_read_of_an_event_is_what_the_domain_reads() {
        let (tenant, owner) = (TenantId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let (at, tag) = (given::moment(5), TagId(Uuid::from_u128(3)));
        let other = Some(UserId(Uuid::from_u128(4)));
        for event in [
            given::todo_created(Member { tenant, user: owner }, "milk"),
            TodoEvent::TextChanged { text: TodoText::stored("\"owner\": 1".to_owned()), at },
            TodoEvent::Prioritised { priority: Priority::Low, at },
            TodoEvent::Rescheduled { due_at: Some(given::moment(9)), at },
            TodoEvent::Assigned { assignee: other, at },
            TodoEvent::Tagged { tag, at },
            TodoEvent::Untagged { tag, at },
            TodoEvent::Completed { at },
            TodoEvent::Reopened { at },
            TodoEvent::Archived { at },
            TodoEvent::Deleted { at },
        ] {
            let stored = serde_json::to_string(&event).unwrap();
            let read: Moment = serde_json::from_str(&stored).unwrap();
            let first = matches!(event, TodoEvent::Created { .. });
            assert_eq!((read.at, read.owner), (event.at(), first.then_some(owner)), "{stored}");
        }
    }
}
