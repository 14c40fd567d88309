//! The kinds of streams: rehydration through postgres-es, whose repository reads our table
//! unchanged, and whether this release understands an event.

use application::{BoxError, ports::LogError};
use cqrs_es::{
    Aggregate, DomainEvent,
    persist::{EventUpcaster, PersistedEventRepository, PersistenceError, SerializedEvent},
};
use domain::{
    act::Act,
    api_key::ApiKey,
    operator::{Operator, Roster},
    role::Role,
    tag::Tag,
    tenant::Tenant,
    todo::Todo,
    user::User,
};
use postgres_es::PostgresEventRepository;

use super::tail::Recorded;

/// The events of a stream after `sequence`. postgres-es names aggregates by their Rust type.
pub(super) async fn read(
    repository: &PostgresEventRepository,
    aggregate_type: &str,
    stream: &str,
    sequence: i64,
) -> Result<Vec<SerializedEvent>, LogError> {
    let after = usize::try_from(sequence).map_err(|error| LogError::Broken(error.into()))?;
    match aggregate_type {
        Todo::TYPE => of::<Todo>(repository, stream, after).await,
        Tag::TYPE => of::<Tag>(repository, stream, after).await,
        User::TYPE => of::<User>(repository, stream, after).await,
        Tenant::TYPE => of::<Tenant>(repository, stream, after).await,
        Operator::TYPE => of::<Operator>(repository, stream, after).await,
        Role::TYPE => of::<Role>(repository, stream, after).await,
        ApiKey::TYPE => of::<ApiKey>(repository, stream, after).await,
        Roster::TYPE => of::<Roster>(repository, stream, after).await,
        Act::TYPE => of::<Act>(repository, stream, after).await,
        unknown => Err(LogError::Broken(format!("no aggregate is called {unknown}").into())),
    }
}

async fn of<A: Aggregate>(
    repository: &PostgresEventRepository,
    stream: &str,
    after: usize,
) -> Result<Vec<SerializedEvent>, LogError> {
    // Without a sequence the statement is always the same, and stays prepared.
    let read = if after == 0 {
        repository.get_events::<A>(stream).await
    } else {
        repository.get_last_events::<A>(stream, after).await
    };
    read.map_err(|error| {
        let source: BoxError = error.to_string().into();
        match error {
            PersistenceError::ConnectionError(_) | PersistenceError::UnknownError(_) => {
                LogError::Unavailable(source)
            }
            PersistenceError::OptimisticLockError | PersistenceError::DeserializationError(_) => {
                LogError::Broken(source)
            }
        }
    })
}

/// Whether this release understands an event: it decodes, and is what its stored name says.
pub(crate) fn understood(event: &Recorded, steps: &[Box<dyn EventUpcaster>]) -> Result<(), BoxError> {
    match event.aggregate_type.as_str() {
        Todo::TYPE => decodes::<Todo>(event, steps),
        Tag::TYPE => decodes::<Tag>(event, steps),
        User::TYPE => decodes::<User>(event, steps),
        Tenant::TYPE => decodes::<Tenant>(event, steps),
        Operator::TYPE => decodes::<Operator>(event, steps),
        Role::TYPE => decodes::<Role>(event, steps),
        ApiKey::TYPE => decodes::<ApiKey>(event, steps),
        Roster::TYPE => decodes::<Roster>(event, steps),
        Act::TYPE => decodes::<Act>(event, steps),
        unknown => Err(format!("no aggregate is called {unknown}").into()),
    }
}

fn decodes<A: Aggregate>(event: &Recorded, steps: &[Box<dyn EventUpcaster>]) -> Result<(), BoxError> {
    let stored = event.event::<A::Event>(steps)?.event_type();
    if stored == event.event_type {
        Ok(())
    } else {
        Err(format!("the payload is of {stored}, the event of {}", event.event_type).into())
    }
}
