//! `CloudWatch`'s filter patterns for space-delimited lines, as its manual describes them: a name a
//! field, a condition where one counts, `...` for all that follows. A field in quotation marks or in
//! brackets is one field, whatever spaces it has.

/// A pattern such as `[timestamp, requestId, level=ERROR, ...]`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    fields: Vec<Condition>,
    is_open: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Condition {
    Any,
    /// Equal to it (or not); an asterisk at either end stands for anything.
    Text {
        is: bool,
        wanted: String,
    },
}

impl Pattern {
    /// The pattern, or what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let inner = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let inner = inner.ok_or("a pattern of fields stands in brackets")?;
        let mut parts: Vec<&str> = inner.split(',').map(str::trim).collect();
        let is_open = parts.last() == Some(&"...");
        if is_open {
            parts.pop();
        }
        let fields = parts.into_iter().map(condition).collect::<Result<_, _>>()?;
        Ok(Self { fields, is_open })
    }

    /// Whether the line counts.
    pub(crate) fn matches(&self, line: &str) -> bool {
        let found = fields(line);
        let long_enough =
            if self.is_open { found.len() >= self.fields.len() } else { found.len() == self.fields.len() };
        long_enough && self.fields.iter().zip(&found).all(|(condition, field)| condition.holds(field))
    }
}

fn condition(part: &str) -> Result<Condition, String> {
    if part.contains("&&") || part.contains("||") || part.contains(['<', '>']) {
        return Err(format!("{part}: more than is understood here"));
    }
    let (name, is, wanted) = match (part.split_once("!="), part.split_once('=')) {
        (Some((name, wanted)), _) => (name, false, Some(wanted)),
        (None, Some((name, wanted))) => (name, true, Some(wanted)),
        (None, None) => (part, true, None),
    };
    let is_name =
        |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
    if !is_name(name.trim()) {
        return Err(format!("{part}: a field needs a name"));
    }
    let wanted = wanted.map(|wanted| wanted.trim().trim_matches('"').to_owned());
    Ok(wanted.map_or(Condition::Any, |wanted| Condition::Text { is, wanted }))
}

impl Condition {
    fn holds(&self, field: &str) -> bool {
        let Self::Text { is, wanted } = self else { return true };
        let equal = match (wanted.strip_prefix('*'), wanted.strip_suffix('*')) {
            (Some(end), None) => field.ends_with(end),
            (None, Some(start)) => field.starts_with(start),
            (Some(_), Some(_)) => field.contains(wanted.trim_matches('*')),
            (None, None) => field == wanted,
        };
        equal == *is
    }
}

/// The fields of a line.
fn fields(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = line.trim_matches(' ');
    while !rest.is_empty() {
        let close = match rest.as_bytes().first() {
            Some(b'"') => Some('"'),
            Some(b'[') => Some(']'),
            _ => None,
        };
        let end = close.and_then(|close| Some(rest[1..].find(close)? + 2));
        let end = end.unwrap_or_else(|| rest.find(' ').unwrap_or(rest.len()));
        let (field, tail) = rest.split_at(end);
        found.push(if close.is_some() && field.len() > 1 { &field[1..field.len() - 1] } else { field });
        rest = tail.trim_start_matches(' ');
    }
    found
}

#[test]
fn only_the_third_field_decides_what_an_error_is() {
    let errors = Pattern::parse("[timestamp, requestId, level=ERROR, ...]").unwrap();
    for (line, counts) in [
        ("2026-01-01T00:00:00.000Z - ERROR runtime::serve no database", true),
        ("2026-01-01T00:00:00.000Z 0198-request ERROR jobs failed cause=\"[x\" y", true),
        ("2026-01-01T00:00:00.000Z - ERROR", true),
        ("2026-01-01T00:00:00.000Z - INFO http request path=/ERROR operation=ERROR", false),
        ("2026-01-01T00:00:00.000Z ERROR INFO http a client named its request ERROR", false),
        ("2026-01-01T00:00:00.000Z - ERRORS x", false),
        ("2026-01-01T00:00:00.000Z - error x", false),
        ("ERROR", false),
        ("", false),
        ("\"2026-01-01 00:00:00\" [a b] ERROR one field each", true),
    ] {
        assert_eq!(errors.matches(line), counts, "{line}");
    }
    assert!(
        !Pattern::parse("[a, b=x]").unwrap().matches("1 x 3"),
        "without dots the number of fields counts"
    );
    assert!(Pattern::parse("[a, b!=x, ...]").unwrap().matches("1 y 3"));
    for malformed in ["timestamp, level=ERROR", "[a, =b]", "[a, b=x && b=y]"] {
        assert!(Pattern::parse(malformed).is_err(), "{malformed}");
    }
}
