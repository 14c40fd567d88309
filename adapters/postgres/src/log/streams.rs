//! Rehydration through postgres-es: its repository reads our table unchanged.

use application::{BoxError, ports::LogError};
use cqrs_es::{
    Aggregate,
    persist::{PersistedEventRepository, PersistenceError, SerializedEvent},
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
