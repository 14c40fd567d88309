//! One row an operator, personal data in clear: it leaves with the operator's key.

use std::sync::Arc;

use application::{
    BoxError, Direction, Edge, Keyset, Page, PageRequest,
    operator::{OperatorField, OperatorFilter, OperatorList, OperatorRow},
    ports::{ReadModel, Vault},
};
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Transaction;
use domain::{
    OperatorId, Sealed,
    operator::{Operator, OperatorEvent, OperatorRole},
    upcasters,
};
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use crate::{
    consumers::{Piece, Projection, ProjectionError, Written},
    keyset::Where,
    log::Recorded,
    readers::AcrossTenants,
};

/// What is shown of an operator whose key is gone.
const ERASED: &str = "erased";

/// Writes the rows. Operators change seldom: an event is a statement.
pub struct OperatorListProjection {
    vault: Arc<dyn Vault>,
    steps: Vec<Box<dyn EventUpcaster>>,
}

impl OperatorListProjection {
    /// It opens personal data with `vault`.
    pub fn new(vault: Arc<dyn Vault>) -> Self {
        Self { vault, steps: upcasters() }
    }

    async fn open(
        &self,
        subject: Uuid,
        field: &'static str,
        sealed: &Sealed,
    ) -> Result<String, ProjectionError> {
        let clear = self.vault.open(subject, field, sealed).await;
        let clear = clear.map_err(|error| ProjectionError::Unavailable(error.into()))?;
        Ok(clear.unwrap_or_else(|| ERASED.to_owned()))
    }

    async fn write_one(&self, tx: &Transaction<'_>, recorded: &Recorded) -> Result<(), ProjectionError> {
        let poison = |cause| ProjectionError::Poison { at: recorded.cursor, cause };
        let event: OperatorEvent = recorded.event(&self.steps).map_err(poison)?;
        let id = recorded.stream.own().ok_or_else(|| poison("not an operator's stream".into()))?;
        let version = recorded.sequence;
        match event {
            OperatorEvent::Created { fullname, email, role, at, .. } => {
                let sql = "INSERT INTO operator_list \
                           (id, fullname, email, role, active, two_factor, created_at, version) \
                           VALUES ($1, $2, $3, $4, true, false, $5, $6) ON CONFLICT DO NOTHING";
                let fullname = self.open(id, "fullname", &fullname).await?;
                let email = self.open(id, "email", &email).await?;
                tx.execute(sql, &[&id, &fullname, &email, &role.name(), &at, &version]).await?;
            }
            OperatorEvent::Renamed { fullname, .. } => {
                let fullname = self.open(id, "fullname", &fullname).await?;
                set(tx, id, version, "fullname", &fullname).await?;
            }
            OperatorEvent::RoleChanged { role, .. } => set(tx, id, version, "role", &role.name()).await?,
            OperatorEvent::Deactivated { .. } => set(tx, id, version, "active", &false).await?,
            OperatorEvent::Reactivated { .. } => set(tx, id, version, "active", &true).await?,
            OperatorEvent::TwoFactorBound(_) => set(tx, id, version, "two_factor", &true).await?,
            OperatorEvent::TwoFactorUnbound(_) | OperatorEvent::TwoFactorReset(_) => {
                set(tx, id, version, "two_factor", &false).await?;
            }
            OperatorEvent::SignedIn { .. }
            | OperatorEvent::SessionConfirmed { .. }
            | OperatorEvent::SignedOut { .. }
            | OperatorEvent::PasswordChanged { .. }
            | OperatorEvent::TwoFactorGenerated(_)
            | OperatorEvent::TwoFactorChallenged(_)
            | OperatorEvent::TwoFactorPassed(_)
            | OperatorEvent::TwoFactorRefused(_) => {}
        }
        Ok(())
    }
}

async fn set(
    tx: &Transaction<'_>,
    id: Uuid,
    version: i64,
    column: &'static str,
    value: &(dyn ToSql + Sync),
) -> Result<(), tokio_postgres::Error> {
    let sql = format!("UPDATE operator_list SET {column} = $3, version = $2 WHERE id = $1 AND version < $2");
    tx.execute(&sql, &[&id, &version, value]).await.map(drop)
}

#[async_trait]
impl Projection for OperatorListProjection {
    fn name(&self) -> &'static str {
        ReadModel::OperatorList.name()
    }

    fn reads(&self) -> &'static [&'static str] {
        &[Operator::TYPE]
    }

    fn pieces(&self) -> Vec<Piece> {
        vec![Piece::global("operator_list", Operator::TYPE)]
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        for recorded in batch {
            self.write_one(tx, recorded).await?;
        }
        Ok(Written::default())
    }
}

/// The read model in Postgres. Operators stand above tenants: there is none in these statements.
pub struct PgOperatorList {
    across: AcrossTenants,
}

impl PgOperatorList {
    /// Queries from `across`.
    pub fn new(across: AcrossTenants) -> Self {
        Self { across }
    }
}

const SELECT: &str =
    "SELECT id, fullname, email, role, active, two_factor, created_at, version FROM operator_list";

#[async_trait]
impl OperatorList for PgOperatorList {
    async fn page(
        &self,
        request: &PageRequest<OperatorFilter, Direction>,
    ) -> Result<Page<OperatorRow>, BoxError> {
        let client = self.across.client().await?;
        let mut sql = start(SELECT, &request.filter);
        sql.page("created_at", "timestamptz", request.sort, &request.window);
        let statement = client.prepare_cached(&sql.sql).await?;
        let rows = client.query(&statement, &sql.borrowed()).await?;
        let edges = rows.iter().map(read).collect::<Result<Vec<_>, BoxError>>()?;
        Ok(Page::from_read(edges, &request.window))
    }

    async fn count(&self, filter: &OperatorFilter) -> Result<i64, BoxError> {
        let client = self.across.client().await?;
        let sql = start("SELECT count(*) FROM operator_list", filter);
        let statement = client.prepare_cached(&sql.sql).await?;
        Ok(client.query_one(&statement, &sql.borrowed()).await?.try_get(0)?)
    }
}

fn start(select: &str, filter: &OperatorFilter) -> Where {
    let mut sql = Where::default();
    sql.push(&format!("{select} WHERE "));
    sql.filter(filter, &mut |sql, field| match field {
        OperatorField::Role(test) => sql.test("role", "text", test, |role| role.name()),
        OperatorField::Active(test) => sql.test("active", "boolean", test, |active| *active),
    });
    sql
}

fn read(row: &Row) -> Result<Edge<OperatorRow>, BoxError> {
    let role: &str = row.try_get(3)?;
    let node = OperatorRow {
        id: OperatorId(row.try_get(0)?),
        fullname: row.try_get(1)?,
        email: row.try_get(2)?,
        role: OperatorRole::named(role).ok_or_else(|| format!("{role} is no role of operators"))?,
        active: row.try_get(4)?,
        two_factor: row.try_get(5)?,
        created_at: row.try_get(6)?,
        version: row.try_get(7)?,
    };
    let key = Keyset { value: Some(node.created_at.to_rfc3339()), id: node.id.0 };
    Ok(Edge { key, node })
}
