//! What auditors search by and read: rows of all events, kept by a projection; what happened comes
//! from the events themselves.

mod audit_list;
mod conditions;
mod pieces;
mod places;
mod rows;
mod search;
mod spans;
mod tape;
mod trail;

pub use audit_list::AuditListProjection;
pub use tape::PgAuditTape;
pub use trail::PgAuditLog;
