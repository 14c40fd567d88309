//! The log played back: which part of it, however it was asked for.

use application::{
    App, Caller, Failure,
    audit::{
        AuditFilter,
        replay::{
            AuditExportSealed, AuditReplay, AuditTape, BATCH_EVENTS, COUNT_EXACT_MAX, Played, Point,
            REPLAYS_MAX, Replay, ReplayItem, ReplayRefused, View, Wanted,
        },
    },
    ports::{Cursor, Entropy},
};
use chrono::Duration;
use domain::{OperatorId, SessionId, TenantId, Timestamp, operator::OperatorRole};
use futures_util::{StreamExt, pin_mut};
use testkit::{TestDatabase, TestEntropy, given::moment};
use tokio_postgres::Client;

use crate::rig::Node;

/// Events of the log under test, a transaction and some twenty seconds each.
const EVENTS: i64 = 400;
/// How far times run apart from the order, in seconds: within what overlapping transactions may.
const JITTER_SECONDS: i64 = 25;
const APART_SECONDS: i64 = 20;
const RANGES: usize = 200;

fn operator(role: OperatorRole) -> Caller {
    let id = TestEntropy::seeded(77).id();
    Caller::operator(OperatorId(id), SessionId(id), role, moment(1_000_000_000)).in_request("tape")
}

/// An event of a todo that was recorded at a time.
async fn insert(client: &Client, tenant: TenantId, n: i64, at: Timestamp) {
    let sql = "INSERT INTO events (recorded_at, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, \
        metadata) VALUES ($1, 'todo', $2 || '/' || gen_random_uuid(), 1, 'todo.completed', '1', \
        jsonb_build_object('type', 'todo.completed', 'at', $1::timestamptz), jsonb_build_object('n', $3::bigint))";
    client.execute(sql, &[&at, &tenant.to_string(), &n]).await.unwrap();
}

/// The times of the events, in the one order.
async fn history(client: &Client, tenant: TenantId) -> Vec<Timestamp> {
    let mut random = fastrand::Rng::with_seed(5);
    let mut times = Vec::new();
    for n in 0..EVENTS {
        let at = moment(n * APART_SECONDS + random.i64(-JITTER_SECONDS..=JITTER_SECONDS));
        insert(client, tenant, n, at).await;
        times.push(at);
    }
    times
}

async fn begin(app: &App, wanted: Wanted) -> Result<Replay, ReplayRefused> {
    app.ask(&operator(OperatorRole::Support), AuditReplay(wanted), None).await.unwrap()
}

/// The events of a replay that ends.
async fn played(replay: Replay) -> Vec<ReplayItem> {
    let items = replay.items();
    pin_mut!(items);
    let mut all = Vec::new();
    while let Some(item) = items.next().await {
        let item = item.unwrap();
        if item.played.is_some() {
            all.push(item);
        }
    }
    all
}

fn times(items: &[ReplayItem]) -> Vec<Timestamp> {
    let shown = |item: &ReplayItem| match &item.played {
        Some(Played::Shown(event)) => event.recorded_at,
        other => panic!("{other:?}"),
    };
    items.iter().map(shown).collect()
}

fn tenant_of(node: &Node) -> TenantId {
    TenantId(node.entropy.id())
}

fn of(tenant: TenantId) -> AuditFilter {
    AuditFilter { tenant: Some(tenant), ..AuditFilter::default() }
}

#[tokio::test]
async fn any_range_of_times_plays_the_events_that_were_recorded_in_it_in_the_one_order() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let (app, tenant) = (node.app(), tenant_of(&node));
    let recorded = history(&database.owner().await, tenant).await;
    let mut random = fastrand::Rng::with_seed(6);
    let end = EVENTS * APART_SECONDS;
    for _ in 0..RANGES {
        let mut bounds = [random.i64(-100..end + 100), random.i64(-100..end + 100)];
        bounds.sort_unstable();
        let [from, to] = bounds.map(moment);
        let wanted = Wanted { from: Some(Point::Time(from)), to: Some(Point::Time(to)), ..Wanted::default() };
        let wanted = Wanted { filter: of(tenant), ..wanted };
        let expected: Vec<_> = recorded.iter().copied().filter(|at| (from..=to).contains(at)).collect();
        assert_eq!(times(&played(begin(&app, wanted).await.unwrap()).await), expected, "{from} {to}");
    }
}

#[tokio::test]
async fn places_and_times_that_cannot_have_been_are_refused() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let (app, tenant) = (node.app(), tenant_of(&node));
    insert(&database.owner().await, tenant, 1, moment(0)).await;
    let at = |tx, position| Some(Point::At(Cursor { tx, position }));
    let beyond = at(u64::MAX, 1);
    let future = Some(Point::Time(node_time(&node).await + Duration::hours(1)));
    for (from, to, refused) in [
        (beyond, None, ReplayRefused::Beyond("from")),
        (None, beyond, ReplayRefused::Beyond("to")),
        (future, None, ReplayRefused::Beyond("from")),
        (at(5, 2), at(5, 1), ReplayRefused::Swapped),
    ] {
        let wanted = Wanted { from, to, ..Wanted::default() };
        assert_eq!(begin(&app, wanted).await.err(), Some(refused), "{from:?} {to:?}");
    }
}

async fn node_time(node: &Node) -> Timestamp {
    node.tape().end().await.unwrap().now
}

#[tokio::test]
async fn a_time_that_is_still_to_come_ends_it_when_it_comes() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let (app, tenant) = (node.app(), tenant_of(&node));
    let owner = database.owner().await;
    insert(&owner, tenant, 1, moment(0)).await;
    let soon = node_time(&node).await + Duration::milliseconds(700);
    let wanted = Wanted { to: Some(Point::Time(soon)), filter: of(tenant), ..Wanted::default() };
    let replay = begin(&app, wanted).await.unwrap();
    let live = node_time(&node).await;
    insert(&owner, tenant, 2, live).await;
    assert_eq!(times(&played(replay).await), [moment(0), live]);
    assert!(node_time(&node).await >= soon);
}

#[tokio::test]
async fn a_stretch_is_bounded_by_what_is_looked_at_not_by_what_passes() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let (tape, tenant) = (node.tape(), tenant_of(&node));
    let recorded = history(&database.owner().await, tenant).await;
    let view = View::Shown;
    let nobody = of(tenant_of(&node));
    let first = tape.read(&nobody, view, Cursor::default(), None, 100).await.unwrap();
    assert_eq!((first.frames.len(), first.looked_at, first.whole), (0, 100, false));
    assert_eq!(first.last.map(|last| (last.cursor, last.recorded_at)), Some((first.scanned, recorded[99])));
    let rest = tape.read(&nobody, view, first.scanned, None, 1_000).await.unwrap();
    assert_eq!((rest.frames.len(), rest.looked_at, rest.whole), (0, 300, true));

    let sought = AuditFilter { to: Some(recorded[20]), from: Some(recorded[20]), ..of(tenant) };
    let found = tape.read(&sought, view, Cursor::default(), None, 100).await.unwrap();
    let expected = (1..).zip(&recorded[..100]).filter(|(_, at)| **at == recorded[20]).map(|(nth, _)| nth);
    assert_eq!(
        found.frames.iter().map(|frame| frame.nth).collect::<Vec<_>>(),
        expected.collect::<Vec<u64>>()
    );
    let newest = tape.last(Cursor { tx: u64::MAX, position: i64::MAX }).await.unwrap().unwrap();
    assert_eq!(newest.recorded_at, *recorded.last().unwrap());
    assert_eq!(tape.count(first.scanned, newest.cursor, COUNT_EXACT_MAX).await.unwrap(), 300);
    assert_eq!(tape.count(first.scanned, newest.cursor, 7).await.unwrap(), 7);
}

#[tokio::test]
async fn a_time_that_no_calendar_holds_is_told_at_its_event_and_hides_no_other() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let (tape, tenant) = (node.tape(), tenant_of(&node));
    let owner = database.owner().await;
    for n in 0..3 {
        insert(&owner, tenant, n, moment(n)).await;
    }
    let planted = "ALTER TABLE events DISABLE TRIGGER events_no_change; \
        UPDATE events SET recorded_at = 'infinity' WHERE metadata @> '{\"n\": 1}'; \
        ALTER TABLE events ENABLE TRIGGER events_no_change";
    owner.batch_execute(planted).await.unwrap();
    let view = View::Shown;
    let stretch = tape.read(&of(tenant), view, Cursor::default(), None, BATCH_EVENTS).await.unwrap();
    let read: Vec<_> = stretch.frames.iter().map(|frame| frame.played.is_ok()).collect();
    assert_eq!(read, [true, false, true]);
}

#[tokio::test]
async fn nothing_is_looked_at_behind_a_transaction_that_is_open() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let (tape, tenant) = (node.tape(), tenant_of(&node));
    let (open, owner) = (database.owner().await, database.owner().await);
    open.batch_execute("BEGIN").await.unwrap();
    insert(&open, tenant, 1, moment(1)).await;
    insert(&owner, tenant, 2, moment(2)).await;
    let read = async |after| tape.read(&of(tenant), View::Stored, after, None, BATCH_EVENTS).await.unwrap();
    let before = read(Cursor::default()).await;
    assert_eq!((before.frames.len(), before.whole), (0, true));
    assert_eq!(tape.last(Cursor { tx: u64::MAX, position: i64::MAX }).await.unwrap(), None);
    open.batch_execute("COMMIT").await.unwrap();
    let after = read(before.scanned).await;
    let seen: Vec<_> = after.frames.iter().map(|frame| frame.recorded_at).collect();
    assert_eq!(seen, [moment(1), moment(2)]);
}

#[tokio::test]
async fn what_is_stored_is_for_super_admins_and_is_what_is_stored() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let (app, tenant) = (node.app(), tenant_of(&node));
    let owner = database.owner().await;
    insert(&owner, tenant, 1, moment(0)).await;
    owner
        .execute("INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
            VALUES ('none', 'of ours', 1, 'unknown', '9', '[1.50, \"ä\"]', '{}')", &[])
        .await
        .unwrap();
    let wanted = || AuditExportSealed(Wanted::default());
    for role in [OperatorRole::Support, OperatorRole::Operations] {
        let refused = app.ask(&operator(role), wanted(), None).await.err();
        assert!(matches!(refused, Some(Failure::RoleTooLow("SUPER_ADMIN"))), "{role:?}: {refused:?}");
    }
    let replay = app.ask(&operator(OperatorRole::SuperAdmin), wanted(), None).await.unwrap().unwrap();
    let items = played(replay).await;
    let sql = "SELECT payload::text, metadata::text FROM events ORDER BY events.tx_id, events.position";
    let rows = owner.query(sql, &[]).await.unwrap();
    assert!(rows.len() >= 2 && items.len() >= 2);
    for (item, row) in items.iter().zip(&rows) {
        let Some(Played::Stored(event)) = &item.played else { panic!("{item:?}") };
        assert_eq!((event.payload.get(), event.metadata.get()), (row.get(0), row.get(1)));
    }
}

#[tokio::test]
async fn a_process_has_so_many_places_and_gives_them_back() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let app = node.app();
    let mut running = Vec::new();
    for _ in 0..REPLAYS_MAX {
        running.push(begin(&app, Wanted::default()).await.unwrap());
    }
    assert_eq!(begin(&app, Wanted::default()).await.err(), Some(ReplayRefused::TooMany));
    running.pop();
    assert!(begin(&app, Wanted::default()).await.is_ok());
}
