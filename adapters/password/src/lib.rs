//! Passwords: Argon2id, off the async threads, a bounded number at a time.
//!
//! One check takes tens of milliseconds and [`MEMORY_KIB`] of memory by design; the bound keeps a
//! flood of sign-ins from taking all processors and all memory, and a low priority keeps it from
//! being noticed by anybody else. Whoever has to wait, waits without holding a thread; where too
//! many wait, the next one is sent away.
#![deny(missing_docs)]

mod argon;
mod passwords;

pub use argon::{LANES, MEMORY_KIB, PASSES, SALT_BYTES};
pub use passwords::{Argon2Passwords, PASSWORD_CHARS_MAX, WAITING_MAX, Work};
