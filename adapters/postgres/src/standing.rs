//! Follows the streams that decide who may act, in every process that serves.
//!
//! It has no checkpoint and no lease: it begins at the present, because nothing is remembered
//! before it runs. It never passes an open transaction, as no reader of the tail does; so it also
//! tells up to which moment everything that was committed has been told, and what is remembered is
//! trusted no longer than that allows.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use application::{
    BoxError,
    ports::Cursor,
    standing::{DECIDES, Standings},
};
use deadpool_postgres::Pool;
use domain::StreamId;

use crate::{
    BoxedError,
    log::Wake,
    xid::{Xid, place},
};

/// How often it looks while no hint comes: well below the second that is allowed.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The first pause before it looks again for events behind an open transaction; it doubles.
const LOOK_AGAIN_FIRST: Duration = Duration::from_millis(1);
/// Events looked at in one go.
const LOOK_EVENTS_MAX: i64 = 1_000;

/// Moments that wait for their transactions to end; an older one tells nothing a younger one will not.
const SEEN_MAX: usize = 64;

const READ: &str = "SELECT bound.xmin, bound.xmax, e.tx_id, e.position, e.aggregate_type, e.aggregate_id \
     FROM (SELECT pg_snapshot_xmin(s) AS xmin, pg_snapshot_xmax(s) AS xmax FROM pg_current_snapshot() AS s) AS bound \
     LEFT JOIN LATERAL (SELECT * FROM events \
       WHERE (events.tx_id, events.position) > ($1, $2) AND events.tx_id < bound.xmin \
       AND events.aggregate_type = ANY($3::text[]) \
       ORDER BY events.tx_id, events.position LIMIT $4) AS e ON true \
     ORDER BY e.tx_id, e.position";

/// See the module.
pub struct StandingFollower {
    /// Where the log is. Never a replica: that would be late.
    pub pool: Pool,
    /// Tells that there is something to look at.
    pub wake: Arc<Wake>,
    /// Whom to tell.
    pub standings: Standings,
}

/// A moment, and the first transaction that had not begun then.
struct Seen {
    at: Instant,
    xmax: u64,
}

impl StandingFollower {
    /// Follows for as long as the process lives.
    pub async fn run(self) {
        let reader = self.wake.reader(DECIDES, None);
        let mut cursor = None;
        let mut seen: VecDeque<Seen> = VecDeque::new();
        let mut again = Duration::ZERO;
        loop {
            match self.look(cursor, &mut seen).await {
                Ok(Look { scanned, full }) => {
                    cursor = Some(scanned);
                    reader.came(scanned);
                    if full {
                        continue;
                    }
                    let soon = (again * 2).clamp(LOOK_AGAIN_FIRST, LOOK_EVERY);
                    again = if reader.waits_for(scanned).is_some() { soon } else { Duration::ZERO };
                }
                Err(error) => {
                    tracing::debug!(error = %BoxedError(error.as_ref()), "standings cannot be followed now");
                    again = Duration::ZERO;
                }
            }
            tokio::select! {
                () = reader.woken.notified() => {}
                () = tokio::time::sleep(if again.is_zero() { LOOK_EVERY } else { again }) => {}
            }
        }
    }

    async fn look(&self, after: Option<Cursor>, seen: &mut VecDeque<Seen>) -> Result<Look, BoxError> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(READ).await?;
        let at = Instant::now();
        // The first look only learns where the present is.
        let Cursor { tx, position } = after.unwrap_or(Cursor { tx: u64::MAX, position: i64::MAX });
        let rows = client.query(&statement, &[&Xid(tx), &position, &DECIDES, &LOOK_EVENTS_MAX]).await?;
        let first = rows.first().ok_or("the bound is always there")?;
        let (Xid(xmin), Xid(xmax)) = (first.try_get(0)?, first.try_get(1)?);
        let mut last = None;
        let mut told = 0;
        for row in &rows {
            if let Some(event) = place(row, 2)? {
                self.standings.forget(row.try_get(4)?, &StreamId::stored(row.try_get(5)?));
                (last, told) = (Some(event), told + 1);
            }
        }
        let full = told == LOOK_EVENTS_MAX;
        let end = Cursor { tx: xmin.saturating_sub(1), position: i64::MAX };
        if after.is_none() {
            self.standings.begin();
        }
        let scanned = if full { last } else { None }.unwrap_or_else(|| after.map_or(end, |it| it.max(end)));
        seen.push_back(Seen { at, xmax });
        if seen.len() > SEEN_MAX {
            seen.pop_front();
        }
        // What had begun before a moment is over when the oldest open transaction is a younger one.
        while !full && seen.front().is_some_and(|first| first.xmax <= xmin) {
            if let Some(Seen { at, .. }) = seen.pop_front() {
                self.standings.followed().until(at);
            }
        }
        Ok(Look { scanned, full })
    }
}

struct Look {
    scanned: Cursor,
    full: bool,
}
