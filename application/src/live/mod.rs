//! Live changes: one hub a process, fed by hints, truthful by the log.

mod hub;
mod subscription;

pub use hub::{ChangeLog, Hub, QUEUE_CHANGES_MAX};
pub use subscription::{LiveEnd, Subscription};
