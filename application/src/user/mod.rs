//! Users: registration, verification, sessions, and the people of a tenant.

mod commands;
mod queries;
mod refusal;
mod sessions;
mod two_factor;

pub(crate) use commands::sealed;
pub use commands::{AddPerson, Person, Register, Registered, VerifyEmail, verification_link_mail};
pub use queries::{Me, People, PeopleById, PersonRow, PersonStatus, TenantRow};
pub use sessions::{Entry, Login, Refresh, SessionTokens};
pub use two_factor::{BindTwoFactor, GenerateTwoFactor, UnbindTwoFactor, VerifyTwoFactor};
