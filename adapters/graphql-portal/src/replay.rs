//! The log, played back and on into the present.

use adapter_web::{ContextExt, CursorText, failed, problem, refused};
use application::{
    Problem,
    audit::replay::{AuditReplay, Played, Point, ReplayFault, ReplayItem, ReplayProgress, Wanted},
};
use async_graphql::{Context, ErrorExtensions, Result, SimpleObject, Subscription};
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt};

use crate::{
    audit::{AuditEvent, AuditFilter},
    terms::{moment, position},
};

#[derive(Default)]
pub(crate) struct ReplaySubscription;

/// An event of a replay, or only how far the replay is.
#[derive(SimpleObject)]
struct AuditReplayItem {
    /// Its place: give it as `from` to resume here.
    cursor: CursorText,
    /// What happened; absent where the item only says how far the replay is.
    event: Option<AuditEvent>,
    progress: AuditReplayProgress,
}

/// How far a replay is.
#[derive(SimpleObject)]
struct AuditReplayProgress {
    /// The running number of the last event that was looked at.
    position: String,
    /// Events looked at so far, whether they passed the filter or not.
    done: f64,
    /// Events from start to end; without an end, to the newest one. Above 100,000 an estimate from
    /// their running numbers.
    total: f64,
    /// Of 100.
    percent: f64,
    /// Events looked at a second.
    rate: f64,
    /// Until the end, or until it has caught up; absent while nothing tells.
    seconds_left: Option<f64>,
    /// Whether it has reached the present: from here on, events come as they happen.
    caught_up: bool,
    /// While it waits for its time: when the next event happened.
    next_event_at: Option<DateTime<Utc>>,
}

impl From<ReplayProgress> for AuditReplayProgress {
    fn from(of: ReplayProgress) -> Self {
        let ReplayProgress { position, done, total, percent, rate, seconds_left, caught_up, next_event_at } =
            of;
        let (position, done, total) = (position.to_string(), figure(done), figure(total));
        Self { position, done, total, percent, rate, seconds_left, caught_up, next_event_at }
    }
}

#[expect(clippy::cast_precision_loss, reason = "GraphQL's Int ends at 2^31; these stay below 2^53")]
fn figure(count: u64) -> f64 {
    count as f64
}

#[Subscription]
impl ReplaySubscription {
    /// Stored events in the one order of the log, and on into the present without a gap or a repeat;
    /// with `to`, it completes there. `from` and `to` are each a cursor (of an event, an item, a
    /// mutation) or a time (RFC 3339): from behind that place or from that time on, up to and with it.
    /// Without `from` it begins with the first event. `speed` is 1 for as it happened, 10 for ten
    /// times as fast; absent, it is as fast as possible. At least once a second an item says how far
    /// it is. An error is an item at its `position`, and no end.
    async fn audit_replay<'ctx>(
        &self,
        ctx: &Context<'ctx>,
        from: Option<CursorText>,
        to: Option<CursorText>,
        filter: Option<AuditFilter>,
        speed: Option<f64>,
    ) -> Result<impl Stream<Item = Result<AuditReplayItem>> + use<'ctx>> {
        let from = from.map(|from| point(ctx, &from, "from")).transpose()?;
        let to = to.map(|to| point(ctx, &to, "to")).transpose()?;
        let filter = filter.unwrap_or_default().parse()?;
        let asked = AuditReplay(Wanted { from, to, filter, speed });
        let replay = ctx.app().ask(ctx.caller(), asked, None).await.map_err(failed)?.map_err(refused)?;
        let ctx = ctx.clone();
        Ok(replay
            .items()
            .map(move |said| said.map(|item| shown(&ctx, item)).map_err(|fault| told(&ctx, fault))))
    }
}

/// A cursor, or a time.
fn point(ctx: &Context<'_>, text: &CursorText, field: &'static str) -> Result<Point> {
    if let Ok(time) = DateTime::parse_from_rfc3339(&text.0) {
        let time = time.to_utc();
        moment(Some(time), field)?;
        return Ok(Point::Time(time));
    }
    let place = ctx.codec().read_position(&text.0);
    place.map(Point::At).map_err(|bad| problem(Problem::from(bad).of_field(field)))
}

fn shown(ctx: &Context<'_>, item: ReplayItem) -> AuditReplayItem {
    let event = match item.played {
        Some(Played::Shown(event)) => Some(AuditEvent::of(ctx, &event)),
        // A replay is never asked for what is stored.
        Some(Played::Stored(_)) | None => None,
    };
    AuditReplayItem { cursor: position(ctx, item.cursor), event, progress: item.progress.into() }
}

/// The error says where it happened, and from where to go on.
fn told(ctx: &Context<'_>, fault: ReplayFault) -> async_graphql::Error {
    let (cursor, at) = (ctx.codec().position(&fault.cursor()), fault.position().to_string());
    problem(Problem::from(fault)).extend_with(|_, extensions| {
        extensions.set("cursor", cursor.clone());
        extensions.set("position", at.clone());
    })
}
