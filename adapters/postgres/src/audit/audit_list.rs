//! The projection: one row an event, beside it the kinds there are, the streams, and the stretches
//! of the log.
//!
//! The stretches are written with the rows, so that their end says which events have been written: a
//! batch that comes twice changes nothing, and all rows are copied in.

use std::{collections::HashMap, time::Duration};

use application::ports::{Cursor, ReadModel};
use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use cqrs_es::Aggregate;
use deadpool_postgres::Transaction;
use domain::tenant::Tenant;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    pieces,
    rows::{self, Kinds, Streams},
    spans::Span,
};
use crate::{
    consumers::{EVERYTHING, LOOKS_BACK, Piece, Projection, ProjectionError, Written},
    json::decode,
    log::Recorded,
};

/// See the module.
pub struct AuditListProjection;

/// What is searched for beside each event.
#[derive(Deserialize)]
pub(super) struct Who {
    #[serde(default)]
    actor_id: String,
    #[serde(default)]
    platform: String,
    #[serde(default)]
    correlation_id: String,
}

/// The row of an event.
pub(super) struct Line {
    pub(super) tenant: Uuid,
    pub(super) cursor: Cursor,
    pub(super) actor: Option<Uuid>,
    pub(super) correlation: i64,
    pub(super) kind: i64,
}

/// The first half of a hash: what is equal is equal in it, and what is not is told apart by whoever
/// reads the event.
pub(super) fn half(parts: &[&str]) -> i64 {
    let hash = digest(&SHA256, parts.join("\u{1f}").as_bytes());
    let mut half = [0; 8];
    half.copy_from_slice(&hash.as_ref()[..8]);
    i64::from_be_bytes(half)
}

/// The tenant that an event belongs to: that of its stream, or the tenant itself.
pub(super) fn tenant_of(recorded: &Recorded) -> Option<Uuid> {
    let own = || (recorded.aggregate_type == Tenant::TYPE).then(|| recorded.stream.own()).flatten();
    recorded.stream.tenant().map(|tenant| tenant.0).or_else(own)
}

#[async_trait]
impl Projection for AuditListProjection {
    fn name(&self) -> &'static str {
        ReadModel::AuditList.name()
    }

    fn reads(&self) -> &'static [&'static str] {
        EVERYTHING
    }

    fn pieces(&self) -> Vec<Piece> {
        pieces::ALL.to_vec()
    }

    fn rests(&self) -> Duration {
        LOOKS_BACK
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        let last = Span::last(tx).await?;
        let fresh: Vec<&Recorded> =
            batch.iter().filter(|event| last.as_ref().is_none_or(|last| event.cursor > last.to)).collect();
        let (mut kinds, mut streams) = (Kinds::default(), Streams::default());
        let mut lines = Vec::with_capacity(fresh.len());
        let mut known = HashMap::new();
        for recorded in &fresh {
            let poison = |cause| ProjectionError::Poison { at: recorded.cursor, cause };
            let who: Who = decode(&recorded.metadata).map_err(poison)?;
            let names = (recorded.aggregate_type.as_str(), recorded.event_type.as_str(), who.platform);
            let kind = *known.entry(names).or_insert_with_key(|(aggregate, event, platform)| {
                kinds.add(half(&[*aggregate, *event, platform.as_str()]), aggregate, event, platform)
            });
            if recorded.sequence == 1 {
                streams.add(recorded);
            }
            lines.push(Line {
                tenant: tenant_of(recorded).unwrap_or_default(),
                cursor: recorded.cursor,
                actor: who.actor_id.parse().ok(),
                correlation: half(&[&who.correlation_id]),
                kind,
            });
        }
        let spanned = Span::extended(last, &fresh);
        // All of it goes out at once; it is one transaction anyway.
        tokio::try_join!(rows::copy(tx, &lines), kinds.write(tx), streams.write(tx), async {
            match &spanned {
                Some(span) => span.write(tx).await,
                None => Ok(()),
            }
        })?;
        Ok(Written::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_apart_in_a_hash() {
        assert_ne!(half(&["a", "bc"]), half(&["ab", "c"]));
        assert_eq!(half(&["a", "b"]), half(&["a", "b"]));
    }
}
