//! A strict reader of the text format, version 0.0.4, and of what `promtool check metrics` wants.

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, Stdio},
};

/// Before each of our names.
const PREFIX: &str = "enterprise_todo_";

/// What a scrape said.
pub(crate) struct Exposition {
    pub(super) text: String,
    /// By name and sorted labels.
    pub(super) values: BTreeMap<(String, Vec<(String, String)>), f64>,
}

impl Exposition {
    /// Reads it, or panics at the first thing that is not as it has to be.
    pub(super) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends");
        let (mut helped, mut family) = (String::new(), (String::new(), String::new()));
        let mut values = BTreeMap::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a description");
                assert!(!help.is_empty(), "{line}");
                name.clone_into(&mut helped);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert_eq!(name, helped, "help, then type");
                named_well(name, kind);
                family = (name.to_owned(), kind.to_owned());
            } else {
                let (name, labels, value) = sample(line);
                let (of, kind) = &family;
                let rest = name.strip_prefix(of.as_str()).unwrap_or_else(|| panic!("{line} in {of}"));
                let parts: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
                assert!(parts.contains(&rest), "{line} in {of}");
                assert!(values.insert((name, labels), value).is_none(), "{line} is there twice");
            }
        }
        Self { text: text.to_owned(), values }
    }

    /// A number of ours.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut labels: Vec<(String, String)> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        labels.sort_unstable();
        self.values.get(&(format!("{PREFIX}{name}"), labels)).copied()
    }
}

/// Names as Prometheus' guide has them: base units, and `_total` for counters and nothing else.
fn named_well(name: &str, kind: &str) {
    assert!(["counter", "gauge", "histogram"].contains(&kind), "{kind}");
    assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
    assert!(kind != "histogram" || name.ends_with("_seconds"), "{name} is a {kind}");
    for unit in ["milliseconds", "_ms", "minutes", "kilobytes", "percent"] {
        assert!(!name.contains(unit), "{name} has another unit than seconds, bytes, ratios");
    }
    assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{name}");
}

fn sample(line: &str) -> (String, Vec<(String, String)>, f64) {
    let (name, rest) = line.split_at(line.find(['{', ' ']).expect("a value"));
    let mut labels = Vec::new();
    let mut rest = rest;
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, value) = rest.split_once("=\"").expect("a label");
            let end = end_of(value).expect("the label ends");
            labels.push((label.trim_start_matches(',').to_owned(), value[..end].to_owned()));
            rest = &value[end + 1..];
        }
        rest = &rest[1..];
    }
    labels.sort_unstable();
    let value = rest.strip_prefix(' ').expect("a space").parse().expect("a number");
    (name.to_owned(), labels, value)
}

/// Where a quoted value ends.
fn end_of(value: &str) -> Option<usize> {
    let mut escaped = false;
    value.char_indices().find_map(|(at, c)| {
        let end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        end.then_some(at)
    })
}

/// What `promtool check metrics` has to say against it, on machines that have it.
#[expect(clippy::print_stderr, reason = "a check that was left out is said")]
pub(super) fn promtool(text: &str) -> Option<String> {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        eprintln!("promtool is not here: the strict reader alone has judged");
        return None;
    };
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (!output.status.success() || !said.trim().is_empty()).then_some(said)
}
