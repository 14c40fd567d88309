//! What operators do with tenants.

use domain::{
    StreamId, TenantId,
    operator::OperatorRole,
    tag::Slug,
    tenant::{Naming, Tenant, TenantCommand, TenantError, TenantName},
};
use serde::Serialize;

use super::TenantListing;
use crate::{
    Access, App, Caller, Command, Committed, Failure, Handle, Order, Outcome, Terms,
    aggregates::broken,
    bus::Done,
    order::idempotency,
    ports::{Cursor, IdempotencyKey, ReadModel, Visibility},
};

/// Slugs tried for a new tenant whose slug was left to us: the plain one, then with a random tail.
const SLUG_ATTEMPTS_MAX: usize = 4;

/// Makes a tenant, with nobody in it yet.
#[derive(Debug, Clone, Serialize)]
pub struct CreateTenant {
    /// What it is called.
    pub name: TenantName,
    /// What addresses it; from the name when absent.
    pub slug: Option<Slug>,
}

/// Changes what is `Some`.
#[derive(Debug, Clone, Serialize)]
pub struct UpdateTenant {
    /// Which.
    pub tenant: TenantId,
    /// Another name.
    pub name: Option<TenantName>,
    /// Another slug.
    pub slug: Option<Slug>,
}

/// Keeps all people of a tenant out.
#[derive(Debug, Clone, Serialize)]
pub struct SuspendTenant {
    /// Which.
    pub tenant: TenantId,
}

/// Lets the people of a tenant in again.
#[derive(Debug, Clone, Serialize)]
pub struct ReinstateTenant {
    /// Which.
    pub tenant: TenantId,
}

/// A tenant after a command.
#[derive(Debug, Clone)]
pub struct TenantChanged {
    /// The tenant.
    pub tenant: TenantListing,
    /// One up per event.
    pub version: i64,
    /// The place of the last event.
    pub cursor: Cursor,
    /// Whether the read models show it.
    pub visibility: Visibility,
}

impl Done for TenantChanged {
    fn cursor(&self) -> Option<Cursor> {
        Some(self.cursor)
    }
    fn seen(&mut self, visibility: Visibility) {
        self.visibility = visibility;
    }
}

macro_rules! tenant_command {
    ($command:ident, $name:literal) => {
        impl Command for $command {
            type Output = TenantChanged;
            type Rejection = TenantError;
            const NAME: &'static str = $name;
            const ACCESS: Access = Access::Operator(OperatorRole::SuperAdmin);
            const SHOWN_IN: &'static [ReadModel] = &[ReadModel::People];
        }
    };
    ($command:ident, $name:literal, $it:ident => $intent:expr) => {
        tenant_command!($command, $name);

        impl Handle<$command> for App {
            async fn handle(&self, caller: &Caller, $it: $command, terms: Terms) -> Outcome<$command> {
                let key = idempotency(caller, $command::NAME, &$it, &terms);
                let stream = StreamId::global($it.tenant.0);
                let (intent, name) = ($intent, $command::NAME);
                let order = Order { stream, intent, caller, name, terms: &terms, key, at: self.clock.now() };
                self.tenant_changed(self.tenants.execute(order).await?).await
            }
        }
    };
}
tenant_command!(CreateTenant, "tenant.create");
tenant_command!(UpdateTenant, "tenant.update", it => TenantCommand::Update { name: it.name, slug: it.slug });
tenant_command!(SuspendTenant, "tenant.suspend", it => TenantCommand::Suspend);
tenant_command!(ReinstateTenant, "tenant.reinstate", it => TenantCommand::Reinstate);

impl Handle<CreateTenant> for App {
    async fn handle(&self, caller: &Caller, create: CreateTenant, terms: Terms) -> Outcome<CreateTenant> {
        let key = idempotency(caller, CreateTenant::NAME, &create, &terms);
        if let Some(key) = &key
            && let Some(receipt) = self.log.receipt(key).await.map_err(broken)?
        {
            return self.tenant_changed(self.tenants.as_received(receipt).await?).await;
        }
        let naming = Naming::Given(create.name);
        if let Some(slug) = create.slug {
            return self.tenant_changed(self.found_tenant(caller, naming, slug, key, &terms).await?).await;
        }
        for attempt in 0..SLUG_ATTEMPTS_MAX {
            let slug = self.tenant_slug(&naming, attempt);
            match self.found_tenant(caller, naming.clone(), slug, key.clone(), &terms).await {
                Err(Failure::Rejected(TenantError::SlugTaken)) => {}
                done => return self.tenant_changed(done?).await,
            }
        }
        Err(Failure::Rejected(TenantError::SlugTaken))
    }
}

impl App {
    async fn found_tenant(
        &self,
        caller: &Caller,
        naming: Naming,
        slug: Slug,
        key: Option<IdempotencyKey>,
        terms: &Terms,
    ) -> Result<Committed<Tenant>, Failure<TenantError>> {
        let (stream, name) = (StreamId::global(self.entropy.id()), CreateTenant::NAME);
        let intent = TenantCommand::Create { naming, slug };
        let order = Order { stream, intent, caller, name, terms, key, at: self.clock.now() };
        self.tenants.execute_fresh(order).await
    }

    /// The tenant after a command: what the state knows from there, the rest from its row.
    async fn tenant_changed(&self, done: Committed<Tenant>) -> Result<TenantChanged, Failure<TenantError>> {
        let Committed { stream, state, version, cursor, visibility } = done;
        let known = stream.own().map(TenantId).zip(state.names());
        let (id, (naming, slug)) = known.ok_or(Failure::Rejected(TenantError::NotFound))?;
        let row = self.tenant_list.get(id).await.map_err(Failure::Unavailable)?;
        let name = match naming {
            Naming::Given(name) => name.as_str().to_owned(),
            Naming::After(_) => row.as_ref().map(|row| row.name.clone()).unwrap_or_default(),
        };
        // Without a row it was made this very moment.
        let created_at = row.map_or_else(|| self.clock.now(), |row| row.created_at);
        let (slug, active) = (slug.as_str().to_owned(), !state.is_suspended());
        let tenant = TenantListing { id, name, slug, active, created_at };
        Ok(TenantChanged { tenant, version, cursor, visibility })
    }
}
