//! The public todo.txt format.
//!
//! Choices where the format leaves them open: a `+project` or `@context` becomes a tag wherever it
//! stands; from the end of the text it is taken away, in the middle it stays as written, because
//! it is part of a sentence there. A completed line that lost its priority may carry it as
//! `pri:A`. A due date means the end of that day in UTC. Creation and completion dates are
//! checked, and not kept: the server stamps its own.

use super::{
    date::is_date,
    entry::{NewTodo, Priority},
};

const END_OF_DAY: &str = "T23:59:59Z";

pub(super) fn parse(line: &str) -> Result<NewTodo, String> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let mut todo = NewTodo::default();
    if words.first() == Some(&"x") {
        todo.is_done = true;
        words.remove(0);
    }
    if let Some(priority) = words.first().and_then(|word| priority(word)) {
        todo.priority = priority;
        words.remove(0);
    }
    // A completed line may begin with two dates: completion, then creation.
    let dates_max = if todo.is_done { 2 } else { 1 };
    for _ in 0..dates_max {
        let Some(is_real) = words.first().and_then(|word| is_date(word)) else {
            break;
        };
        let date = words.remove(0);
        if !is_real {
            return Err(format!("{date} is not a date of the calendar"));
        }
    }
    take_settings(&mut words, &mut todo)?;
    for word in &words {
        if let Some(tag) = tag(word)
            && !todo.tags.iter().any(|known| known == tag)
        {
            todo.tags.push(tag.to_owned());
        }
    }
    let end = words.iter().rposition(|word| tag(word).is_none()).map_or(0, |last| last + 1);
    // A line of nothing but tags keeps them as its text: better than losing it.
    let text = if end == 0 { &words[..] } else { &words[..end] };
    todo.text = text.join(" ");
    Ok(todo)
}

/// `due:` and `pri:` are settings, not text. Other `key:value` words stay.
fn take_settings(words: &mut Vec<&str>, todo: &mut NewTodo) -> Result<(), String> {
    let mut kept = Vec::with_capacity(words.len());
    for word in words.drain(..) {
        if let Some(date) = value(word, "due:") {
            match is_date(date) {
                Some(true) => todo.due_at = Some(format!("{date}{END_OF_DAY}")),
                Some(false) => return Err(format!("due:{date} is not a date of the calendar")),
                None => return Err(format!("due:{date} is not a date; write due:YYYY-MM-DD")),
            }
        } else if let Some(letter) = value(word, "pri:").and_then(letter) {
            todo.priority = letter;
        } else {
            kept.push(word);
        }
    }
    *words = kept;
    Ok(())
}

fn value<'a>(word: &'a str, key: &str) -> Option<&'a str> {
    word.strip_prefix(key).filter(|value| !value.is_empty())
}

/// `(A)` to `(Z)`.
fn priority(word: &str) -> Option<Priority> {
    letter(word.strip_prefix('(')?.strip_suffix(')')?)
}

fn letter(text: &str) -> Option<Priority> {
    match text.as_bytes() {
        b"A" => Some(Priority::Urgent),
        b"B" => Some(Priority::High),
        b"C" => Some(Priority::Normal),
        [b'D'..=b'Z'] => Some(Priority::Low),
        _ => None,
    }
}

/// The name in `+name` or `@name`.
fn tag(word: &str) -> Option<&str> {
    word.strip_prefix(['+', '@']).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str) -> String {
        parse(line).unwrap().text
    }

    fn tags(line: &str) -> Vec<String> {
        parse(line).unwrap().tags
    }

    #[test]
    fn impossible_dates_are_refused() {
        for line in ["(A) 2026-02-30 a", "x 2026-01-01 2025-13-01 a", "a due:2026-04-31", "a due:soon"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_plain_line_is_a_plain_todo() {
        let todo = parse("Buy milk").unwrap();
        assert_eq!(todo, NewTodo { text: "Buy milk".to_owned(), ..NewTodo::default() });
    }

    #[test]
    fn letters_become_priorities() {
        let of = |line: &str| parse(line).unwrap().priority;
        assert_eq!(of("(A) a"), Priority::Urgent);
        assert_eq!(of("(B) a"), Priority::High);
        assert_eq!(of("(C) a"), Priority::Normal);
        assert_eq!(of("(D) a"), Priority::Low);
        assert_eq!(of("(Z) a"), Priority::Low);
        assert_eq!(of("a"), Priority::Normal);
        assert_eq!(of("x 2026-01-02 a pri:A"), Priority::Urgent);
    }

    #[test]
    fn only_the_form_of_the_rules_is_a_priority() {
        assert_eq!(text("(a) buy"), "(a) buy");
        assert_eq!(text("(AB) buy"), "(AB) buy");
        assert_eq!(text("buy (A) milk"), "buy (A) milk");
    }

    #[test]
    fn a_completed_line_begins_with_a_small_x_and_a_blank() {
        let todo = parse("x 2011-03-03 2011-03-01 Review the pull request").unwrap();
        assert!(todo.is_done);
        assert_eq!(todo.text, "Review the pull request");
        assert!(parse("x (B) 2016-05-20 2016-04-30 measure").unwrap().is_done);
        for line in ["xylophone lesson", "X 2012-01-01 Make resolutions", "(A) x Find tickets"] {
            assert!(!parse(line).unwrap().is_done, "{line}");
        }
    }

    #[test]
    fn a_creation_date_is_not_text_but_a_later_date_is() {
        assert_eq!(text("(A) 2011-03-02 Call Mom"), "Call Mom");
        assert_eq!(text("2011-03-02 Call Mom on 2011-03-05"), "Call Mom on 2011-03-05");
        assert_eq!(text("2011-03-02 2011-03-03 is a date"), "2011-03-03 is a date");
    }

    #[test]
    fn tags_leave_the_end_and_stay_in_the_middle() {
        let line = "Thank Mom for the +meatballs recipe @phone +family";
        assert_eq!(text(line), "Thank Mom for the +meatballs recipe");
        assert_eq!(tags(line), ["meatballs", "phone", "family"]);
    }

    #[test]
    fn a_sign_inside_of_a_word_or_alone_is_no_tag() {
        assert_eq!(tags("Email SoAndSo at soandso@example.com about 2+2 + @"), [""; 0]);
        assert_eq!(text("Learn + practise @"), "Learn + practise @");
    }

    #[test]
    fn a_line_of_tags_keeps_its_words() {
        assert_eq!(text("+garden @home"), "+garden @home");
    }

    #[test]
    fn a_tag_named_twice_counts_once() {
        assert_eq!(tags("a +home @home"), ["home"]);
    }

    #[test]
    fn a_due_date_is_the_end_of_that_day_wherever_it_stands() {
        let todo = parse("Pay due:2026-12-31 the rent +home").unwrap();
        assert_eq!(todo.due_at.as_deref(), Some("2026-12-31T23:59:59Z"));
        assert_eq!(todo.text, "Pay the rent");
    }

    #[test]
    fn other_settings_stay_in_the_text() {
        assert_eq!(text("Read http://example.com due: rec:1w"), "Read http://example.com due: rec:1w");
    }

    #[test]
    fn nothing_after_the_marks_is_an_empty_text() {
        assert_eq!(text("x 2026-01-01"), "");
        assert_eq!(text("(A)"), "");
    }
}
