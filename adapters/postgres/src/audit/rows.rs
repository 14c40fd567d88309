//! How the rows are written.

use std::pin::pin;

use deadpool_postgres::Transaction;
use tokio_postgres::{Error, binary_copy::BinaryCopyInWriter, types::Type};
use uuid::Uuid;

use super::audit_list::Line;
use crate::{log::Recorded, xid::Xid};

/// Copies rows in. None of them is there yet: see the module of the projection.
pub(super) async fn copy(tx: &Transaction<'_>, lines: &[Line]) -> Result<(), Error> {
    const TYPES: [Type; 6] = [Type::UUID, Type::XID8, Type::INT8, Type::UUID, Type::INT8, Type::INT8];
    if lines.is_empty() {
        return Ok(());
    }
    let sql = "COPY audit_list (of_tenant, tx_id, position, actor_id, correlation, kind) FROM STDIN BINARY";
    let statement = tx.prepare_cached(sql).await?;
    let sink = tx.copy_in(&statement).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &TYPES));
    for Line { tenant, cursor, actor, correlation, kind } in lines {
        let row: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [tenant, &Xid(cursor.tx), &cursor.position, actor, correlation, kind];
        writer.as_mut().write(&row).await?;
    }
    writer.finish().await.map(drop)
}

/// The kinds of events in a batch.
#[derive(Default)]
pub(super) struct Kinds {
    hashes: Vec<i64>,
    aggregates: Vec<String>,
    events: Vec<String>,
    platforms: Vec<String>,
}

impl Kinds {
    pub(super) fn add(&mut self, kind: i64, aggregate: &str, event: &str, platform: &str) -> i64 {
        self.hashes.push(kind);
        self.aggregates.push(aggregate.to_owned());
        self.events.push(event.to_owned());
        self.platforms.push(platform.to_owned());
        kind
    }

    pub(super) async fn write(&self, tx: &Transaction<'_>) -> Result<(), Error> {
        if self.hashes.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO audit_kinds (kind, aggregate_type, event_type, platform) \
                   SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) ON CONFLICT DO NOTHING";
        let statement = tx.prepare_cached(sql).await?;
        tx.execute(&statement, &[&self.hashes, &self.aggregates, &self.events, &self.platforms])
            .await
            .map(drop)
    }
}

/// The streams that begin in a batch.
#[derive(Default)]
pub(super) struct Streams<'a> {
    ids: Vec<Uuid>,
    types: Vec<&'a str>,
    names: Vec<&'a str>,
}

impl<'a> Streams<'a> {
    pub(super) fn add(&mut self, first: &'a Recorded) {
        // What has no id of its own is not found by one.
        if let Some(id) = first.stream.own() {
            self.ids.push(id);
            self.types.push(&first.aggregate_type);
            self.names.push(first.stream.as_str());
        }
    }

    pub(super) async fn write(&self, tx: &Transaction<'_>) -> Result<(), Error> {
        if self.ids.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO audit_streams (aggregate_id, aggregate_type, stream) \
                   SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING";
        let statement = tx.prepare_cached(sql).await?;
        tx.execute(&statement, &[&self.ids, &self.types, &self.names]).await.map(drop)
    }
}
