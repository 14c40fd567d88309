//! Seals on a real database: what is sealed, by whom, and what becomes visible when somebody who may
//! do everything changes the log.

mod office;
mod proofs;
mod restore;
mod sealing;
mod tampering;
