//! Seals and proofs, without a database: against the published vectors of Certificate Transparency,
//! against a checker of another kind, and against ten thousand ways to change a log.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod checker;
mod memory;
mod notary;
mod notes;
mod proofs;
mod tampering;
mod vectors;
