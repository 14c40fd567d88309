//! Erases what is left of a person, once the log says so: a consumer like any other, so that it
//! happens for certain, and whatever falls over in between.

use std::sync::Arc;

use application::ports::Vault;
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Transaction;
use domain::{
    Sealed, upcasters,
    user::{User, UserEvent},
};
use uuid::Uuid;

use crate::{
    PgVault,
    consumers::{Projection, ProjectionError, Written},
    log::{self, Recorded},
    todo::ids,
};

/// See the module.
pub struct Erasure {
    vault: Arc<PgVault>,
    steps: Vec<Box<dyn EventUpcaster>>,
}

impl Erasure {
    /// It destroys keys of `vault`.
    pub fn new(vault: Arc<PgVault>) -> Self {
        Self { vault, steps: upcasters() }
    }

    /// Every name and address the person ever had, while they can still be read.
    async fn names(
        &self,
        tx: &Transaction<'_>,
        erased: &Recorded,
        id: Uuid,
    ) -> Result<Vec<String>, ProjectionError> {
        let sql = format!(
            "SELECT {} FROM events WHERE aggregate_type = $1 AND aggregate_id = $2 ORDER BY sequence",
            log::COLUMNS
        );
        let mut names = Vec::new();
        for row in tx.query(&sql, &[&User::TYPE, &erased.stream.as_str()]).await? {
            let recorded =
                log::recorded(&row, 0).map_err(|error| ProjectionError::Unavailable(error.into()))?;
            let Some(recorded) = recorded else { continue };
            let poison = |cause| ProjectionError::Poison { at: erased.cursor, cause };
            for (field, sealed) in personal(recorded.event(&self.steps).map_err(poison)?) {
                let opened = self.vault.open(id, field, &sealed).await;
                names.extend(opened.map_err(|error| ProjectionError::Unavailable(error.into()))?);
            }
        }
        Ok(names)
    }
}

#[async_trait]
impl Projection for Erasure {
    fn name(&self) -> &'static str {
        "erasure.v1"
    }

    fn reads(&self) -> &'static [&'static str] {
        &[User::TYPE]
    }

    fn passes_over(&self, event: &Recorded) -> bool {
        event.event_type != "user.erased"
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        for recorded in batch.iter().filter(|recorded| !self.passes_over(recorded)) {
            let poison = |cause| ProjectionError::Poison { at: recorded.cursor, cause };
            let (_, id) = ids(&recorded.stream).map_err(poison)?;
            let stream = recorded.stream.as_str();
            // Mails of development systems, to and about the person; in production there are none.
            let names = self.names(tx, recorded, id).await?;
            let sql = "DELETE FROM dev_outbox o WHERE EXISTS (SELECT FROM unnest($1::text[]) AS n (name) \
                       WHERE strpos(lower(concat_ws(' ', o.recipient, o.subject, o.body, o.html)), lower(n.name)) > 0)";
            tx.execute(sql, &[&names]).await?;
            // Jobs about the person: what a mail server answered may name the address.
            let sql = "DELETE FROM graphile_worker._private_jobs WHERE payload->'cause'->>'stream' = $1";
            tx.execute(sql, &[&stream]).await?;
            let sql = "DELETE FROM snapshots WHERE aggregate_type = $1 AND aggregate_id = $2";
            tx.execute(sql, &[&User::TYPE, &stream]).await?;
            self.vault.destroy(tx, id).await?;
        }
        Ok(Written::default())
    }
}

/// What of an event is personal and in words: fields and their sealed values.
fn personal(event: UserEvent) -> Vec<(&'static str, Sealed)> {
    match event {
        UserEvent::Registered { fullname, username, email, .. } => {
            vec![("fullname", fullname), ("username", username), ("email", email)]
        }
        UserEvent::Invited { fullname, email, .. } => vec![("fullname", fullname), ("email", email)],
        UserEvent::InvitationAccepted { fullname, username, .. } => {
            vec![("fullname", fullname), ("username", username)]
        }
        UserEvent::Renamed { fullname, .. } => vec![("fullname", fullname)],
        UserEvent::UsernameChanged { username, .. } => vec![("username", username)],
        _ => Vec::new(),
    }
}
