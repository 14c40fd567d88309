//! The read models of tenants, their people, and who brought whom: projections and queries.

mod people;
mod people_list;
mod referrals;

pub use people::PeopleProjection;
pub use people_list::PgPeople;
pub use referrals::{PgReferrals, ReferralsProjection};
