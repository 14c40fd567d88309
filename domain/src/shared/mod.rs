//! What every aggregate shares: ids, who and when, claims, sealed values, upcasters.

mod claim;
mod host;
mod id;
mod issued;
mod sealed;
mod shown;
mod upcast;

pub use claim::Claim;
pub use host::Root;
pub(crate) use host::hosted_by_cqrs_es;
pub use id::{ApiKeyId, OperatorId, RoleId, SessionId, StreamId, TagId, TenantId, TodoId, UserId};
pub use issued::{Actor, Issued, Timestamp};
pub use sealed::{BlindIndex, Sealed, TokenHash};
pub use shown::{Shown, is_classified, shown};
pub use upcast::{upcast, upcasters};
