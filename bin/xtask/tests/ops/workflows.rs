//! The workflows: linted by the tools of others, and a few rules of our own.

use std::{fs, process::Command};

use crate::tools::{found, root, succeeds, text};

fn workflows() -> Vec<(String, String)> {
    let folder = fs::read_dir(root().join(".github/workflows")).unwrap();
    let files = folder.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<_> =
        files.map(|name| (name.clone(), text(&format!(".github/workflows/{name}")))).collect();
    files.sort_unstable();
    files
}

#[test]
fn shellcheck_finds_nothing_in_the_scripts() {
    let Some(program) = found("shellcheck") else { return };
    let scripts = fs::read_dir(root().join("ops/scripts")).unwrap();
    let scripts: Vec<_> = scripts.map(|script| script.unwrap().path()).collect();
    assert!(scripts.len() >= 8, "{scripts:?}");
    succeeds(Command::new(program).current_dir(root()).args(["-x", ".ci/run"]).args(scripts));
}

#[test]
fn actionlint_finds_nothing_in_the_workflows() {
    let Some(program) = found("actionlint") else { return };
    succeeds(Command::new(program).current_dir(root()));
}

#[test]
fn zizmor_finds_nothing_in_the_workflows() {
    let Some(program) = found("zizmor") else { return };
    succeeds(Command::new(program).current_dir(root()).args(["--offline", "--no-progress", ".github"]));
}

#[test]
fn every_action_is_pinned_by_commit_and_says_its_version() {
    for (name, text) in workflows() {
        for line in
            text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: "))
        {
            if line.starts_with("./") {
                continue;
            }
            let (action, version) = line.split_once(" # v").unwrap_or_else(|| panic!("{name}: {line}"));
            let commit = action.split_once('@').map_or("", |(_, commit)| commit);
            let is_commit = commit.len() == 40 && commit.bytes().all(|it| it.is_ascii_hexdigit());
            assert!(is_commit && !version.is_empty(), "{name}: {line}");
        }
    }
}

#[test]
fn nothing_is_allowed_that_is_not_needed_and_no_key_is_stored() {
    for (name, text) in workflows() {
        assert!(text.contains("\npermissions: {}\n") || text.contains("\npermissions:\n  contents: read\n"));
        let granted: Vec<&str> = text
            .lines()
            .map(|line| line.split(" #").next().unwrap_or_default().trim())
            .filter(|line| line.ends_with(": write") || line.ends_with(": read"))
            .collect();
        let all = ["id-token: write", "contents: read"];
        assert!(granted.iter().all(|it| all.contains(it)), "{name}: {granted:?}");
        if name == "ci.yml" {
            assert!(!granted.contains(&"id-token: write"), "checks never reach AWS");
        }
        for word in ["secrets.", "AWS_ACCESS_KEY", "aws-secret-access-key", "pull_request_target"] {
            assert!(!text.contains(word), "{name} has {word}");
        }
        assert!(text.contains("\nconcurrency:\n") || text.contains("workflow_call:"), "{name}");
    }
}

#[test]
fn the_migrator_comes_before_any_service_and_production_after_staging() {
    let release = text(".github/workflows/release.yml");
    let steps = [
        "ops/scripts/build.sh",
        "ops/scripts/migrate.sh \"$DIGEST\"",
        "ops/scripts/deploy.sh api \"$DIGEST\"",
        "ops/scripts/deploy.sh portal-api \"$DIGEST\"",
        "ops/scripts/deploy.sh worker \"$DIGEST\"",
    ];
    let places = steps.map(|step| release.find(step).unwrap_or_else(|| panic!("no {step}")));
    assert!(places.is_sorted(), "{places:?}");
    assert!(release.contains("SHA: ${{ github.sha }}"), "one commit from the images to the services");
    assert!(!release.contains("continue-on-error") && !release.contains("always()"), "a failure stops");
    let deploy = text(".github/workflows/deploy.yml");
    assert!(deploy.contains("run: cargo xtask upgrade") && deploy.contains("needs: upgrade"), "{deploy}");
    assert!(deploy.contains("branches: [main]") && deploy.contains("needs: staging"), "{deploy}");
    assert!(deploy.contains("cancel-in-progress: false"), "a running migration is not cut");
    let rollback = text(".github/workflows/rollback.yml");
    assert!(!rollback.contains("migrate.sh"), "a rollback leaves the schema");
}
