//! Tenants as operators see and manage them.

mod commands;
mod queries;

pub use commands::{CreateTenant, ReinstateTenant, SuspendTenant, TenantChanged, UpdateTenant};
pub use queries::{
    CountPeopleOfTenant, CountTenants, GetTenant, ListTenants, PeopleOfTenant, TenantField, TenantFilter,
    TenantList, TenantListing,
};
