//! The search of auditors against a look at every event, over clocks that go wrong.

use adapter_postgres::{AuditListProjection, PgAuditLog};
use application::{
    Window,
    audit::{AuditEvent, AuditFilter, AuditLog, Located},
    ports::Cursor,
};
use chrono::TimeDelta;
use domain::{TenantId, Timestamp};
use fastrand::Rng;
use testkit::{TestDatabase, given::moment};
use uuid::Uuid;

use crate::rig::Node;

const NAME: &str = "audit_list.v1";
const EVENTS: usize = 3_000;
const QUESTIONS: usize = 400;
const TYPES: [(&str, &str); 5] = [
    ("todo", "todo.created"),
    ("todo", "todo.completed"),
    ("tag", "tag.created"),
    ("tenant", "tenant.renamed"),
    // Of a release that nobody here knows.
    ("widget", "widget.turned"),
];

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// Writes events of few tenants, things, people and requests, in transactions of a few, some of which
/// are given up; the clock jitters, and once is put back by an hour.
pub(crate) async fn seed(database: &TestDatabase, rng: &mut Rng) {
    let mut owner = database.owner().await;
    let mut sequences = std::collections::HashMap::<String, i64>::new();
    let mut written = 0;
    while written < EVENTS {
        let tx = owner.transaction().await.unwrap();
        let given_up = rng.u8(..20) == 0;
        let mut seen = sequences.clone();
        for _ in 0..rng.usize(1..40) {
            let (aggregate_type, event_type) = TYPES[rng.usize(..TYPES.len())];
            let (tenant, thing) = (id(rng.u128(1..4)), id(rng.u128(10..60)));
            let stream =
                if aggregate_type == "tenant" { tenant.to_string() } else { format!("{tenant}/{thing}") };
            let sequence = seen.entry(format!("{aggregate_type} {stream}")).or_default();
            *sequence += 1;
            let actor = [String::new(), id(100).to_string(), id(101).to_string()][rng.usize(..3)].clone();
            let (platform, request) = (["user", "portal"][rng.usize(..2)], format!("r{}", rng.u8(..30)));
            let metadata = serde_json::json!({"actor_kind": "user", "actor_id": actor, "command": "test",
                "platform": platform, "correlation_id": request, "causation_id": ""});
            let back = if written > EVENTS / 2 { TimeDelta::hours(1) } else { TimeDelta::zero() };
            let clock =
                TimeDelta::milliseconds(i64::try_from(written).unwrap() * 100 + rng.i64(-3_000..3_000));
            let recorded_at = moment(0) + clock - back;
            let sql = "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, \
                payload, metadata, recorded_at) VALUES ($1, $2, $3, $4, '1', '{}', $5, $6)";
            tx.execute(sql, &[&aggregate_type, &stream, &*sequence, &event_type, &metadata, &recorded_at])
                .await
                .unwrap();
            written += usize::from(!given_up);
        }
        if given_up {
            tx.rollback().await.unwrap();
        } else {
            tx.commit().await.unwrap();
            sequences = seen;
        }
    }
}

fn pick<T>(rng: &mut Rng, chance: u8, value: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    (rng.u8(..100) < chance).then(|| value(rng))
}

fn filter(rng: &mut Rng, all: &[AuditEvent]) -> AuditFilter {
    let time = |rng: &mut Rng| {
        let at = all[rng.usize(..all.len())].recorded_at;
        at + TimeDelta::milliseconds(rng.i64(-5..5))
    };
    let (mut from, mut to) = (pick(rng, 25, time), pick(rng, 25, time));
    if from > to && to.is_some() {
        (from, to) = (to, from);
    }
    AuditFilter {
        tenant: pick(rng, 30, |rng| TenantId(id(rng.u128(1..5)))),
        aggregate_type: pick(rng, 20, |rng| TYPES[rng.usize(..5)].0.to_owned()),
        aggregate_id: pick(rng, 15, |rng| [id(1), id(12), id(13), id(99)][rng.usize(..4)].to_string()),
        actor_id: pick(rng, 20, |rng| {
            ["nobody", &id(100).to_string(), &id(101).to_string()][rng.usize(..3)].into()
        }),
        event_type: pick(rng, 20, |rng| TYPES[rng.usize(..5)].1.to_owned()),
        platform: pick(rng, 20, |rng| ["user", "portal", "moon"][rng.usize(..3)].to_owned()),
        correlation_id: pick(rng, 20, |rng| format!("r{}", rng.u8(..32))),
        from,
        to,
    }
}

fn passes(filter: &AuditFilter, event: &AuditEvent) -> bool {
    let equal = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
    filter.tenant.is_none_or(|tenant| event.tenant == Some(tenant))
        && equal(&filter.aggregate_type, &event.aggregate_type)
        && equal(&filter.aggregate_id, &event.aggregate_id)
        && (filter.actor_id.is_none() || filter.actor_id == event.actor_id)
        && equal(&filter.event_type, &event.event_type)
        && equal(&filter.platform, &event.platform)
        && equal(&filter.correlation_id, &event.correlation_id)
        && filter.from.is_none_or(|from| event.recorded_at >= from)
        && filter.to.is_none_or(|to| event.recorded_at <= to)
}

/// Every event, read page by page without a filter: straight from the log.
async fn everything(audit: &PgAuditLog) -> Vec<AuditEvent> {
    let mut all: Vec<AuditEvent> = Vec::new();
    loop {
        let after = all.last().map(|event| event.cursor);
        let page = audit.page(&AuditFilter::default(), &Window::First(1_000, after)).await.unwrap();
        all.extend(page.edges.into_iter().map(|edge| edge.node));
        if !page.has_next {
            return all;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_filters_and_pages_find_what_a_look_at_every_event_finds() {
    let mut rng = Rng::with_seed(0x5eed);
    let database = TestDatabase::new().await;
    seed(&database, &mut rng).await;
    let node = Node::on(&database);
    let running = node.run(AuditListProjection);
    node.caught_up(NAME, &["todo", "tag", "tenant", "widget"]).await;
    running.stop().await;
    let audit = PgAuditLog::new(node.pools.pool.clone());
    let all = everything(&audit).await;
    let stored: i64 = node.client().await.query_one("SELECT count(*) FROM events", &[]).await.unwrap().get(0);
    assert_eq!(all.len(), usize::try_from(stored).unwrap());
    assert!(all.is_sorted_by_key(|event| event.cursor));
    assert!(!all.is_sorted_by_key(|event| event.recorded_at), "the clock went wrong");

    let mut hits = 0;
    for _ in 0..QUESTIONS {
        let filter = filter(&mut rng, &all);
        let passing: Vec<Cursor> =
            all.iter().filter(|event| passes(&filter, event)).map(|event| event.cursor).collect();
        hits += usize::from(!passing.is_empty());
        let place = pick(&mut rng, 50, |rng| all[rng.usize(..all.len())].cursor);
        let size = rng.usize(1..50);
        let (window, expected): (_, Vec<Cursor>) = if rng.bool() {
            let behind = passing.iter().filter(|cursor| place.is_none_or(|place| **cursor > place));
            (Window::First(size, place), behind.take(size).copied().collect())
        } else {
            let before: Vec<Cursor> =
                passing.iter().filter(|cursor| place.is_none_or(|place| **cursor < place)).copied().collect();
            let skipped = before.len().saturating_sub(size);
            (Window::Last(size, place), before[skipped..].to_vec())
        };
        let page = audit.page(&filter, &window).await.unwrap();
        let found: Vec<Cursor> = page.edges.iter().map(|edge| edge.key).collect();
        assert_eq!(found, expected, "{filter:?} {window:?}");
        let most = rng.i64(1..2_000);
        let counted = audit.count(&filter, most).await.unwrap();
        assert_eq!(counted, most.min(i64::try_from(passing.len()).unwrap()), "{filter:?}");
    }
    assert!(hits > QUESTIONS / 5, "the questions are worth asking: {hits}");
}

#[tokio::test(flavor = "multi_thread")]
async fn times_and_positions_lead_to_the_same_places_as_a_look_at_every_event() {
    let mut rng = Rng::with_seed(0xfa11);
    let database = TestDatabase::new().await;
    seed(&database, &mut rng).await;
    let node = Node::on(&database);
    let running = node.run(AuditListProjection);
    node.caught_up(NAME, &["todo", "tag", "tenant", "widget"]).await;
    running.stop().await;
    let audit = PgAuditLog::new(node.pools.pool.clone());
    let all = everything(&audit).await;
    let last_at = |time: Timestamp| {
        all.iter().rfind(|event| event.recorded_at <= time).map(|event| event.cursor).unwrap_or_default()
    };
    for _ in 0..QUESTIONS {
        let time = all[rng.usize(..all.len())].recorded_at + TimeDelta::milliseconds(rng.i64(-200..200));
        assert_eq!(audit.place_at(time).await.unwrap(), last_at(time), "{time}");
    }
    assert_eq!(audit.place_at(moment(-100_000)).await.unwrap(), Cursor::default(), "before the first event");
    let highest = all.iter().map(|event| event.cursor.position).max().unwrap();
    let mut gaps = 0;
    for position in (1..highest).step_by(7) {
        let at = all.iter().map(|event| event.cursor).filter(|it| it.position <= position);
        let expected = at.max_by_key(|it| it.position).unwrap_or_default();
        gaps += usize::from(expected.position != position);
        assert_eq!(audit.locate(position).await.unwrap(), Located::At(expected), "{position}");
    }
    assert!(gaps > 0, "transactions that were given up have left gaps");
    let beyond = audit.locate(highest + 1).await.unwrap();
    assert_eq!(beyond, Located::BeyondEnd { last: highest });
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_read_twice_are_listed_once() {
    const TABLES: &str = "SELECT (SELECT count(*) FROM audit_list), (SELECT count(*) FROM audit_streams), \
        (SELECT count(*) FROM audit_kinds), (SELECT sum(events) FROM audit_spans), (SELECT count(*) FROM events)";
    let mut rng = Rng::with_seed(1);
    let database = TestDatabase::new().await;
    seed(&database, &mut rng).await;
    let node = Node::on(&database);
    let client = node.client().await;
    let counts = async || {
        let row = client.query_one(TABLES, &[]).await.unwrap();
        [0, 1, 2, 3, 4].map(|n| row.get::<_, i64>(n))
    };
    let mut before = None;
    for reading in ["first", "second"] {
        let sql = "UPDATE projection_checkpoints SET tx_id = '0', position = 0 WHERE name = $1";
        client.execute(sql, &[&NAME]).await.unwrap();
        let running = node.run(AuditListProjection);
        node.caught_up(NAME, &["todo", "tag", "tenant", "widget"]).await;
        running.stop().await;
        let now = counts().await;
        assert_eq!(
            (now[0], now[3]),
            (now[4], now[4]),
            "every event is listed and spanned at the {reading} reading"
        );
        assert_eq!(*before.get_or_insert(now), now);
    }
}
