//! Operators: the first one made on the command line, all others on the portal.

mod commands;
mod confirmation;
mod letters;
mod password;
mod queries;
mod recovery;
mod refusal;
mod reset;
mod sessions;
mod two_factor;

pub use commands::{CreateOperator, OperatorChanged, UpdateOperator};
pub use confirmation::ConfirmPortalPassword;
pub use password::ChangePortalPassword;
pub use queries::{
    CountOperators, OperatorField, OperatorFilter, OperatorList, OperatorRow, Operators, PortalMe,
};
pub use recovery::ResetPortalPassword;
pub use reset::ResetPortalTwoFactor;
pub use sessions::{PortalEntry, PortalLogin, PortalLogout, PortalToken};
pub use two_factor::{
    BindPortalTwoFactor, GeneratePortalTwoFactor, UnbindPortalTwoFactor, VerifyPortalTwoFactor,
};
