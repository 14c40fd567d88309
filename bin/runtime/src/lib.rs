//! What all processes share: settings, log, composition, life and end. The binaries are thin.
//!
//! # How to add a setting
//!
//! A field in `settings.rs`, read by `Reader`, which collects every problem before it gives up;
//! then a line in the table of `docs/configuration.md`.

mod audit;
mod cli;
mod compose;
mod gate;
mod healthcheck;
mod mail;
mod manage;
mod migrate;
mod operators;
mod preflight;
mod projections;
mod readiness;
mod scrape;
mod seals;
mod seed;
mod serve;
mod settings;
mod start;
mod telemetry;
mod traces;
mod workers;
mod world;

pub use compose::Node;
pub use migrate::migrator;
pub use serve::{Surface, surface};
pub use settings::{Environment, Secret, Settings};
pub use workers::worker;
pub use world::{SystemClock, SystemEntropy};
