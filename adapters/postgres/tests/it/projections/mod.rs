//! Consumers under an operator's hand, on a real Postgres.

mod check;
mod letters;
mod off;
mod rebuild;
mod scene;
mod serving;
mod stretches;
mod swap;
mod watch;
