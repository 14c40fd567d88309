//! One row a person, personal data in clear: it leaves with the person's key.

use std::sync::Arc;

use application::ports::{ReadModel, Vault, VaultError};
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Transaction;
use domain::{
    Sealed, TenantId,
    role::RoleRef,
    tenant::{Naming, Tenant, TenantEvent},
    upcasters,
    user::{User, UserEvent},
};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::{
    consumers::{Made, Piece, Projection, ProjectionError, Written},
    log::Recorded,
    projections::passed_over,
    todo::ids,
};

/// What is shown of a person whose key is gone.
const ERASED: &str = "erased";

/// Writes the rows.
pub struct PeopleProjection {
    vault: Arc<dyn Vault>,
    steps: Vec<Box<dyn EventUpcaster>>,
}

/// The row that an event is about.
struct Place<'a> {
    tx: &'a Transaction<'a>,
    tenant: TenantId,
    id: Uuid,
    version: i64,
}

impl Place<'_> {
    /// Changes columns of the row; `$4` and on are `values`. An event that was written already
    /// changes nothing.
    async fn set(&self, what: &str, values: &[&(dyn ToSql + Sync)]) -> Result<(), tokio_postgres::Error> {
        let sql = format!(
            "UPDATE people SET {what}, version = $3 WHERE tenant_id = $1 AND id = $2 AND version < $3"
        );
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&self.tenant.0, &self.id, &self.version];
        params.extend(values);
        self.tx.execute(&sql, &params).await.map(drop)
    }

    /// A tenant that is named after a person is called as the person is.
    async fn rename_tenant(&self, fullname: &str) -> Result<(), tokio_postgres::Error> {
        let sql = "UPDATE tenants SET name = $3 WHERE id = $1 AND named_after = $2";
        self.tx.execute(sql, &[&self.tenant.0, &self.id, &fullname]).await.map(drop)
    }
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
        let active = "UPDATE tenants SET active = $2 WHERE id = $1";
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
            TenantEvent::Suspended { .. } => drop(tx.execute(active, &[&id, &false]).await?),
            TenantEvent::Reinstated { .. } => drop(tx.execute(active, &[&id, &true]).await?),
            TenantEvent::OwnerRetired { .. } => {}
            TenantEvent::Renamed { name, .. } => {
                let sql = "UPDATE tenants SET name = $2, named_after = NULL WHERE id = $1";
                tx.execute(sql, &[&id, &name.as_str()]).await?;
            }
            TenantEvent::SlugChanged { slug, .. } => {
                tx.execute("UPDATE tenants SET slug = $2 WHERE id = $1", &[&id, &slug.as_str()]).await?;
            }
        }
        Ok(())
    }

    async fn user(&self, tx: &Transaction<'_>, recorded: &Recorded) -> Result<(), ProjectionError> {
        let poison = |cause| ProjectionError::Poison { at: recorded.cursor, cause };
        let event: UserEvent = recorded.event(&self.steps).map_err(poison)?;
        let (tenant, id) = ids(&recorded.stream).map_err(poison)?;
        let place = Place { tx, tenant, id, version: recorded.sequence };
        match event {
            event @ UserEvent::Registered { .. } => self.registered(&place, event).await?,
            event @ UserEvent::Invited { .. } => self.invited(&place, event).await?,
            event @ UserEvent::InvitationAccepted { .. } => self.accepted(&place, event).await?,
            UserEvent::EmailVerified { .. } => {
                place.set("status = 'ACTIVE', verified = true", &[]).await?;
            }
            UserEvent::Renamed { fullname, .. } => {
                let fullname = self.open(id, "fullname", &fullname).await?;
                place.set("fullname = $4", &[&fullname]).await?;
                place.rename_tenant(&fullname).await?;
            }
            UserEvent::UsernameChanged { username, .. } => {
                let username = self.open(id, "username", &username).await?;
                place.set("username = $4", &[&username]).await?;
            }
            UserEvent::Erased { .. } => {
                let what = "fullname = $4, username = $4, email = $4, referral_code = '', status = 'SUSPENDED', \
                            verified = false, roles = '{}'";
                place.set(what, &[&ERASED]).await?;
                place.rename_tenant(ERASED).await?;
            }
            UserEvent::RoleAssigned { role, .. } => {
                place.set("roles = array_append(roles, $4)", &[&role.to_string()]).await?;
            }
            UserEvent::RoleRevoked { role, .. } => {
                place.set("roles = array_remove(roles, $4)", &[&role.to_string()]).await?;
            }
            UserEvent::Suspended { .. } => place.set("status = 'SUSPENDED'", &[]).await?,
            UserEvent::Reinstated { .. } => {
                place.set("status = CASE WHEN verified THEN 'ACTIVE' ELSE 'INACTIVE' END", &[]).await?;
            }
            // An invitation that nobody followed is as good as withdrawn; only invited people have no username.
            UserEvent::TokensExpired { .. } => {
                place.set("status = CASE username WHEN '' THEN 'SUSPENDED' ELSE status END", &[]).await?;
            }
            UserEvent::SignedIn { .. }
            | UserEvent::SessionRefreshed { .. }
            | UserEvent::SessionConfirmed { .. }
            | UserEvent::SessionRevoked { .. }
            | UserEvent::TwoFactorGenerated(_)
            | UserEvent::TwoFactorBound(_)
            | UserEvent::TwoFactorUnbound(_)
            | UserEvent::TwoFactorReset(_)
            | UserEvent::TwoFactorChallenged(_)
            | UserEvent::TwoFactorPassed(_)
            | UserEvent::TwoFactorRefused(_)
            | UserEvent::Referred { .. }
            | UserEvent::VerificationRequested { .. }
            | UserEvent::PasswordResetRequested { .. }
            | UserEvent::PasswordChanged { .. } => {}
        }
        Ok(())
    }

    async fn registered(&self, place: &Place<'_>, event: UserEvent) -> Result<(), ProjectionError> {
        let UserEvent::Registered { fullname, username, email, roles, referral_code, at, .. } = event else {
            return Ok(());
        };
        let Place { tx, tenant, id, version } = place;
        let sql = "INSERT INTO people (tenant_id, id, fullname, username, email, status, roles, \
                   referral_code, created_at, version) VALUES ($1, $2, $3, $4, $5, 'INACTIVE', $6, $7, $8, $9) \
                   ON CONFLICT DO NOTHING";
        let fullname = self.open(*id, "fullname", &fullname).await?;
        let username = self.open(*id, "username", &username).await?;
        let email = self.open(*id, "email", &email).await?;
        let roles = stored(&roles);
        tx.execute(sql, &[&tenant.0, id, &fullname, &username, &email, &roles, &referral_code, &at, version])
            .await?;
        Ok(place.rename_tenant(&fullname).await?)
    }

    async fn invited(&self, place: &Place<'_>, event: UserEvent) -> Result<(), ProjectionError> {
        let UserEvent::Invited { fullname, email, roles, at, .. } = event else { return Ok(()) };
        let Place { tx, tenant, id, version } = place;
        let sql = "INSERT INTO people AS p (tenant_id, id, fullname, username, email, status, roles, \
                   referral_code, created_at, version) VALUES ($1, $2, $3, '', $4, 'INACTIVE', $5, '', $6, $7) \
                   ON CONFLICT (tenant_id, id) DO UPDATE SET fullname = excluded.fullname, \
                   email = excluded.email, status = excluded.status, roles = excluded.roles, \
                   version = excluded.version WHERE p.version < excluded.version";
        let fullname = self.open(*id, "fullname", &fullname).await?;
        let email = self.open(*id, "email", &email).await?;
        tx.execute(sql, &[&tenant.0, id, &fullname, &email, &stored(&roles), &at, version]).await?;
        Ok(())
    }

    async fn accepted(&self, place: &Place<'_>, event: UserEvent) -> Result<(), ProjectionError> {
        let UserEvent::InvitationAccepted { fullname, username, referral_code, .. } = event else {
            return Ok(());
        };
        let fullname = self.open(place.id, "fullname", &fullname).await?;
        let username = self.open(place.id, "username", &username).await?;
        let what = "fullname = $4, username = $5, referral_code = $6, status = 'ACTIVE', verified = true";
        Ok(place.set(what, &[&fullname, &username, &referral_code]).await?)
    }
}

fn stored(roles: &[RoleRef]) -> Vec<String> {
    roles.iter().map(ToString::to_string).collect()
}

#[async_trait]
impl Projection for PeopleProjection {
    fn name(&self) -> &'static str {
        ReadModel::People.name()
    }

    fn reads(&self) -> &'static [&'static str] {
        &[Tenant::TYPE, User::TYPE]
    }

    fn passed_over(&self) -> &'static [&'static str] {
        passed_over(ReadModel::People)
    }

    fn pieces(&self) -> Vec<Piece> {
        // A tenant may be named after a person, whose events then speak of it too.
        const TENANT: &str = "SELECT $3, $1 UNION ALL \
             SELECT 'user', $1 || '/' || (payload->'naming'->>'after') FROM events \
             WHERE aggregate_type = 'tenant' AND aggregate_id = $1 AND sequence = 1";
        vec![
            Piece::within("people", User::TYPE),
            Piece { made: Made::Streams(TENANT), ..Piece::global("tenants", Tenant::TYPE) },
        ]
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
