//! Exit codes that differ from the usual 1, carried through `anyhow`.

use std::fmt;

/// Something went wrong; the message says what.
pub(crate) const GENERAL_FAILURE: u8 = 1;
/// The command line was not understood, or some input lines were bad.
pub(crate) const USAGE: u8 = 2;
/// Stopped by Ctrl-C or SIGTERM before the work was done (128 + SIGINT, as shells have it).
pub(crate) const INTERRUPTED: u8 = 130;

/// An error that decides the exit code of the whole command.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl Exit {
    pub(crate) fn with(code: u8, message: impl Into<String>) -> anyhow::Error {
        let message = message.into();
        Self { code, message }.into()
    }

    /// For children that have already told the person what is wrong.
    pub(crate) fn silent(code: u8) -> anyhow::Error {
        Self::with(code, String::new())
    }

    pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
        Self::with(USAGE, message)
    }

    pub(crate) fn interrupted() -> anyhow::Error {
        Self::with(INTERRUPTED, "interrupted")
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Exit {}
