//! One row a person, personal data in clear: it leaves with the person's key.

use std::sync::Arc;

use application::{
    BoxError,
    ports::{ReadModel, Vault, VaultError},
    user::{People, PersonRow, PersonStatus, TenantRow},
};
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Transaction;
use domain::{
    Sealed, TenantId, UserId,
    role::SystemRole,
    tenant::{Naming, Tenant, TenantEvent},
    upcasters,
    user::{User, UserEvent},
};
use uuid::Uuid;

use crate::{
    consumers::{Projection, ProjectionError, Written},
    log::Recorded,
    readers::TenantReaders,
    todo::ids,
};

/// What is shown of a person whose key is gone.
const ERASED: &str = "erased";

/// Writes the rows.
pub struct PeopleProjection {
    vault: Arc<dyn Vault>,
    steps: Vec<Box<dyn EventUpcaster>>,
}

impl PeopleProjection {
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
        match self.vault.open(subject, field, sealed).await {
            Ok(clear) => Ok(clear.unwrap_or_else(|| ERASED.to_owned())),
            Err(error @ (VaultError::Unavailable(_) | VaultError::Broken(_))) => {
                Err(ProjectionError::Unavailable(error.into()))
            }
        }
    }

    async fn tenant(&self, tx: &Transaction<'_>, recorded: &Recorded) -> Result<(), ProjectionError> {
        let poison = |cause| ProjectionError::Poison { at: recorded.cursor, cause };
        let event: TenantEvent = recorded.event(&self.steps).map_err(poison)?;
        let id = recorded.stream.own().ok_or_else(|| poison("not a tenant's stream".into()))?;
        match event {
            TenantEvent::Created { naming, slug, at } => {
                // Tenant and Owner are stored together, in either order.
                let sql = "INSERT INTO tenants (id, name, named_after, slug, created_at) VALUES ($1, \
                           COALESCE($2, (SELECT fullname FROM people WHERE tenant_id = $1 AND id = $3), ''), \
                           $3, $4, $5) ON CONFLICT DO NOTHING";
                let (name, after) = match &naming {
                    Naming::Given(name) => (Some(name.as_str()), None),
                    Naming::After(user) => (None, Some(user.0)),
                };
                tx.execute(sql, &[&id, &name, &after, &slug.as_str(), &at]).await?;
            }
        }
        Ok(())
    }

    async fn user(&self, tx: &Transaction<'_>, recorded: &Recorded) -> Result<(), ProjectionError> {
        let poison = |cause| ProjectionError::Poison { at: recorded.cursor, cause };
        let event: UserEvent = recorded.event(&self.steps).map_err(poison)?;
        let (tenant, id) = ids(&recorded.stream).map_err(poison)?;
        match event {
            UserEvent::Registered { fullname, username, email, roles, referral_code, at, .. } => {
                let sql = "INSERT INTO people (tenant_id, id, fullname, username, email, status, roles, \
                           referral_code, created_at, version) VALUES ($1, $2, $3, $4, $5, 'INACTIVE', $6, $7, $8, $9) \
                           ON CONFLICT DO NOTHING";
                let fullname = self.open(id, "fullname", &fullname).await?;
                let username = self.open(id, "username", &username).await?;
                let email = self.open(id, "email", &email).await?;
                let roles: Vec<&str> = roles.iter().map(|role| role.name()).collect();
                tx.execute(
                    sql,
                    &[
                        &tenant.0,
                        &id,
                        &fullname,
                        &username,
                        &email,
                        &roles,
                        &referral_code,
                        &at,
                        &recorded.sequence,
                    ],
                )
                .await?;
                let sql = "UPDATE tenants SET name = $3 WHERE id = $1 AND named_after = $2";
                tx.execute(sql, &[&tenant.0, &id, &fullname]).await?;
            }
            UserEvent::EmailVerified { .. } => {
                let sql = "UPDATE people SET status = 'ACTIVE', version = $3 \
                           WHERE tenant_id = $1 AND id = $2 AND version < $3";
                tx.execute(sql, &[&tenant.0, &id, &recorded.sequence]).await?;
            }
            UserEvent::SignedIn { .. }
            | UserEvent::SessionRefreshed { .. }
            | UserEvent::SessionRevoked { .. }
            | UserEvent::TwoFactorGenerated(_)
            | UserEvent::TwoFactorBound(_)
            | UserEvent::TwoFactorUnbound(_)
            | UserEvent::TwoFactorChallenged(_)
            | UserEvent::TwoFactorPassed(_)
            | UserEvent::TwoFactorRefused(_) => {}
        }
        Ok(())
    }
}

#[async_trait]
impl Projection for PeopleProjection {
    fn name(&self) -> &'static str {
        ReadModel::People.name()
    }

    fn reads(&self) -> &'static [&'static str] {
        &[Tenant::TYPE, User::TYPE]
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        for recorded in batch {
            if recorded.aggregate_type == Tenant::TYPE {
                self.tenant(tx, recorded).await?;
            } else {
                self.user(tx, recorded).await?;
            }
        }
        Ok(Written::default())
    }
}

/// The read model in Postgres.
pub struct PgPeople {
    readers: TenantReaders,
}

impl PgPeople {
    /// Queries from `readers`.
    pub fn new(readers: TenantReaders) -> Self {
        Self { readers }
    }
}

#[async_trait]
impl People for PgPeople {
    async fn by_ids(&self, tenant: TenantId, ids: &[UserId]) -> Result<Vec<PersonRow>, BoxError> {
        let mut reader = self.readers.of(tenant).await?;
        let sql = "SELECT p.id, p.fullname, p.username, p.email, p.status, p.roles, p.referral_code, p.created_at, \
                   t.id, t.name, t.slug FROM people p JOIN tenants t ON t.id = p.tenant_id \
                   WHERE p.tenant_id = $1 AND p.id = ANY($2)";
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows = reader.query(sql, &[&tenant.0, &ids]).await?;
        rows.iter()
            .map(|row| {
                let roles: Vec<&str> = row.try_get(5)?;
                Ok(PersonRow {
                    id: UserId(row.try_get(0)?),
                    fullname: row.try_get(1)?,
                    username: row.try_get(2)?,
                    email: row.try_get(3)?,
                    status: match row.try_get(4)? {
                        "ACTIVE" => PersonStatus::Active,
                        "SUSPENDED" => PersonStatus::Suspended,
                        _ => PersonStatus::Inactive,
                    },
                    roles: roles.into_iter().filter_map(SystemRole::named).collect(),
                    referral_code: row.try_get(6)?,
                    created_at: row.try_get(7)?,
                    tenant: TenantRow {
                        id: TenantId(row.try_get(8)?),
                        name: row.try_get(9)?,
                        slug: row.try_get(10)?,
                    },
                })
            })
            .collect()
    }
}
