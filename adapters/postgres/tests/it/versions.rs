//! Lists of todos as they were, at every place of a random log, against a clean rebuild up to there:
//! the same projection, from nothing, one event at a time.

use adapter_postgres::{
    PgTodoPast, TodoListProjection, TodoVersionsProjection,
    consumers::Projection,
    log::{Recorded, Tail},
};
use application::{
    Direction, Filter, Keyset, Page, PageRequest, Test, Window,
    audit::END,
    ports::{Cursor, Entropy},
    todo::{TodoField, TodoFilter, TodoList, TodoPast, TodoScope, TodoSort, TodoStatus},
};
use domain::{
    StreamId, TagId, TenantId, UserId,
    todo::{Priority, Todo, TodoEvent, TodoText},
};
use fastrand::Rng;
use testkit::{
    TestDatabase,
    given::{bare, moment},
};
use uuid::Uuid;

use crate::rig::Node;

/// The places at which lists are compared: all of the log's, at least.
pub(crate) const PLACES_MIN: usize = 1_000;
pub(crate) const TENANTS: [TenantId; 2] = [TenantId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2))];
const OWNERS: [UserId; 2] = [UserId(Uuid::from_u128(11)), UserId(Uuid::from_u128(12))];
pub(crate) const WORDS: [&str; 5] = ["milk", "oat milk", "Bread", "50% off", "éclair"];

pub(crate) fn one<T: Clone>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(..all.len())].clone()
}

/// Every event of these types, in order.
pub(crate) async fn log_of(node: &Node, types: &[&'static str]) -> Vec<Recorded> {
    let (tail, client) = (Tail::of(types), node.client().await);
    let mut all: Vec<Recorded> = Vec::new();
    loop {
        let after = all.last().map(|event| event.cursor).unwrap_or_default();
        let batch = tail.read(&client, after, 500).await.unwrap();
        if batch.events.is_empty() {
            return all;
        }
        all.extend(batch.events);
    }
}

/// The rebuild, one event further.
pub(crate) async fn step(node: &Node, projections: &[&dyn Projection], event: &Recorded) {
    let mut client = node.client().await;
    let tx = client.transaction().await.unwrap();
    for projection in projections.iter().filter(|it| it.reads().contains(&event.aggregate_type.as_str())) {
        projection.write(&tx, std::slice::from_ref(event)).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// A window, now and then behind a row of the list.
pub(crate) fn window<T>(rng: &mut Rng, list: &Page<T>) -> Window<Keyset> {
    let keys: Vec<Keyset> = list.edges.iter().map(|edge| edge.key.clone()).collect();
    let place = (!keys.is_empty() && rng.bool()).then(|| one(rng, &keys));
    let size = rng.usize(1..30);
    if rng.u8(..3) > 0 { Window::First(size, place) } else { Window::Last(size, place) }
}

fn todo_event(rng: &mut Rng, tenant: TenantId, sequence: i64, number: i64, at: i64) -> TodoEvent {
    let (text, at) = (TodoText::stored(one(rng, &WORDS).to_owned()), moment(at));
    let tag = TagId(Uuid::from_u128(rng.u128(30..33)));
    match (sequence, rng.u8(..12)) {
        (1, _) => TodoEvent::Created {
            tenant,
            owner: one(rng, &OWNERS),
            number,
            text,
            priority: one(rng, &[Priority::Low, Priority::High]),
            due_at: rng.bool().then_some(at),
            tags: Vec::new(),
            assignee: rng.bool().then(|| one(rng, &OWNERS)),
            at,
        },
        (_, 0..3) => TodoEvent::TextChanged { text, at },
        (_, 3) => TodoEvent::Prioritised { priority: Priority::Urgent, at },
        (_, 4) => TodoEvent::Rescheduled { due_at: None, at },
        (_, 5) => TodoEvent::Tagged { tag, at },
        (_, 6) => TodoEvent::Untagged { tag, at },
        (_, 7..9) => TodoEvent::Completed { at },
        (_, 9) => TodoEvent::Reopened { at },
        (_, 10) => TodoEvent::Archived { at },
        _ => TodoEvent::Deleted { at },
    }
}

/// Todos of two tenants and what happens to them, several of them in one transaction now and then.
async fn todos(node: &Node, rng: &mut Rng) {
    let mut streams: Vec<(TenantId, StreamId, i64, bool)> = Vec::new();
    let mut written = 0;
    while written < PLACES_MIN + 200 {
        let mut appends = Vec::new();
        let mut used = Vec::new();
        for _ in 0..rng.usize(1..4) {
            if streams.is_empty() || rng.u8(..4) == 0 {
                let tenant = one(rng, &TENANTS);
                streams.push((tenant, StreamId::within(tenant, node.entropy.id()), 0, false));
            }
            let n = rng.usize(..streams.len());
            let (tenant, stream, sequence, gone) = &mut streams[n];
            if *gone || used.contains(&n) {
                continue;
            }
            used.push(n);
            // Times of commands do not rise with the log quite.
            let at = i64::try_from(written).unwrap() + rng.i64(-5..5);
            let event = todo_event(rng, *tenant, *sequence + 1, at, at);
            *gone = matches!(event, TodoEvent::Deleted { .. });
            appends.push(bare::<Todo>(stream, *sequence, &[event]));
            *sequence += 1;
        }
        written += appends.len();
        if !appends.is_empty() {
            node.append(appends).await;
        }
    }
}

fn todo_filter(rng: &mut Rng) -> TodoFilter {
    let fields = [
        TodoField::Owner(Test::Eq(one(rng, &OWNERS))),
        TodoField::Text(Test::Like(one(rng, &["%milk%", "B%", "%\\%%", "nothing"]).to_owned())),
        TodoField::Status(Test::Eq(one(rng, &[TodoStatus::Active, TodoStatus::Archived]))),
        TodoField::Done(Test::Eq(rng.bool())),
    ];
    Filter::All(fields.into_iter().filter(|_| rng.u8(..3) == 0).map(Filter::Field).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn todos_as_of_any_place_are_those_of_a_clean_rebuild_up_to_there() {
    let mut rng = Rng::with_seed(0x70d0);
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    todos(&node, &mut rng).await;
    let versions = node.run(TodoVersionsProjection::default());
    node.caught_up("todo_versions.v1", &["todo"]).await;
    versions.stop().await;
    let events = log_of(&node, &["todo"]).await;
    assert!(events.len() >= PLACES_MIN);

    let (list, past) = (node.todo_list(), PgTodoPast::new(node.pools.readers.clone()));
    let rebuilt = TodoListProjection::default();
    let (mut compared, mut shown, mut deleted) = (0, 0, 0);
    for event in &events {
        step(&node, &[&rebuilt], event).await;
        deleted += usize::from(event.event_type == "todo.deleted");
        let tenant = one(&mut rng, &TENANTS);
        let sort = TodoSort::CreatedAt(Direction::Desc);
        let whole = PageRequest { filter: Filter::default(), sort, window: Window::First(100, None) };
        let whole = list.page(TodoScope::Tenant(tenant), &whole).await.unwrap();
        let request = PageRequest { filter: todo_filter(&mut rng), sort, window: window(&mut rng, &whole) };
        let expected = list.page(TodoScope::Tenant(tenant), &request).await.unwrap();
        let found = past.page(tenant, event.cursor, &request).await.unwrap();
        assert_eq!(found, expected, "{request:?} at {:?}", event.cursor);
        let counts = tokio::try_join!(
            list.count(TodoScope::Tenant(tenant), &request.filter),
            past.count(tenant, event.cursor, &request.filter)
        );
        let (expected, found) = counts.unwrap();
        assert_eq!(found, expected, "{request:?} at {:?}", event.cursor);
        compared += 1;
        shown += usize::from(expected > 0);
    }
    assert!(compared >= PLACES_MIN && shown > compared / 3 && deleted > 10, "{compared} {shown} {deleted}");
    let all = PageRequest {
        filter: Filter::default(),
        sort: TodoSort::CreatedAt(Direction::Desc),
        window: Window::First(100, None),
    };
    let now = list.page(TodoScope::Tenant(TENANTS[0]), &all).await.unwrap();
    assert_eq!(past.page(TENANTS[0], END, &all).await.unwrap(), now, "the future is now");
    let nothing = past.page(TENANTS[0], Cursor::default(), &all).await.unwrap();
    assert!(nothing.edges.is_empty(), "before the first event there is nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_that_are_written_twice_are_there_once() {
    let mut rng = Rng::with_seed(0x2b1c);
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    todos(&node, &mut rng).await;
    let client = node.client().await;
    let sql = "SELECT count(*), count(*) FILTER (WHERE deleted), md5(string_agg(v::text, '|' ORDER BY tx_id, position)) \
               FROM todo_versions AS v";
    let told = async || {
        let row = client.query_one(sql, &[]).await.unwrap();
        (row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, Option<String>>(2))
    };
    let mut before = None;
    for kept in ["none", "all", "half"] {
        let reset =
            "UPDATE projection_checkpoints SET tx_id = '0', position = 0 WHERE name = 'todo_versions.v1'";
        client.execute(reset, &[]).await.unwrap();
        if kept == "half" {
            let half = "DELETE FROM todo_versions AS v USING (SELECT id, max(version) AS last FROM todo_versions \
                GROUP BY id) AS n WHERE n.id = v.id AND n.last = v.version AND v.version > 1";
            client.execute(half, &[]).await.unwrap();
        }
        let running = node.run(TodoVersionsProjection::default());
        node.caught_up("todo_versions.v1", &["todo"]).await;
        running.stop().await;
        let now = told().await;
        assert_eq!(*before.get_or_insert_with(|| now.clone()), now, "with {kept} of them there");
    }
}
