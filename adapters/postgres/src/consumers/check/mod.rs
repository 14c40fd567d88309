//! The self-check: random pieces of every read model are computed anew from the events, by the
//! projection that wrote them, and what differs is told and mended.
//!
//! A read model cannot differ by any bug of the runner that is known; it can by a hand on the
//! database, by a disk, by a bug that is not known. Nobody would notice before a customer does.

mod fold;
mod mend;
mod pick;
mod piece;
mod sampler;

pub use piece::{Found, Made, Piece};
pub use sampler::{CheckPace, Checked, SelfCheck, Told};
