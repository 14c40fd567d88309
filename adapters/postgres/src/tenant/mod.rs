//! The read model of tenants, as operators list them.

mod tenant_list;

pub use tenant_list::PgTenantList;
