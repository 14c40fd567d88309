//! What a server said, in the form in which it may be logged and shown to operators.

use std::error::Error;

use application::mail::MailError;
use lettre::transport::smtp;

/// What is kept of an answer, in characters.
const ANSWER_CHARS_MAX: usize = 500;

/// A refusal for good (5xx) is final; everything else may be different the next time.
pub(crate) fn failure(error: &smtp::Error) -> MailError {
    let text = without_addresses(&chain(error));
    if error.is_permanent() { MailError::Refused(text) } else { MailError::Later(text) }
}

/// The error and its causes; lettre repeats none of them.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Servers like to repeat the address they refuse; it is personal data, and has no place here.
pub(crate) fn without_addresses(text: &str) -> String {
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = one_line.split(' ').filter(|word| !word.is_empty());
    let words: Vec<&str> = words.map(|word| if word.contains('@') { "<address>" } else { word }).collect();
    words.join(" ").chars().take(ANSWER_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_line_breaks_are_taken_out_of_answers() {
        let answer = "5.1.1 <ann@people.test>:\r\nRecipient address rejected (\"ann@people.test\")";
        assert_eq!(without_addresses(answer), "5.1.1 <address> Recipient address rejected <address>");
        assert_eq!(without_addresses(&"x ".repeat(5_000)).chars().count(), ANSWER_CHARS_MAX);
    }
}
