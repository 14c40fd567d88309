//! Words for people and words for programs.
//!
//! The standard macros panic when nobody reads any more (`cargo xtask up | head`), and a panic
//! would leave servers behind. These go on in silence.

use std::{
    fmt::Arguments,
    io::{self, Write},
};

/// A line of progress or of trouble, on standard error.
macro_rules! say {
    ($($words:tt)*) => { crate::terminal::to_people(format_args!($($words)*)) };
}

/// A line of the answer that was asked for, on standard output.
macro_rules! answer {
    ($($words:tt)*) => { crate::terminal::to_caller(format_args!($($words)*)) };
}

pub(crate) fn to_people(words: Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{words}");
}

pub(crate) fn to_caller(words: Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{words}");
}

/// Rewrite the line on which a terminal's cursor stands.
pub(crate) fn rewrite_line(words: &str) {
    let mut out = io::stderr();
    let _ = write!(out, "\r{words:<70}").and_then(|()| out.flush());
}
