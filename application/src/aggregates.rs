//! Load, decide, append: how a command changes one stream.

use std::{sync::Arc, time::Duration};

use cqrs_es::{DomainEvent, event_sink::EventSink, persist::EventUpcaster};
use domain::{Issued, Root, StreamId, upcast, upcasters};
use quick_cache::{UnitWeighter, sync::Cache};
use serde_json::value::to_raw_value;

use crate::{
    Failure,
    order::{Committed, Order, metadata},
    ports::{
        Append, AppendError, Cursor, EventLog, LogError, NewEvent, NewSnapshot, Receipt, Unit, Visibility,
    },
};

/// How often a command is decided anew when others change the same stream.
pub const COMMAND_ATTEMPTS_MAX: u32 = 5;
/// A snapshot is written when a stream's sequence passes a multiple of this.
pub const SNAPSHOT_EVERY: i64 = 50;
/// States kept in memory, each aggregate type for itself.
const CACHED_STATES_MAX: u64 = 10_000;
/// Room made for them at the start.
const CACHED_STATES_FIRST: usize = 256;
/// The longest pause before the second attempt; it doubles with each one.
const PAUSE_FIRST: Duration = Duration::from_millis(5);

/// Waits before decision number `attempt + 1`: others who wait do so for another time.
pub(crate) async fn pause(attempt: u32) {
    let longest = PAUSE_FIRST * 2_u32.pow(attempt.saturating_sub(1).min(COMMAND_ATTEMPTS_MAX));
    tokio::time::sleep(longest.mul_f32(fastrand::f32())).await;
}

/// Streams of one aggregate type.
pub struct Aggregates<A: Root> {
    log: Arc<dyn EventLog>,
    cache: Cache<StreamId, (i64, Arc<A>)>,
    steps: Vec<Box<dyn EventUpcaster>>,
}

/// A decision that was not stored yet.
pub(crate) struct Decision<A: Root> {
    pub(crate) append: Append,
    events: Vec<A::Event>,
    before: Arc<A>,
}

impl<A: Root> Decision<A> {
    /// The state it was decided on.
    pub(crate) fn before(&self) -> &A {
        &self.before
    }

    /// The state it leads to.
    pub(crate) fn after(&self) -> A {
        let mut state = (*self.before).clone();
        self.events.iter().cloned().for_each(|event| state.evolve(event));
        state
    }
}

impl<A: Root> Aggregates<A>
where
    A: cqrs_es::Aggregate<Command = Issued<<A as Root>::Intent>, Error = <A as Root>::Refusal>,
    <A as Root>::Intent: Clone,
{
    /// The streams of `A` in `log`.
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        Self {
            log,
            cache: Cache::with_weighter(CACHED_STATES_FIRST, CACHED_STATES_MAX, UnitWeighter),
            steps: upcasters(),
        }
    }

    /// Carries out an order: at most [`COMMAND_ATTEMPTS_MAX`] decisions, only one when the client
    /// named the version it expects.
    pub async fn execute(&self, order: Order<'_, A>) -> Result<Committed<A>, Failure<A::Refusal>> {
        self.run(order, false).await
    }

    /// Carries out an order on a stream that was just named: there is no history to load.
    pub async fn execute_fresh(&self, order: Order<'_, A>) -> Result<Committed<A>, Failure<A::Refusal>> {
        self.run(order, true).await
    }

    async fn run(&self, order: Order<'_, A>, fresh: bool) -> Result<Committed<A>, Failure<A::Refusal>> {
        if let Some(key) = &order.key
            && let Some(receipt) = self.log.receipt(key).await.map_err(broken)?
        {
            return self.as_received(receipt).await;
        }
        let mut attempt = 1;
        loop {
            let done = self.attempt(&order, fresh).await;
            let again =
                matches!(done, Err(Failure::Conflict { .. })) && order.terms.expected_version.is_none();
            if !again || attempt == COMMAND_ATTEMPTS_MAX {
                return done;
            }
            pause(attempt).await;
            attempt += 1;
        }
    }

    /// The state of a stream and its version; version 0 when nothing happened yet.
    pub async fn load(&self, stream: &StreamId) -> Result<(i64, Arc<A>), Failure<A::Refusal>> {
        match self.cache.get(stream) {
            Some(cached) => self.freshen(stream, cached).await,
            None => self.rehydrate(stream).await,
        }
    }

    /// The state of a stream as this process remembers it, or as it is stored. For what never
    /// changes once it is there: existence, ownership.
    pub async fn load_cached(&self, stream: &StreamId) -> Result<(i64, Arc<A>), Failure<A::Refusal>> {
        match self.cache.get(stream) {
            Some(cached) => Ok(cached),
            None => self.rehydrate(stream).await,
        }
    }

    /// A decision on a new stream, to be stored together with others.
    pub(crate) fn found(
        stream: StreamId,
        issued: Issued<A::Intent>,
    ) -> Result<Decision<A>, Failure<A::Refusal>> {
        let before = Arc::new(A::default());
        let events = before.decide(issued).map_err(Failure::Rejected)?;
        Self::prepare(stream, 0, before, events).map_err(Failure::Internal)
    }

    /// A decision on the newest state of a stream, to be stored together with others.
    pub(crate) async fn plan(
        &self,
        stream: &StreamId,
        issued: Issued<A::Intent>,
        expected: Option<i64>,
    ) -> Result<Decision<A>, Failure<A::Refusal>> {
        let (version, before) = self.load(stream).await?;
        if expected.is_some_and(|expected| expected != version) {
            return Err(Failure::Conflict { current_version: version });
        }
        let events = before.decide(issued).map_err(Failure::Rejected)?;
        Self::prepare(stream.clone(), version, before, events).map_err(Failure::Internal)
    }

    async fn attempt(&self, order: &Order<'_, A>, fresh: bool) -> Result<Committed<A>, Failure<A::Refusal>> {
        let cached = self.cache.get(&order.stream);
        let from_cache = cached.is_some();
        let (mut version, mut before) = match cached {
            Some(cached) => cached,
            None if fresh => (0, Arc::default()),
            None => self.rehydrate(&order.stream).await?,
        };
        let expected = order.terms.expected_version;
        let mut decided = self.decide(order, &before).await;
        // What a remembered state refuses, finds done already, or does not expect may have changed
        // on another node; what it accepts is checked by the append.
        let doubtful =
            decided.as_ref().map_or(true, Vec::is_empty) || expected.is_some_and(|it| it != version);
        if from_cache && doubtful {
            (version, before) = self.freshen(&order.stream, (version, before)).await?;
            decided = self.decide(order, &before).await;
        }
        if expected.is_some_and(|expected| expected != version) {
            return Err(Failure::Conflict { current_version: version });
        }
        let events = decided.map_err(Failure::Rejected)?;
        self.store(order, version, before, events).await
    }

    async fn decide(&self, order: &Order<'_, A>, before: &A) -> Result<Vec<A::Event>, A::Refusal> {
        let issued = Issued { command: order.intent.clone(), by: order.caller.actor, at: order.at };
        let sink = EventSink::default();
        let mut state = before.clone();
        state.handle(issued, &(), &sink).await?;
        Ok(sink.collect().await)
    }

    async fn store(
        &self,
        order: &Order<'_, A>,
        version: i64,
        before: Arc<A>,
        events: Vec<A::Event>,
    ) -> Result<Committed<A>, Failure<A::Refusal>> {
        let stream = order.stream.clone();
        if events.is_empty() && order.key.is_none() {
            let cursor = self.log.cursor(A::TYPE, &stream, version).await.map_err(broken)?;
            return Ok(Committed {
                stream,
                state: (*before).clone(),
                version,
                cursor,
                visibility: Visibility::Shown,
            });
        }
        let decision = Self::prepare(stream, version, before, events).map_err(Failure::Internal)?;
        let metadata = metadata(order.caller, order.name).map_err(Failure::Internal)?;
        let unit = Unit { appends: vec![decision.append.clone()], key: order.key.clone(), metadata };
        match self.log.append(unit).await {
            Ok(appended) => {
                let number = appended.numbers.first().copied().flatten();
                Ok(self.committed(decision, number, appended.cursor))
            }
            Err(AppendError::Duplicate(receipt)) => self.as_received(receipt).await,
            Err(AppendError::Conflict) => {
                self.cache.remove(&order.stream);
                let (current_version, _) = self.rehydrate(&order.stream).await?;
                Err(Failure::Conflict { current_version })
            }
            Err(error) => Err(Self::refused(error)),
        }
    }

    /// Turns a decision into what the log stores.
    pub(crate) fn prepare(
        stream: StreamId,
        version: i64,
        before: Arc<A>,
        events: Vec<A::Event>,
    ) -> Result<Decision<A>, crate::BoxError> {
        let mut after = (*before).clone();
        let mut stored = Vec::with_capacity(events.len());
        for event in &events {
            stored.push(NewEvent {
                event_type: event.event_type(),
                event_version: event.event_version(),
                payload: to_raw_value(event)?,
            });
            after.evolve(event.clone());
        }
        let (held, holds) = (before.claims(), after.claims());
        let reached = version + i64::try_from(events.len())?;
        let due = version > 0 && version / SNAPSHOT_EVERY != reached / SNAPSHOT_EVERY;
        let snapshot = if due {
            Some(NewSnapshot { schema: A::SNAPSHOT_SCHEMA, payload: to_raw_value(&after)? })
        } else {
            None
        };
        let append = Append {
            aggregate_type: A::TYPE,
            stream,
            seen: version,
            events: stored,
            takes: holds.iter().filter(|claim| !held.contains(claim)).cloned().collect(),
            releases: held.into_iter().filter(|claim| !holds.contains(claim)).collect(),
            series: events.first().and_then(A::series),
            snapshot,
        };
        Ok(Decision { append, events, before })
    }

    /// The state after a stored decision, remembered for the next command.
    pub(crate) fn committed(
        &self,
        decision: Decision<A>,
        number: Option<i64>,
        cursor: Cursor,
    ) -> Committed<A> {
        let Decision { append, mut events, before } = decision;
        if let (Some(number), Some(first)) = (number, events.first_mut()) {
            *first = A::numbered(first.clone(), number);
        }
        let version = append.seen + i64::try_from(events.len()).unwrap_or(i64::MAX);
        let mut state = (*before).clone();
        for event in events {
            state.evolve(event);
        }
        self.cache.insert(append.stream.clone(), (version, Arc::new(state.clone())));
        Committed { stream: append.stream, state, version, cursor, visibility: Visibility::Shown }
    }

    /// What an append that failed means to the one who asked.
    pub(crate) fn refused(error: AppendError) -> Failure<A::Refusal> {
        match error {
            AppendError::Taken(claim) => Failure::Rejected(A::taken(&claim)),
            AppendError::Log(error) => broken(error),
            AppendError::Conflict => Failure::Conflict { current_version: 0 },
            other @ (AppendError::Duplicate(_) | AppendError::TooLarge { .. }) => {
                Failure::Internal(other.into())
            }
        }
    }

    /// The first answer again: the stream as it is now, the position as it was then.
    pub(crate) async fn as_received(&self, receipt: Receipt) -> Result<Committed<A>, Failure<A::Refusal>> {
        let (version, state) = self.load(&receipt.stream).await?;
        let Receipt { stream, cursor, .. } = receipt;
        Ok(Committed { stream, state: (*state).clone(), version, cursor, visibility: Visibility::Shown })
    }

    async fn rehydrate(&self, stream: &StreamId) -> Result<(i64, Arc<A>), Failure<A::Refusal>> {
        let snapshot = self.log.snapshot(A::TYPE, stream).await.map_err(broken)?;
        // A snapshot of another shape, or one that does not decode, is as good as none.
        let known = snapshot
            .filter(|snapshot| snapshot.schema == A::SNAPSHOT_SCHEMA)
            .and_then(|snapshot| Some((snapshot.sequence, serde_json::from_value(snapshot.payload).ok()?)));
        let (sequence, state) = known.unwrap_or((0, A::default()));
        self.freshen(stream, (sequence, Arc::new(state))).await
    }

    async fn freshen(
        &self,
        stream: &StreamId,
        (mut version, state): (i64, Arc<A>),
    ) -> Result<(i64, Arc<A>), Failure<A::Refusal>> {
        let events = self.log.events(A::TYPE, stream, version).await.map_err(broken)?;
        if events.is_empty() {
            return Ok((version, state));
        }
        let mut state = (*state).clone();
        for stored in events {
            let sequence = i64::try_from(stored.sequence).unwrap_or(i64::MAX);
            if sequence != version + 1 {
                let hole = format!("{} {stream} has {sequence} after {version}", A::TYPE);
                return Err(Failure::Internal(hole.into()));
            }
            let event = serde_json::from_value(upcast(&self.steps, stored).payload);
            state.evolve(event.map_err(|error| Failure::Internal(error.into()))?);
            version = sequence;
        }
        let state = Arc::new(state);
        self.cache.insert(stream.clone(), (version, Arc::clone(&state)));
        Ok((version, state))
    }
}

pub(crate) fn broken<R: std::error::Error + 'static>(error: LogError) -> Failure<R> {
    match error {
        LogError::Unavailable(_) => Failure::Unavailable(error.into()),
        LogError::Broken(_) => Failure::Internal(error.into()),
        LogError::KeyReused => Failure::KeyReused,
    }
}
