//! The read models of tenants, their people, and who brought whom: projections and queries.

mod past;
mod people;
mod people_list;
mod referrals;
mod versions;

pub use past::PgPeoplePast;
pub use people::PeopleProjection;
pub use people_list::PgPeople;
pub use referrals::{PgReferrals, ReferralsProjection};
pub use versions::PeopleVersionsProjection;
