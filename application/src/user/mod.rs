//! Users: registration, verification, sessions, and the people of a tenant.

mod account;
mod commands;
mod confirmation;
mod erasure;
mod invitations;
mod letters;
mod past;
mod queries;
mod reactions;
mod recovery;
mod referrals;
mod refusal;
mod reset;
mod rows;
mod sessions;
mod suspension;
mod two_factor;

pub use account::{
    ChangePassword, Logout, LogoutEverywhere, MySessions, SessionRow, UpdateProfile, open_sessions,
};
pub(crate) use commands::sealed;
pub use commands::{AddPerson, Person, PersonChanged, Register, VerifyEmail};
pub use confirmation::ConfirmPassword;
pub use erasure::{EraseUser, ErasedUser};
pub use invitations::{AcceptInvitation, InviteOwner, InviteUser};
pub use letters::NOTICE_AGE_MAX;
pub(crate) use letters::{Addressed, unwritten};
pub use past::{CountPeopleAsOf, PastPerson, PeopleAsOf, PeoplePast};
pub use queries::{
    CountPeople, ListPeople, Me, People, PeopleById, PersonField, PersonFilter, PersonRow, PersonSort,
    PersonStatus, TenantRow,
};
pub use reactions::{Mailed, Mails};
pub use recovery::{CheckResetToken, Heard, RequestPasswordReset, ResendVerification, ResetPassword};
pub use referrals::{
    CountDownline, MyDownline, MyReferralStats, ReferralField, ReferralFilter, ReferralRow, ReferralSort,
    ReferralStats, Referrals,
};
pub(crate) use reset::GROUNDS;
pub use reset::ResetTwoFactorOfTenant;
pub use sessions::{Entry, Login, Refresh, SessionTokens};
pub use suspension::{ReinstateUser, ReinstateUserOfTenant, SuspendUser, SuspendUserOfTenant};
pub use two_factor::{BindTwoFactor, GenerateTwoFactor, UnbindTwoFactor, VerifyTwoFactor};
