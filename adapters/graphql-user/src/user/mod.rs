//! Users in GraphQL: registration, sessions, the person who asks, and the people of a tenant.

mod account;
mod administration;
mod confirmation;
mod connection;
mod filter;
mod mutation;
mod query;
mod recovery;
mod referrals;
mod two_factor;
mod types;

pub(crate) use account::UserPayload;
use async_graphql::MergedObject;
pub(crate) use two_factor::TwoFactorMutation;
pub(crate) use types::User;

/// What can be asked about people.
#[derive(MergedObject, Default)]
pub(crate) struct UserQuery(
    query::PersonQuery,
    account::AccountQuery,
    recovery::RecoveryQuery,
    referrals::ReferralQuery,
    administration::AdministrationQuery,
);

/// What people can do about themselves and each other.
#[derive(MergedObject, Default)]
pub(crate) struct UserMutation(
    mutation::EntryMutation,
    account::AccountMutation,
    confirmation::ConfirmationMutation,
    recovery::RecoveryMutation,
    administration::AdministrationMutation,
);
