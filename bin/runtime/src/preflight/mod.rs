//! `api preflight`, and the same of the other programs: the part of the go-live list that can be looked
//! at where a process runs. It takes the process's own settings, changes nothing, and ends with 0 when
//! nothing failed.
//!
//! # Adding a row
//!
//! One entry in a table of `rows.rs`; what it has to ask for is asked in `subject.rs`, once.

mod rows;
mod subject;
mod web;

use std::process::ExitCode;

use preflight::look;

use self::subject::Subject;
use crate::{cli, settings::Process};

/// What the list is told.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wishes {
    /// Running surfaces.
    urls: Vec<String>,
    /// Whether what cannot be told counts as failed.
    strict: bool,
}

impl Wishes {
    fn parse(words: &[&str]) -> Result<Self, String> {
        let mut wishes = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--strict" => wishes.strict = true,
                "--url" => {
                    let url = words.next().filter(|url| web::is_url(url));
                    let url = url.ok_or("--url wants https://host of a running surface")?;
                    wishes.urls.push(url.trim_end_matches('/').to_owned());
                }
                unknown => return Err(format!("unknown: {unknown}")),
            }
        }
        Ok(wishes)
    }
}

/// One line of the usage of a program.
pub(crate) const USAGE: &str =
    "preflight [--url URL]... [--strict]   look whether this process is fit to go live, a line a row";

/// Looks, and says so.
#[expect(clippy::print_stdout, reason = "the contract is its output")]
pub(crate) fn preflight(process: Process, words: &[&str]) -> ExitCode {
    let Wishes { urls, strict } = match Wishes::parse(words) {
        Ok(wishes) => wishes,
        Err(problem) => {
            return cli::misconfigured(&[problem, format!("usage: {} {USAGE}", process.name())]);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("the operating system gives threads");
    let subject = runtime.block_on(Subject::look(process, urls, runtime.handle().clone()));
    let tally = look(rows::all(), &subject, |line| println!("{line}"));
    if tally.is_ready(strict) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_not_known_are_refused() {
        let read = |words: &[&str]| Wishes::parse(words);
        assert_eq!(read(&[]), Ok(Wishes::default()));
        let urls = vec!["https://api.todo.example".to_owned(), "http://localhost:3334".to_owned()];
        let words = ["--url", "https://api.todo.example/", "--strict", "--url", "http://localhost:3334"];
        assert_eq!(read(&words), Ok(Wishes { urls, strict: true }));
        for wrong in [&["--url"][..], &["--url", "api.todo.example"], &["--keys", "keys"], &["now"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
