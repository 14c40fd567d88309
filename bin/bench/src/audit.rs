//! `audit`: searching and going back in a log of a million events.
//!
//! 240,000 todos of 100 tenants, a quarter of them in one, four events each, between them tags and
//! acts of operators. The projections run through the real runner; then first pages of 20 are read
//! with each filter alone, with values that change, and lists of todos as they were at any place.

use std::{sync::Arc, time::Instant};

use adapter_postgres::{
    AuditListProjection, PgAuditLog, PgPools, PgTodoPast, TodoVersionsProjection, consumers::Projection,
};
use anyhow::Result;
use application::{
    Direction, Filter, PageRequest, Window,
    audit::{AUDIT_COUNT_MAX, AuditFilter, AuditLog, Located},
    todo::{TodoPast, TodoSort},
};
use domain::{TenantId, Timestamp};
use tokio_postgres::Client;

use crate::{
    database::Database,
    events::id,
    projector::project,
    report::{Report, Target},
    rounds::percentile,
    servers::Servers,
};

const TODOS: usize = 240_000;
const OTHERS: usize = 40_000;
const EVENTS: usize = TODOS * 4 + OTHERS;
const CHUNKS: usize = 96;
const TENANTS: usize = 100;
const PAGES: usize = 300;
const PAGE: usize = 20;

pub(crate) fn run(servers: &Servers, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(servers, report))
}

async fn measure(servers: &Servers, report: &mut Report) -> Result<()> {
    let database = Database::copy(servers, "audit").await?;
    let client = database.client().await?;
    seed(&client).await?;
    database.settle().await?;
    let rows: Arc<dyn Projection> = Arc::new(AuditListProjection);
    let rate = project(servers, &database, &client, &rows, EVENTS).await?;
    report.alone("audit.projector", "events/s", rate, Target::Either(100_000.0, 0.0));
    database.settle().await?;
    let pools = PgPools::new(&database.settings()?)?;
    searches(&PgAuditLog::new(pools.pool.clone()), report).await?;

    let versions: Arc<dyn Projection> = Arc::new(TodoVersionsProjection::default());
    let rate = project(servers, &database, &client, &versions, EVENTS - OTHERS).await?;
    report.alone("audit.versions", "events/s", rate, Target::None);
    database.settle().await?;
    let (audit, past) = (PgAuditLog::new(pools.pool.clone()), PgTodoPast::new(pools.readers.clone()));
    lists(&audit, &past, report).await?;
    pools.pool.close();
    database.remove().await
}

/// A text that is the SQL of the id with this number.
fn sql_id(kind: &str, number: &str) -> String {
    format!("('01900000-{kind}-7000-8000-' || lpad(to_hex({number}), 12, '0'))")
}

/// Chunk by chunk, in a transaction each.
async fn seed(client: &Client) -> Result<()> {
    let tenant = "CASE WHEN t % 4 = 0 THEN 0 ELSE 1 + t % 99 END";
    let (of, user) = (sql_id("0001", tenant), sql_id("0002", &format!("({tenant}) * 10 + t % 10")));
    let at = "to_char(timestamptz '2026-01-01' + n * interval '1 second', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
    let todos = format!(
        "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata, \
           recorded_at) \
         SELECT 'todo', {of} || '/' || {todo}, s, (ARRAY['todo.created', 'todo.text_changed', 'todo.prioritised', \
             'todo.completed'])[s], '1', \
           CASE s WHEN 1 THEN jsonb_build_object('type', 'todo.created', 'tenant', {of}, 'owner', {user}, 'number', t, \
               'text', 'Write the report number ' || t, 'priority', 'normal', 'due_at', null, 'tags', '[]'::jsonb, \
               'assignee', null, 'at', {at}) \
             WHEN 2 THEN jsonb_build_object('type', 'todo.text_changed', 'text', 'Read the report ' || t, 'at', {at}) \
             WHEN 3 THEN jsonb_build_object('type', 'todo.prioritised', 'priority', 'high', 'at', {at}) \
             ELSE jsonb_build_object('type', 'todo.completed', 'at', {at}) END, \
           jsonb_build_object('actor_kind', 'user', 'actor_id', {user}, 'platform', 'user', 'command', 'todo.update', \
             'correlation_id', {request}, 'causation_id', '', 'tenant_id', {of}), \
           timestamptz '2026-01-01' + n * interval '1 second' \
         FROM (SELECT n, n % {TODOS} AS t, (n / {TODOS} + 1)::int AS s FROM generate_series($1::int, $2::int) AS n) AS w",
        todo = sql_id("0005", "t"),
        request = sql_id("0003", "n / 2"),
    );
    let others = format!(
        "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata, \
           recorded_at) \
         SELECT CASE WHEN n % 2 = 0 THEN 'act' ELSE 'tag' END, \
           CASE WHEN n % 2 = 0 THEN {act} ELSE {of} || '/' || {act} END, 1, \
           CASE WHEN n % 2 = 0 THEN 'act.done' ELSE 'tag.created' END, '1', '{{}}', \
           jsonb_build_object('actor_kind', 'operator', 'actor_id', {operator}, 'platform', \
             CASE WHEN n % 2 = 0 THEN 'portal' ELSE 'user' END, 'command', 'x', 'correlation_id', {request}, \
             'causation_id', ''), \
           timestamptz '2026-01-01' + n * 24 * interval '1 second' \
         FROM (SELECT n, n AS t FROM generate_series($1::int, $2::int) AS n) AS w",
        act = sql_id("0006", "n"),
        operator = sql_id("0007", "n % 20"),
        request = sql_id("0008", "n"),
    );
    let (todos, others) = (client.prepare(&todos).await?, client.prepare(&others).await?);
    for chunk in 0..CHUNKS {
        for (statement, all) in [(&todos, TODOS * 4), (&others, OTHERS)] {
            let (from, to) = (all * chunk / CHUNKS, all * (chunk + 1) / CHUNKS);
            client.execute(statement, &[&i32::try_from(from)?, &i32::try_from(to - 1)?]).await?;
        }
    }
    Ok(())
}

/// The 99th percentile of what so many questions take, in milliseconds.
async fn p99(mut ask: impl AsyncFnMut(usize) -> Result<()>) -> Result<f64> {
    let mut taken = Vec::with_capacity(PAGES);
    for n in 0..PAGES + 10 {
        let begun = Instant::now();
        // Numbers that jump about.
        ask(n.wrapping_mul(7_919) % 239_999).await?;
        // The first ones prepare statements.
        if n >= 10 {
            taken.push(begun.elapsed().as_secs_f64() * 1_000.0);
        }
    }
    Ok(percentile(&mut taken, 99))
}

type Made = fn(usize) -> AuditFilter;

const SEARCHES: [(&str, Made); 13] = [
    ("none", |_| AuditFilter::default()),
    ("tenant", |n| AuditFilter { tenant: Some(tenant(n)), ..AuditFilter::default() }),
    ("aggregate-type", |n| AuditFilter {
        aggregate_type: pick(n, &["todo", "tag", "act"]),
        ..AuditFilter::default()
    }),
    ("aggregate-id", |n| AuditFilter { aggregate_id: Some(id(5, n).to_string()), ..AuditFilter::default() }),
    ("actor", |n| AuditFilter { actor_id: Some(id(2, n % 1_000).to_string()), ..AuditFilter::default() }),
    ("actor-rare", |n| AuditFilter { actor_id: Some(id(7, n % 25).to_string()), ..AuditFilter::default() }),
    ("event-type", |n| AuditFilter {
        event_type: pick(n, &["todo.created", "todo.completed", "act.done", "tag.created", "tag.deleted"]),
        ..AuditFilter::default()
    }),
    ("platform", |n| AuditFilter {
        platform: pick(n, &["user", "portal", "moon"]),
        ..AuditFilter::default()
    }),
    ("correlation", |n| AuditFilter { correlation_id: Some(id(3, n).to_string()), ..AuditFilter::default() }),
    ("from", |n| AuditFilter { from: Some(time(n * 4)), ..AuditFilter::default() }),
    ("to", |n| AuditFilter { to: Some(time(n * 4)), ..AuditFilter::default() }),
    ("minute", |n| AuditFilter {
        from: Some(time(n * 4)),
        to: Some(time(n * 4 + 60)),
        ..AuditFilter::default()
    }),
    ("tenant-type-from", |n| AuditFilter {
        tenant: Some(tenant(n)),
        event_type: pick(n, &["todo.completed", "tag.created"]),
        from: Some(time(n * 4)),
        ..AuditFilter::default()
    }),
];

fn tenant(n: usize) -> TenantId {
    TenantId(id(1, n % TENANTS))
}

fn pick(n: usize, all: &[&str]) -> Option<String> {
    all.get(n % all.len()).map(|text| (*text).to_owned())
}

/// So many seconds after the first event.
fn time(seconds: usize) -> Timestamp {
    let begun = 1_767_225_600; // The first of January 2026.
    Timestamp::from_timestamp(begun + i64::try_from(seconds).unwrap_or_default(), 0).unwrap_or_default()
}

async fn searches(audit: &PgAuditLog, report: &mut Report) -> Result<()> {
    let failed = |error| anyhow::anyhow!("{error}");
    for (name, filter) in SEARCHES {
        for window in [Window::First(PAGE, None), Window::Last(PAGE, None)] {
            let taken =
                p99(async |n| audit.page(&filter(n), &window).await.map(drop).map_err(failed)).await?;
            let side = if matches!(window, Window::First(..)) { "first" } else { "last" };
            report.alone(&format!("audit.{name}.{side}"), "ms", taken, Target::AtMost(20.0));
        }
        let counted =
            p99(async |n| audit.count(&filter(n), AUDIT_COUNT_MAX).await.map(drop).map_err(failed)).await?;
        report.alone(&format!("audit.{name}.count"), "ms", counted, Target::None);
    }
    Ok(())
}

async fn lists(audit: &PgAuditLog, past: &PgTodoPast, report: &mut Report) -> Result<()> {
    let failed = |error| anyhow::anyhow!("{error}");
    let request = PageRequest {
        filter: Filter::default(),
        sort: TodoSort::CreatedAt(Direction::Desc),
        window: Window::First(PAGE, None),
    };
    let place = async |n: usize| {
        let located = audit.locate(i64::try_from(1 + n * 4)?).await.map_err(failed)?;
        match located {
            Located::At(cursor) => Ok(cursor),
            Located::BeyondEnd { last } => anyhow::bail!("the log ends at {last}"),
        }
    };
    let any = p99(async |n| {
        let at = place(n).await?;
        past.page(tenant(n), at, &request).await.map(drop).map_err(failed)
    });
    report.alone("audit.as-of", "ms", any.await?, Target::AtMost(100.0));
    let large = p99(async |n| {
        let at = place(n).await?;
        past.page(tenant(0), at, &request).await.map(drop).map_err(failed)
    });
    report.alone("audit.as-of.large", "ms", large.await?, Target::AtMost(100.0));
    let early = p99(async |n| {
        let at = place(n / 1_000).await?;
        past.page(tenant(0), at, &request).await.map(drop).map_err(failed)
    });
    report.alone("audit.as-of.large-early", "ms", early.await?, Target::AtMost(100.0));
    Ok(())
}
