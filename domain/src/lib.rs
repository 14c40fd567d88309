//! What Enterprise Todo knows and decides, free of clocks, randomness and IO.
//!
//! One folder an aggregate: `mod.rs` holds state, [`decide`](Root::decide) and
//! [`evolve`](Root::evolve), beside it `command.rs`, `event.rs`, `error.rs` and `spec.rs`.
//!
//! # How to add a command
//!
//! 1. `command.rs`: a struct and a variant. `event.rs`: a variant with its stored name.
//!    The compiler now lists the arms that are missing in `mod.rs`.
//! 2. `mod.rs`: one private method, its arm in `decide`, one arm in `evolve`.
//! 3. `spec.rs`: the refused case first, then the accepted, then "nothing changed".
//! 4. Run the tests once: they write `tests/golden/<event>.v1.json` and fail; commit the file, never edit it.
//!    A field that is new: say in `shared/shown.rs` who may see it. Until then it is a secret.
#![deny(clippy::wildcard_enum_match_arm)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

pub mod act;
pub mod api_key;
pub mod operator;
pub mod role;
mod shared;
pub mod tag;
pub mod tenant;
pub mod todo;
pub mod two_factor;
pub mod user;

pub use shared::{
    Actor, ApiKeyId, BlindIndex, Claim, Issued, OperatorId, RoleId, Root, Sealed, SessionId, Shown, StreamId,
    TagId, TenantId, Timestamp, TodoId, TokenHash, UserId, is_classified, shown, upcast, upcasters,
};
