//! The commands of the runbooks, run as they are written: what nobody can type any more fails here.

use std::{fs, path::PathBuf};

use crate::{
    database::Database,
    process,
    service::{Service, Settings, in_parts},
};

/// A line that somebody is told to type, and where.
struct Line {
    page: String,
    words: Vec<String>,
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// All lines in blocks for a shell, but for those that need AWS.
fn lines() -> Vec<Line> {
    let mut lines = Vec::new();
    for file in fs::read_dir(folder("ops/runbooks")).unwrap().map(|file| file.unwrap().path()) {
        let page = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        let mut block = None;
        for line in text.lines().map(str::trim) {
            match (line.strip_prefix("```"), block) {
                (Some(kind), None) => block = Some(kind == "sh"),
                (Some(_), Some(_)) => block = None,
                (None, Some(true)) => {
                    let words = line.split_whitespace().map(str::to_owned).collect();
                    lines.push(Line { page: page.clone(), words });
                }
                (None, _) => {}
            }
        }
        assert!(block.is_none(), "{page} has a block without an end");
    }
    lines
}

#[tokio::test]
async fn every_command_of_a_runbook_can_be_typed() {
    let database = Database::migrated().await;
    let settings = Settings::user(&database);
    let service = Service::ready("api", &settings).await;
    let mut programs = 0;
    for Line { page, words } in lines() {
        let line = words.join(" ");
        let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        match &*words[0] {
            "worker" => {
                programs += 1;
                let output = process::run(settings.command("worker", &arguments)).await;
                let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
                // Numbers of jobs are examples; that there is none of that number is an answer.
                let is_example = said.contains("no job");
                assert!(output.status.success() || is_example, "{page}: {line}: {said}");
                assert!(!said.contains("usage:"), "{page}: {line}: {said}");
            }
            "migrator" => {
                programs += 1;
                let own = Database::migrated().await;
                let output =
                    process::run(in_parts(Settings::none(), &own).command("migrator", &arguments)).await;
                assert!(output.status.success(), "{page}: {line}: {output:?}");
            }
            "curl" => {
                let path = line.split_once("localhost:3333").unwrap_or_else(|| panic!("{page}: {line}")).1;
                let answer = service.client().get(path).await.unwrap();
                assert_eq!(answer.status, 200, "{page}: {line}");
            }
            "cargo" => {
                assert_eq!(words[1..3], ["xtask", "preflight"], "{page}: {line}");
                let help = process::run(process::command("xtask", &["preflight", "--help"], &[])).await;
                let help = String::from_utf8_lossy(&help.stdout).into_owned();
                for option in arguments.iter().filter(|word| word.starts_with("--")) {
                    assert!(help.contains(option), "{page}: {line}: {option} is unknown");
                }
            }
            script => {
                let name = script.strip_prefix("ops/scripts/").unwrap_or_else(|| panic!("{page}: {line}"));
                assert!(folder(script).is_file(), "{page}: there is no {script}");
                let tests = fs::read_dir(folder("bin/xtask/tests/ops")).unwrap();
                let mut texts = tests.map(|test| fs::read_to_string(test.unwrap().path()).unwrap());
                assert!(texts.any(|text| text.contains(name)), "{page}: no test runs {script}");
            }
        }
    }
    assert!(programs > 6, "{programs}");
}
