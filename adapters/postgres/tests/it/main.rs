//! The log, its readers and the read models, on a real Postgres.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod accounts;
mod acts;
mod aggregates;
mod audit;
mod confirmation;
mod contract;
mod jobs;
mod migrations;
mod people_versions;
mod poison;
mod postgres_es;
mod progress;
mod projections;
mod read_models;
mod restored;
mod riding;
mod rig;
mod runner;
mod scan;
mod seals;
mod tail;
mod tally;
mod tape;
mod tenants;
mod upgrade;
mod vault;
mod versions;
mod walls;
