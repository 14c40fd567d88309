//! Tenants: what operators do with them.

use domain::{
    StreamId, TenantId,
    operator::OperatorRole,
    tenant::{Tenant, TenantCommand, TenantError},
};
use serde::Serialize;

use crate::{
    Access, App, Caller, Command, Committed, Failure, Handle, Order, Outcome, Terms, order::idempotency,
    ports::ReadModel,
};

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

macro_rules! tenant_command {
    ($command:ident, $name:literal, $intent:expr) => {
        impl Command for $command {
            type Output = Committed<Tenant>;
            type Rejection = TenantError;
            const NAME: &'static str = $name;
            const ACCESS: Access = Access::Operator(OperatorRole::SuperAdmin);
            const SHOWN_IN: &'static [ReadModel] = &[ReadModel::People];
        }

        impl Handle<$command> for App {
            async fn handle(&self, caller: &Caller, command: $command, terms: Terms) -> Outcome<$command> {
                self.change_tenant(caller, command.tenant, $intent, &command, &terms).await
            }
        }
    };
}
tenant_command!(SuspendTenant, "tenant.suspend", TenantCommand::Suspend);
tenant_command!(ReinstateTenant, "tenant.reinstate", TenantCommand::Reinstate);

impl App {
    async fn change_tenant<C: Command>(
        &self,
        caller: &Caller,
        tenant: TenantId,
        intent: TenantCommand,
        body: &C,
        terms: &Terms,
    ) -> Result<Committed<Tenant>, Failure<TenantError>> {
        let stream = StreamId::global(tenant.0);
        let key = idempotency(caller, C::NAME, body, terms);
        let order = Order { stream, intent, caller, name: C::NAME, terms, key, at: self.clock.now() };
        self.tenants.execute(order).await
    }
}
