//! A line of a file as a todo to create, whatever the format.

use std::path::Path;

use super::{ndjson, todo_txt};

/// The server's limits, checked here so that a bad line is known before anything is sent.
const TEXT_CHARS_MAX: usize = 500;
const TAG_CHARS_MAX: usize = 50;
const TAGS_MAX: usize = 20;

/// A todo to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where it stands in the file, from 1.
    pub(super) number: usize,
    /// The line as it stands, which is what makes it the same line in the next run.
    pub(super) line: String,
    pub(super) todo: NewTodo,
}

/// What the file says about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct NewTodo {
    pub(super) text: String,
    pub(super) is_done: bool,
    pub(super) priority: Priority,
    /// RFC 3339.
    pub(super) due_at: Option<String>,
    /// Names as people wrote them.
    pub(super) tags: Vec<String>,
}

/// As the API has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Priority {
    Low,
    #[default]
    Normal,
    High,
    Urgent,
}

impl Priority {
    pub(super) const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Urgent];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Normal => "NORMAL",
            Self::High => "HIGH",
            Self::Urgent => "URGENT",
        }
    }
}

/// A line that cannot become a todo, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadLine {
    pub(super) number: usize,
    pub(super) reason: String,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) entries: Vec<Entry>,
    pub(super) bad: Vec<BadLine>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    TodoTxt,
    Ndjson,
}

/// By the name where it says so, otherwise by what the first line looks like.
pub(super) fn format(path: &Path, bytes: &[u8]) -> Format {
    let extension = path.extension().and_then(|it| it.to_str()).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("ndjson" | "jsonl" | "json") => Format::Ndjson,
        Some("txt") => Format::TodoTxt,
        _ => {
            let text = bytes.strip_prefix(BOM).unwrap_or(bytes).trim_ascii_start();
            if text.first() == Some(&b'{') { Format::Ndjson } else { Format::TodoTxt }
        }
    }
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Every line on its own: one that is wrong does not touch the others. Blank lines are nothing.
pub(super) fn parse(bytes: &[u8], format: Format) -> Parsed {
    let mut parsed = Parsed::default();
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    for (index, raw) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let number = index + 1;
        let bad = |reason: String| BadLine { number, reason };
        let Ok(line) = std::str::from_utf8(raw) else {
            parsed.bad.push(bad("is not valid UTF-8".to_owned()));
            continue;
        };
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let todo = match format {
            Format::TodoTxt => todo_txt::parse(line),
            Format::Ndjson => ndjson::parse(line),
        };
        match todo.and_then(within_limits) {
            Ok(todo) => parsed.entries.push(Entry { number, line: line.to_owned(), todo }),
            Err(reason) => parsed.bad.push(bad(reason)),
        }
    }
    parsed
}

fn within_limits(todo: NewTodo) -> Result<NewTodo, String> {
    let chars = todo.text.chars().count();
    if todo.text.trim().is_empty() {
        return Err("has no text".to_owned());
    }
    if chars > TEXT_CHARS_MAX {
        return Err(format!("the text has {chars} characters, at most {TEXT_CHARS_MAX} fit"));
    }
    if todo.tags.len() > TAGS_MAX {
        return Err(format!("has {} tags, at most {TAGS_MAX} fit", todo.tags.len()));
    }
    if let Some(tag) = todo.tags.iter().find(|tag| tag.chars().count() > TAG_CHARS_MAX) {
        return Err(format!("the tag `{tag}` is longer than {TAG_CHARS_MAX} characters"));
    }
    Ok(todo)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(bytes: &[u8]) -> Vec<(usize, String)> {
        let bad = parse(bytes, Format::TodoTxt).bad;
        bad.into_iter().map(|line| (line.number, line.reason)).collect()
    }

    fn texts(bytes: &[u8]) -> Vec<(usize, String)> {
        let entries = parse(bytes, Format::TodoTxt).entries;
        entries.into_iter().map(|entry| (entry.number, entry.todo.text)).collect()
    }

    #[test]
    fn invalid_utf8_is_bad_and_the_rest_goes_on() {
        let bytes = b"one\n\xff\xfe\nthree\n";
        assert_eq!(reasons(bytes), [(2, "is not valid UTF-8".to_owned())]);
        assert_eq!(texts(bytes), [(1, "one".to_owned()), (3, "three".to_owned())]);
    }

    #[test]
    fn a_text_of_501_characters_is_bad_and_one_of_500_is_not() {
        let long = "ä".repeat(501);
        let reason = "the text has 501 characters, at most 500 fit".to_owned();
        assert_eq!(reasons(long.as_bytes()), [(1, reason)]);
        assert_eq!(texts("ä".repeat(500).as_bytes()).len(), 1);
    }

    #[test]
    fn too_many_or_too_long_tags_are_bad() {
        let many: String = (b'a'..=b'u')
            .flat_map(|letter| [" +".into(), char::from(letter).to_string()])
            .collect::<Vec<String>>()
            .concat();
        assert_eq!(reasons(format!("a{many}").as_bytes()).len(), 1);
        assert_eq!(reasons(format!("a +{}", "t".repeat(51)).as_bytes()).len(), 1);
    }

    #[test]
    fn blank_lines_are_nothing() {
        assert_eq!(parse(b"\n  \n\t\n", Format::TodoTxt), Parsed::default());
        assert_eq!(parse(b"", Format::Ndjson), Parsed::default());
    }

    #[test]
    fn a_byte_order_mark_and_windows_line_ends_are_not_text() {
        let found = texts(b"\xef\xbb\xbfone\r\n\r\ntwo\r\n");
        assert_eq!(found, [(1, "one".to_owned()), (3, "two".to_owned())]);
    }

    #[test]
    fn the_format_is_told_by_name_or_by_content() {
        assert_eq!(format(Path::new("a.NDJSON"), b""), Format::Ndjson);
        assert_eq!(format(Path::new("a.txt"), b"{\"text\":1}"), Format::TodoTxt);
        assert_eq!(format(Path::new("a"), b"\xef\xbb\xbf\n{\"text\":1}"), Format::Ndjson);
        assert_eq!(format(Path::new("a"), b"buy milk"), Format::TodoTxt);
    }
}
