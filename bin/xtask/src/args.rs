//! A small reader of command-line words: flags, options with a value, the rest.

use anyhow::Result;

use crate::failure::Exit;

/// The words after the task's name. Each reader takes out what it understood, so that
/// [`Args::finish`] can refuse what nobody asked for.
#[derive(Debug)]
pub(crate) struct Args {
    task: &'static str,
    words: Vec<String>,
}

impl Args {
    pub(crate) fn new(task: &'static str, words: impl IntoIterator<Item = String>) -> Self {
        let words = words.into_iter().collect();
        Self { task, words }
    }

    /// `--help` counts up to a bare `--`: what follows belongs to somebody else's command.
    pub(crate) fn asks_for_help(&self) -> bool {
        self.words
            .iter()
            .take_while(|word| *word != "--")
            .any(|word| matches!(word.as_str(), "--help" | "-h"))
    }

    /// True, and taken out, when the flag is there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|word| word != name);
        self.words.len() != before
    }

    /// The value of `--name value` or `--name=value`.
    pub(crate) fn option(&mut self, name: &str) -> Result<Option<String>> {
        let joined = format!("{name}=");
        let position = self.words.iter().position(|word| word == name || word.starts_with(&joined));
        let Some(position) = position else {
            return Ok(None);
        };
        let word = self.words.remove(position);
        if let Some(value) = word.strip_prefix(&joined) {
            return Ok(Some(value.to_owned()));
        }
        if position >= self.words.len() {
            return Err(self.refuse(&format!("{name} needs a value")));
        }
        Ok(Some(self.words.remove(position)))
    }

    /// The next word that is not an option.
    pub(crate) fn positional(&mut self) -> Option<String> {
        let position = self.words.iter().position(|word| !word.starts_with('-'))?;
        Some(self.words.remove(position))
    }

    /// Everything left, for a command that is not ours.
    pub(crate) fn rest(self) -> Vec<String> {
        self.words
    }

    /// Refuse words nobody took.
    pub(crate) fn finish(self) -> Result<()> {
        match self.words.first() {
            None => Ok(()),
            Some(word) => Err(self.refuse(&format!("'{word}' is not understood here"))),
        }
    }

    pub(crate) fn refuse(&self, why: &str) -> anyhow::Error {
        let task = self.task;
        Exit::usage(format!("{why}; see `cargo xtask {task} --help`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        Args::new("up", line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_word_nobody_asked_for_is_refused() {
        let error = args("--detach --fast").finish().unwrap_err();
        assert_eq!(error.to_string(), "'--detach' is not understood here; see `cargo xtask up --help`");
    }

    #[test]
    fn an_option_without_its_value_is_refused() {
        let error = args("--as").option("--as").unwrap_err();
        assert_eq!(error.to_string(), "--as needs a value; see `cargo xtask up --help`");
    }

    #[test]
    fn flags_options_and_words_are_taken_in_any_order() {
        let mut args = args("--as ada todo.txt --fast --url=http://x");
        assert!(args.flag("--fast"));
        assert_eq!(args.option("--as").unwrap().as_deref(), Some("ada"));
        assert_eq!(args.option("--url").unwrap().as_deref(), Some("http://x"));
        assert_eq!(args.positional().as_deref(), Some("todo.txt"));
        args.finish().unwrap();
    }

    #[test]
    fn help_after_two_dashes_belongs_to_the_other_command() {
        assert!(!args("-- --help").asks_for_help());
        assert!(args("-p domain --help").asks_for_help());
    }
}
