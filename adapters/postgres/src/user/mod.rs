//! The read model of tenants and their people: projection and queries.

mod people;

pub use people::{PeopleProjection, PgPeople};
