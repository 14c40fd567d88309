//! postgres-es as it is, on our tables: what it writes we read, what we write it reads.

use std::{collections::HashMap, sync::Arc};

use adapter_postgres::{PgEventLog, log::Tail};
use application::{
    Aggregates,
    ports::{
        Append, AppendError, Appended, Cursor, EventLog, IdempotencyKey, LogError, Receipt, Snapshot, Unit,
    },
};
use async_trait::async_trait;
use cqrs_es::{
    Aggregate, AggregateError, EventStore,
    persist::{PersistedEventRepository, PersistedEventStore, PersistenceError, SerializedEvent},
};
use domain::{
    Claim, Root, StreamId,
    tag::{Colour, Tag, TagEvent},
    todo::{Todo, TodoEvent},
    upcasters,
};
use postgres_es::PostgresEventRepository;
use serde_json::json;
use testkit::{
    TestDatabase, TestEntropy,
    given::{
        append, somebody, tag_created, tag_id, todo_completed, todo_created, todo_stream, todo_text, unit,
    },
};

use crate::rig::Node;

mod writes {
    use super::*;

    async fn postgres_es() -> (Arc<dyn EventLog>, TestDatabase) {
        let database = TestDatabase::new().await;
        let node = Node::on(&database);
        let writer = PostgresEventRepository::new(node.pools.loads.clone());
        (Arc::new(Theirs { writer, reader: node.log }), database)
    }
    testkit::event_log_contract!(@streams postgres_es());
}

#[tokio::test]
async fn the_tail_reads_what_postgres_es_writes() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let entropy = TestEntropy::seeded(1);
    let alice = somebody(&entropy);
    let (stream, _) = todo_stream(alice, &entropy);
    let store = event_store::<Todo>(&node);
    let history = vec![todo_created(alice, "milk"), todo_completed(1)];

    let context = store.load_aggregate(stream.as_str()).await.unwrap();
    store.commit(history.clone(), context, metadata()).await.unwrap();

    let tail = Tail::of(&[Todo::TYPE]);
    let batch = tail.read(&node.client().await, Cursor::default(), 10).await.unwrap();
    let read: Vec<TodoEvent> = batch.events.iter().map(|event| event.event(&tail.steps).unwrap()).collect();
    assert_eq!(read, history);
    assert_eq!(batch.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn postgres_es_goes_on_where_we_stopped_and_we_where_it_stopped() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let entropy = TestEntropy::seeded(2);
    let alice = somebody(&entropy);
    let (stream, _) = todo_stream(alice, &entropy);
    let mut history = vec![todo_created(alice, "milk"), todo_text("bread", 1)];
    node.append([append::<Todo>(&stream, &[], &history)]).await;
    let store = event_store::<Todo>(&node);

    let context = store.load_aggregate(stream.as_str()).await.unwrap();
    assert_eq!(context.current_sequence, 2);
    let stale = store.load_aggregate(stream.as_str()).await.unwrap();
    store.commit(vec![todo_completed(2)], context, metadata()).await.unwrap();
    history.push(todo_completed(2));
    let refused = store.commit(vec![todo_completed(2)], stale, metadata()).await.unwrap_err();
    assert!(matches!(refused, AggregateError::AggregateConflict), "{refused:?}");
    let ours = node.log.append(unit([append::<Todo>(&stream, &history[..2], &[todo_completed(3)])])).await;
    assert!(matches!(ours, Err(AppendError::Conflict)), "{ours:?}");
    node.append([append::<Todo>(
        &stream,
        &history,
        &[TodoEvent::Archived { at: testkit::given::moment(3) }],
    )])
    .await;

    let theirs = store.load_aggregate(stream.as_str()).await.unwrap();
    let (version, ours) = Aggregates::<Todo>::new(Arc::clone(&node.log) as _).load(&stream).await.unwrap();
    assert_eq!((theirs.current_sequence, version), (4, 4));
    assert_eq!(theirs.aggregate, *ours);
    assert!(ours.sheet().unwrap().archived && ours.sheet().unwrap().number == 1);
}

#[tokio::test]
async fn an_old_shape_is_read_as_todays_by_every_reader() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let entropy = TestEntropy::seeded(3);
    let alice = somebody(&entropy);
    let id = tag_id(&entropy);
    let stream = StreamId::within(alice.tenant, id.0);
    let old = json!({
        "type": "tag.created", "tenant": alice.tenant, "name": "home", "slug": "home", "at": "2023-11-14T22:13:20Z",
    });
    let sql = "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
               VALUES ('tag', $1, 1, 'tag.created', '1', $2, '{}')";
    node.client().await.execute(sql, &[&stream.as_str(), &old]).await.unwrap();
    let expected = tag_created(alice.tenant, "home");

    let mut state = Tag::default();
    state.evolve(expected.clone());
    assert_eq!(state.label().unwrap().colour, Colour::default());
    let (_, ours) = Aggregates::<Tag>::new(Arc::clone(&node.log) as _).load(&stream).await.unwrap();
    assert_eq!(*ours, state);
    let theirs = event_store::<Tag>(&node).load_aggregate(stream.as_str()).await.unwrap();
    assert_eq!(theirs.aggregate, state);
    let tail = Tail::of(&[Tag::TYPE]);
    let batch = tail.read(&node.client().await, Cursor::default(), 10).await.unwrap();
    assert_eq!(batch.events[0].event::<TagEvent>(&tail.steps).unwrap(), expected);
}

fn event_store<A: Aggregate>(node: &Node) -> PersistedEventStore<PostgresEventRepository, A> {
    let repository = PostgresEventRepository::new(node.pools.loads.clone());
    PersistedEventStore::new_event_store(repository).with_upcasters(upcasters())
}

fn metadata() -> HashMap<String, String> {
    HashMap::from([("correlation_id".to_owned(), "test".to_owned())])
}

/// The log whose writer is postgres-es's own repository; it knows neither keys nor claims.
struct Theirs {
    writer: PostgresEventRepository,
    reader: Arc<PgEventLog>,
}

impl Theirs {
    async fn persist(&self, append: &Append, events: &[SerializedEvent]) -> Result<(), PersistenceError> {
        match append.aggregate_type {
            Todo::TYPE => self.writer.persist::<Todo>(events, None).await,
            Tag::TYPE => self.writer.persist::<Tag>(events, None).await,
            other => panic!("no rule writes a {other}"),
        }
    }
}

#[async_trait]
impl EventLog for Theirs {
    async fn append(&self, unit: Unit) -> Result<Appended, AppendError> {
        let [append] = unit.appends.as_slice() else { panic!("postgres-es writes one stream at a time") };
        let serialised = (append.seen + 1..).zip(&append.events).map(|(sequence, event)| SerializedEvent {
            aggregate_id: append.stream.as_str().to_owned(),
            sequence: usize::try_from(sequence).unwrap(),
            aggregate_type: append.aggregate_type.to_owned(),
            event_type: event.event_type.clone(),
            event_version: event.event_version.clone(),
            payload: serde_json::from_str(event.payload.get()).unwrap(),
            metadata: serde_json::from_str(unit.metadata.get()).unwrap(),
        });
        let serialised: Vec<SerializedEvent> = serialised.collect();
        self.persist(append, &serialised).await.map_err(|error| match error {
            PersistenceError::OptimisticLockError => AppendError::Conflict,
            other => AppendError::Log(LogError::Broken(other.to_string().into())),
        })?;
        let last = append.seen + i64::try_from(append.events.len()).unwrap();
        let cursor = self.reader.cursor(append.aggregate_type, &append.stream, last).await?;
        Ok(Appended { cursor, numbers: vec![None] })
    }

    async fn receipt(&self, key: &IdempotencyKey) -> Result<Option<Receipt>, LogError> {
        self.reader.receipt(key).await
    }

    async fn snapshot(&self, aggregate_type: &str, stream: &StreamId) -> Result<Option<Snapshot>, LogError> {
        self.reader.snapshot(aggregate_type, stream).await
    }

    async fn events(
        &self,
        aggregate_type: &'static str,
        stream: &StreamId,
        sequence: i64,
    ) -> Result<Vec<SerializedEvent>, LogError> {
        self.reader.events(aggregate_type, stream, sequence).await
    }

    async fn cursor(
        &self,
        aggregate_type: &str,
        stream: &StreamId,
        sequence: i64,
    ) -> Result<Cursor, LogError> {
        self.reader.cursor(aggregate_type, stream, sequence).await
    }

    async fn holder(&self, claim: &Claim) -> Result<Option<StreamId>, LogError> {
        self.reader.holder(claim).await
    }
}
