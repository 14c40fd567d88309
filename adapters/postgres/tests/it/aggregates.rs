//! Load, decide, append: over the log in memory and the one in Postgres alike.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use application::{
    Aggregates, COMMAND_ATTEMPTS_MAX, Committed, Failure, Member, Order, SNAPSHOT_EVERY, Terms,
    ports::{AppendError, Appended, Cursor, EventLog, IdempotencyKey, LogError, Receipt, Snapshot, Unit},
};
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::SerializedEvent};
use domain::{
    Claim, StreamId,
    todo::{CreateTodo, Priority, Todo, TodoCommand, TodoError, TodoEvent, TodoText, UpdateTodo},
};
use serde_json::json;
use testkit::{
    MemoryEventLog, TestDatabase, TestEntropy,
    given::{bare, key, moment, signed_in, somebody, todo_stream, todo_text, unit},
    race,
};

use crate::rig::Node;

macro_rules! over_both_logs {
    ($($rule:ident,)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $rule() {
                super::$rule(super::Store::Memory(Default::default())).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $rule() {
                super::$rule(super::Store::Postgres(super::TestDatabase::new().await)).await;
            })*
        }
    };
}

over_both_logs! {
    a_stream_with_a_hole_is_not_loaded,
    an_expected_version_that_is_not_the_current_one_is_a_conflict_with_the_current_one,
    an_expected_version_is_never_tried_twice,
    a_command_that_always_comes_late_is_tried_five_times,
    a_command_that_comes_late_twice_is_carried_out,
    a_refusal_by_a_stale_cache_is_checked,
    nothing_to_do_by_a_stale_cache_is_checked,
    a_version_newer_than_a_stale_cache_is_expected,
    a_version_as_old_as_a_stale_cache_is_a_conflict,
    two_hundred_at_once_make_contiguous_versions,
    a_stream_is_loaded_from_its_snapshot,
    a_snapshot_that_cannot_be_used_is_rebuilt_from_events,
    the_same_key_again_gives_the_first_answer,
    a_text_that_another_todo_has_is_refused,
}

enum Store {
    Memory(Arc<MemoryEventLog>),
    Postgres(TestDatabase),
}

impl Store {
    fn log(&self) -> Arc<dyn EventLog> {
        match self {
            Self::Memory(log) => Arc::clone(log) as _,
            Self::Postgres(database) => Node::on(database).log,
        }
    }

    async fn spoil(&self, stream: &StreamId, spoilt: Option<Snapshot>) {
        match (self, spoilt) {
            (Self::Memory(log), spoilt) => log.spoil_snapshot(Todo::TYPE, stream, spoilt),
            (Self::Postgres(database), None) => {
                let sql = "DELETE FROM snapshots WHERE aggregate_id = $1";
                assert_eq!(database.owner().await.execute(sql, &[&stream.as_str()]).await.unwrap(), 1);
            }
            (Self::Postgres(database), Some(to)) => {
                let sql = "INSERT INTO snapshots (aggregate_type, aggregate_id, last_sequence, schema_version, payload) \
                           VALUES ('todo', $1, $2, $3, $4) ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE SET \
                           last_sequence = $2, schema_version = $3, payload = $4";
                let owner = database.owner().await;
                owner.execute(sql, &[&stream.as_str(), &to.sequence, &to.schema, &to.payload]).await.unwrap();
            }
        }
    }
}

/// A person with one todo, and the commands on it.
struct Desk {
    alice: Member,
    stream: StreamId,
}

impl Desk {
    async fn with_todo(log: &Arc<dyn EventLog>) -> Self {
        let entropy = TestEntropy::seeded(9);
        let alice = somebody(&entropy);
        let stream = todo_stream(alice, &entropy).0;
        let desk = Self { alice, stream };
        desk.order(&Aggregates::new(Arc::clone(log)), desk.create("milk"), None).await.unwrap();
        desk
    }

    fn create(&self, text: &str) -> TodoCommand {
        TodoCommand::Create(CreateTodo {
            tenant: self.alice.tenant,
            owner: self.alice.user,
            text: TodoText::stored(text.to_owned()),
            priority: Priority::Normal,
            due_at: None,
            tags: Vec::new(),
            assignee: None,
        })
    }

    async fn order(
        &self,
        todos: &Aggregates<Todo>,
        intent: TodoCommand,
        expected_version: Option<i64>,
    ) -> Result<Committed<Todo>, Failure<TodoError>> {
        self.keyed(todos, self.stream.clone(), intent, expected_version, None).await
    }

    async fn keyed(
        &self,
        todos: &Aggregates<Todo>,
        stream: StreamId,
        intent: TodoCommand,
        expected_version: Option<i64>,
        key: Option<IdempotencyKey>,
    ) -> Result<Committed<Todo>, Failure<TodoError>> {
        let terms = Terms { idempotency_key: None, expected_version };
        let caller = signed_in(self.alice);
        todos
            .execute(Order {
                stream,
                intent,
                caller: &caller,
                name: "test",
                terms: &terms,
                key,
                at: moment(1),
            })
            .await
    }

    async fn versions(&self, log: &Arc<dyn EventLog>) -> usize {
        let events = log.events(Todo::TYPE, &self.stream, 0).await.unwrap();
        assert!(events.iter().map(|event| event.sequence).eq(1..=events.len()));
        events.len()
    }
}

fn rename(text: &str) -> TodoCommand {
    TodoCommand::Update(UpdateTodo { text: Some(TodoText::stored(text.to_owned())), ..UpdateTodo::default() })
}

fn conflict(outcome: Result<Committed<Todo>, Failure<TodoError>>) -> i64 {
    match outcome {
        Err(Failure::Conflict { current_version }) => current_version,
        other => panic!("no conflict: {other:?}"),
    }
}

async fn a_stream_with_a_hole_is_not_loaded(store: Store) {
    let log = store.log();
    let desk = Desk::with_todo(&log).await;
    log.append(unit([bare::<Todo>(&desk.stream, 2, &[todo_text("after a hole", 1)])])).await.unwrap();

    let outcome = desk.order(&Aggregates::new(log), TodoCommand::Complete, None).await;

    assert!(matches!(outcome, Err(Failure::Internal(_))), "{outcome:?}");
}

async fn an_expected_version_that_is_not_the_current_one_is_a_conflict_with_the_current_one(store: Store) {
    let log = store.log();
    let desk = Desk::with_todo(&log).await;
    let todos = Aggregates::new(Arc::clone(&log));
    desk.order(&todos, rename("bread"), Some(1)).await.unwrap();

    for expected in [1, 3, 0] {
        assert_eq!(conflict(desk.order(&todos, rename("butter"), Some(expected)).await), 2);
    }

    assert_eq!(desk.versions(&log).await, 2);
}

async fn an_expected_version_is_never_tried_twice(store: Store) {
    let log = store.log();
    let desk = Desk::with_todo(&log).await;
    let restless = Restless::before(&log, &desk.stream, u32::MAX);

    let outcome = desk.order(&Aggregates::new(Arc::clone(&restless) as _), rename("bread"), Some(1)).await;

    assert_eq!(conflict(outcome), 2);
    assert_eq!(restless.appends.load(Ordering::SeqCst), 1);
}

async fn a_command_that_always_comes_late_is_tried_five_times(store: Store) {
    let log = store.log();
    let desk = Desk::with_todo(&log).await;
    let restless = Restless::before(&log, &desk.stream, u32::MAX);

    let outcome = desk.order(&Aggregates::new(Arc::clone(&restless) as _), rename("bread"), None).await;

    assert_eq!(COMMAND_ATTEMPTS_MAX, 5);
    assert_eq!(restless.appends.load(Ordering::SeqCst), COMMAND_ATTEMPTS_MAX);
    assert_eq!(conflict(outcome), 6);
}

async fn a_command_that_comes_late_twice_is_carried_out(store: Store) {
    let log = store.log();
    let desk = Desk::with_todo(&log).await;
    let restless = Restless::before(&log, &desk.stream, 2);

    let done = desk.order(&Aggregates::new(Arc::clone(&restless) as _), rename("bread"), None).await.unwrap();

    assert_eq!((done.version, restless.appends.load(Ordering::SeqCst)), (4, 3));
    assert_eq!(done.state.sheet().unwrap().text.as_str(), "bread");
    assert_eq!(log.cursor(Todo::TYPE, &desk.stream, 4).await.unwrap(), done.cursor);
}

async fn a_refusal_by_a_stale_cache_is_checked(store: Store) {
    let log = store.log();
    let desk = Desk::with_todo(&log).await;
    let (here, there) = (Aggregates::new(Arc::clone(&log)), Aggregates::new(Arc::clone(&log)));
    desk.order(&here, TodoCommand::Archive, None).await.unwrap();
    let refused = desk.order(&here, rename("bread"), None).await;
    assert!(matches!(refused, Err(Failure::Rejected(TodoError::Archived))), "{refused:?}");
    desk.order(&there, TodoCommand::Reopen, None).await.unwrap();

    let done = desk.order(&here, rename("bread"), None).await.unwrap();

    assert_eq!(done.version, 4);
}

async fn nothing_to_do_by_a_stale_cache_is_checked(store: Store) {
    let log = store.log();
    let desk = Desk::with_todo(&log).await;
    let (here, there) = (Aggregates::new(Arc::clone(&log)), Aggregates::new(Arc::clone(&log)));
    let first = desk.order(&here, TodoCommand::Complete, None).await.unwrap();
    let nothing = desk.order(&here, TodoCommand::Complete, None).await.unwrap();
    assert_eq!((nothing.version, nothing.cursor), (first.version, first.cursor));
    desk.order(&there, TodoCommand::Reopen, None).await.unwrap();

    let done = desk.order(&here, TodoCommand::Complete, None).await.unwrap();

    assert_eq!(done.version, 4);
    assert!(done.state.sheet().unwrap().completed_at.is_some());
}

async fn a_version_newer_than_a_stale_cache_is_expected(store: Store) {
    let log = store.log();
    let desk = Desk::with_todo(&log).await;
    let (here, there) = (Aggregates::new(Arc::clone(&log)), Aggregates::new(Arc::clone(&log)));
    desk.order(&here, rename("bread"), None).await.unwrap();
    desk.order(&there, rename("butter"), None).await.unwrap();

    let done = desk.order(&here, rename("jam"), Some(3)).await.unwrap();

    assert_eq!(done.version, 4);
}

async fn a_version_as_old_as_a_stale_cache_is_a_conflict(store: Store) {
    let log = store.log();
    let desk = Desk::with_todo(&log).await;
    let (here, there) = (Aggregates::new(Arc::clone(&log)), Aggregates::new(Arc::clone(&log)));
    desk.order(&here, rename("bread"), None).await.unwrap();
    desk.order(&there, rename("butter"), None).await.unwrap();

    assert_eq!(conflict(desk.order(&here, rename("jam"), Some(2)).await), 3);

    assert_eq!(desk.versions(&log).await, 3);
}

async fn two_hundred_at_once_make_contiguous_versions(store: Store) {
    let log = store.log();
    let desk = Arc::new(Desk::with_todo(&log).await);
    // Two processes, each with its own cache.
    let nodes = [Arc::new(Aggregates::new(Arc::clone(&log))), Arc::new(Aggregates::new(store.log()))];

    let outcomes = race(200, |n| {
        let (desk, todos) = (Arc::clone(&desk), Arc::clone(&nodes[n % 2]));
        async move { desk.order(&todos, rename(&format!("text {n}")), None).await }
    })
    .await;

    let mut versions = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(done) => versions.push(done.version),
            Err(Failure::Conflict { current_version }) => assert!(current_version > 1),
            Err(other) => panic!("{other:?}"),
        }
    }
    versions.sort_unstable();
    let stored = i64::try_from(desk.versions(&log).await).unwrap();
    assert!(versions.iter().copied().eq(2..=stored), "{versions:?} of {stored}");
    assert!(versions.len() >= 10, "only {} of 200 went through", versions.len());
}

/// Sixty versions: one snapshot on the way.
async fn long(log: &Arc<dyn EventLog>) -> Desk {
    let desk = Desk::with_todo(log).await;
    let todos = Aggregates::new(Arc::clone(log));
    for n in 2..=60 {
        desk.order(&todos, rename(&format!("text {n}")), None).await.unwrap();
    }
    desk
}

async fn a_stream_is_loaded_from_its_snapshot(store: Store) {
    let log = store.log();
    let desk = long(&log).await;
    let snapshot = log.snapshot(Todo::TYPE, &desk.stream).await.unwrap().unwrap();
    assert_eq!(snapshot.sequence, SNAPSHOT_EVERY);
    let watched = Restless::before(&log, &desk.stream, 0);

    let (version, state) =
        Aggregates::<Todo>::new(Arc::clone(&watched) as _).load(&desk.stream).await.unwrap();

    assert_eq!((version, state.sheet().unwrap().text.as_str()), (60, "text 60"));
    assert_eq!(*watched.read_after.lock().unwrap(), [SNAPSHOT_EVERY]);
}

async fn a_snapshot_that_cannot_be_used_is_rebuilt_from_events(store: Store) {
    let log = store.log();
    let desk = long(&log).await;
    let snapshot = log.snapshot(Todo::TYPE, &desk.stream).await.unwrap().unwrap();
    let wrong = json!({"Deleted": snapshot.payload["Written"]});
    for (version, spoilt) in [
        (61, None),
        (62, Some(Snapshot { payload: json!({"Written": 1}), ..snapshot.clone() })),
        (63, Some(Snapshot { payload: json!("?"), ..snapshot.clone() })),
        (64, Some(Snapshot { schema: 99, payload: wrong.clone(), ..snapshot.clone() })),
        (65, Some(Snapshot { schema: 0, payload: wrong, ..snapshot.clone() })),
    ] {
        let text =
            spoilt.as_ref().map_or_else(|| "none".to_owned(), |it| format!("{} {}", it.schema, it.payload));
        store.spoil(&desk.stream, spoilt).await;
        let todos = Aggregates::new(Arc::clone(&log));

        let done = desk.order(&todos, rename(&format!("text {version}")), None).await.unwrap();

        assert_eq!(done.version, version, "{text}");
        assert_eq!(desk.versions(&log).await, usize::try_from(version).unwrap(), "{text}");
        assert_eq!(done.state.sheet().unwrap().created_at, moment(1), "{text}");
    }
}

async fn the_same_key_again_gives_the_first_answer(store: Store) {
    let log = store.log();
    let desk = Desk::with_todo(&log).await;
    let entropy = TestEntropy::seeded(10);
    let todos = Aggregates::new(Arc::clone(&log));
    let send = async |text: &str, body| {
        let stream = todo_stream(desk.alice, &entropy).0;
        desk.keyed(&todos, stream, desk.create(text), None, Some(key("k", body))).await
    };
    let first = send("bread", 1).await.unwrap();
    assert_eq!(first.state.sheet().unwrap().number, 2);

    let again = send("bread", 1).await.unwrap();
    let other = send("butter", 2).await;

    assert_eq!((again.stream, again.version, again.cursor), (first.stream, first.version, first.cursor));
    assert!(matches!(other, Err(Failure::KeyReused)), "{other:?}");
    assert_eq!(
        log.holder(&Claim::new("todo.active_text", format!("{}/butter", desk.alice.user))).await.unwrap(),
        None
    );
}

async fn a_text_that_another_todo_has_is_refused(store: Store) {
    let log = store.log();
    let desk = Desk::with_todo(&log).await;
    let entropy = TestEntropy::seeded(10);
    let todos = Aggregates::new(Arc::clone(&log));
    let send = async |text: &str| {
        desk.keyed(&todos, todo_stream(desk.alice, &entropy).0, desk.create(text), None, None).await
    };

    let taken = send("milk").await;
    assert!(matches!(taken, Err(Failure::Rejected(TodoError::TextTaken))), "{taken:?}");

    desk.order(&todos, rename("bread"), None).await.unwrap();
    assert_eq!(send("milk").await.unwrap().state.sheet().unwrap().number, 2);
    let taken = send("bread").await;
    assert!(matches!(taken, Err(Failure::Rejected(TodoError::TextTaken))), "{taken:?}");
}

/// A log on which somebody else is quicker, for the first so many appends.
struct Restless {
    inner: Arc<dyn EventLog>,
    stream: StreamId,
    quicker: AtomicU32,
    appends: AtomicU32,
    read_after: Mutex<Vec<i64>>,
}

impl Restless {
    fn before(log: &Arc<dyn EventLog>, stream: &StreamId, quicker: u32) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::clone(log),
            stream: stream.clone(),
            quicker: quicker.into(),
            appends: AtomicU32::new(0),
            read_after: Mutex::default(),
        })
    }
}

#[async_trait]
impl EventLog for Restless {
    async fn append(&self, unit: Unit) -> Result<Appended, AppendError> {
        self.appends.fetch_add(1, Ordering::SeqCst);
        let left = self.quicker.load(Ordering::SeqCst);
        if left > 0 {
            self.quicker.store(left - 1, Ordering::SeqCst);
            let seen = self.inner.events(Todo::TYPE, &self.stream, 0).await?.len();
            let event = TodoEvent::Prioritised { priority: Priority::High, at: moment(2) };
            let other = bare::<Todo>(&self.stream, i64::try_from(seen).unwrap(), &[event]);
            self.inner.append(testkit::given::unit([other])).await?;
        }
        self.inner.append(unit).await
    }

    async fn receipt(&self, key: &IdempotencyKey) -> Result<Option<Receipt>, LogError> {
        self.inner.receipt(key).await
    }

    async fn snapshot(&self, aggregate_type: &str, stream: &StreamId) -> Result<Option<Snapshot>, LogError> {
        self.inner.snapshot(aggregate_type, stream).await
    }

    async fn events(
        &self,
        aggregate_type: &'static str,
        stream: &StreamId,
        sequence: i64,
    ) -> Result<Vec<SerializedEvent>, LogError> {
        self.read_after.lock().unwrap().push(sequence);
        self.inner.events(aggregate_type, stream, sequence).await
    }

    async fn cursor(
        &self,
        aggregate_type: &str,
        stream: &StreamId,
        sequence: i64,
    ) -> Result<Cursor, LogError> {
        self.inner.cursor(aggregate_type, stream, sequence).await
    }

    async fn holder(&self, claim: &Claim) -> Result<Option<StreamId>, LogError> {
        self.inner.holder(claim).await
    }
}
