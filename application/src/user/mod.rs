//! Users: registration, verification, sessions, and the people of a tenant.

mod commands;
mod letters;
mod queries;
mod reactions;
mod refusal;
mod sessions;
mod two_factor;

pub(crate) use commands::sealed;
pub use commands::{AddPerson, Person, Register, Registered, VerifyEmail};
pub(crate) use letters::Addressed;
pub use letters::NOTICE_AGE_MAX;
pub use queries::{Me, People, PeopleById, PersonRow, PersonStatus, TenantRow};
pub use reactions::Mails;
pub use sessions::{Entry, Login, Refresh, SessionTokens};
pub use two_factor::{BindTwoFactor, GenerateTwoFactor, UnbindTwoFactor, VerifyTwoFactor};
