//! Alerts and the dashboard: well-formed, tried with made-up numbers, and about metrics that exist.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

use crate::tools::{found, root, skipped, succeeds, text};

const PREFIX: &str = "enterprise_todo_";
/// What Prometheus itself adds to the name of a histogram.
const PARTS: [&str; 3] = ["_bucket", "_count", "_sum"];

#[test]
fn promtool_accepts_the_alerts_and_they_say_what_they_should() {
    let Some(program) = found("promtool") else { return };
    let folder = root().join("ops/prometheus");
    succeeds(Command::new(&program).current_dir(&folder).args(["check", "rules", "rules.yaml"]));
    succeeds(Command::new(&program).current_dir(&folder).args(["test", "rules", "rules_test.yaml"]));
}

/// Every metric that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let words = text.split(|it: char| !is_word(it)).filter_map(|word| word.strip_prefix(PREFIX));
    let plain = words.map(|word| PARTS.iter().find_map(|part| word.strip_suffix(part)).unwrap_or(word));
    plain.map(str::to_owned).collect()
}

/// What docs/metrics.md explains: names in the first column of its table, `_ending` after a full one.
fn explained() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for row in text("docs/metrics.md").lines().filter(|line| line.starts_with("| `")) {
        let cell = row.split('|').nth(1).unwrap_or_default();
        let mut before = String::new();
        for name in cell.split('`').skip(1).step_by(2) {
            // `pool_connections_max`, `_open`: the same beginning with another end.
            let whole = match name.strip_prefix('_') {
                Some(end) => format!("{}_{end}", before.rsplit_once('_').map_or("", |(start, _)| start)),
                None => name.to_owned(),
            };
            names.insert(whole.clone());
            before = whole;
        }
    }
    names
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_exist() {
    if !root().join("docs/metrics.md").exists() {
        return skipped("docs/metrics.md is not there yet");
    }
    let explained = explained();
    assert!(explained.len() > 20, "{explained:?}");
    for file in ["ops/prometheus/rules.yaml", "ops/grafana/enterprise-todo.json"] {
        let named = named(&text(file));
        assert!(named.len() > 8, "{file}: {named:?}");
        let unknown: Vec<_> = named.difference(&explained).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?} are not in docs/metrics.md");
    }
}

#[test]
fn the_dashboard_has_a_question_in_each_panel_and_no_two_in_one_place() {
    let dashboard: Value = serde_json::from_str(&text("ops/grafana/enterprise-todo.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut places = BTreeSet::new();
    for panel in panels {
        let questions = panel["targets"].as_array().unwrap();
        assert!(
            questions.iter().all(|it| it["expr"].as_str().is_some_and(|it| it.contains(PREFIX))),
            "{panel}"
        );
        assert!(places.insert(panel["gridPos"].to_string()), "{panel}");
    }
    assert!(panels.len() >= 12);
}
