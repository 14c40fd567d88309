//! The queue on a real Postgres: once each, tried again, put aside, taken from the dead.

mod desk;
mod mails;
mod queue;
mod schedules;
mod schema;
mod upkeep;
