//! Hints and limits through a real Redis: in order, in bursts, and through every kind of outage.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod exchange;
mod failover;
mod limits;
mod outage;
mod proxy;
mod rig;
mod server;
mod settings;
