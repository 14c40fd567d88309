//! Postgres: the log, its tail, the consumers that read it, and the read models they write.
//!
//! # How to add a projection
//!
//! 1. `migrations/`: its table, with the grants for `enterprise_todo_service`, and the way back. One
//!    with a tenant says `CALL tenant_wall('it')`, and `SELECT` for `enterprise_todo_reader` with it.
//! 2. `application`: the row struct and the read port, in the slice's `queries.rs`.
//! 3. Here, in the slice's folder: one file with the projection and its queries, which run on
//!    [`TenantReaders`]; then a line in `tests/it/tenants.rs`, where its conditions are taken out.
//! 4. In the migration, its line in `read_model_tables`; in the projection, its `pieces`: so that it may
//!    be built anew, and is checked.
//! 5. One line in `projections.rs`. That list *is* the deployment; the name carries the version.
//!
//! # How to add a reaction
//!
//! What events cause outside is no projection: `impl Reaction` in the slice's `reactions.rs` of
//! `application`, one line in `mail_reactions` or a list beside it, and the migration that makes its
//! checkpoint where it is to begin (`0010_jobs.up.sql` shows how).

mod api_key;
mod audit;
pub mod consumers;
mod erasure;
pub mod fitness;
pub mod jobs;
mod json;
mod keyset;
pub mod log;
mod mail;
pub mod migrations;
mod operator;
mod pool;
mod progress;
mod projections;
mod readers;
mod role;
mod seal;
mod standing;
mod tag;
mod tenant;
mod todo;
mod user;
mod vault;
mod versions;
mod vitals;
mod xid;

pub use api_key::{ApiKeyListProjection, PgApiKeyList};
pub use audit::{AuditListProjection, PgAuditLog, PgAuditTape};
pub use erasure::Erasure;
pub use fitness::Fitness;
pub use log::{PgEventLog, Wake};
pub use mail::{PgOutbox, PgSentLog};
pub use operator::{OperatorListProjection, PgOperatorList};
pub use pool::{
    Connector, PgPools, PgSettings, PoolError, SERVICE_ROLE, Tls, connector, lacks_role, sqlx_options,
};
pub use progress::{PgProgress, Reached};
pub use projections::{Deployment, REACTIONS, all, mail_reactions};
pub use readers::{AcrossTenants, READER_ROLE, TenantReaders};
pub use role::{PgRoleList, RoleListProjection};
pub use seal::{Export, PgEvents, PgSeals, Sealing};
pub use standing::StandingFollower;
pub use tag::{PgTagList, TagListProjection};
pub use tenant::PgTenantList;
pub use todo::{PgTodoList, PgTodoPast, TodoChangesProjection, TodoListProjection, TodoVersionsProjection};
pub use user::{
    PeopleProjection, PeopleVersionsProjection, PgPeople, PgPeoplePast, PgReferrals, ReferralsProjection,
};
pub use vault::{PgVault, Rewrapped};
pub use vitals::{Lag, PgVitals, PoolUse};

pub(crate) use application::BoxedError;
