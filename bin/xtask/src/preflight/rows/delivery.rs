//! How a release gets there.

use super::super::{Finding, Row, holds, nothing, subject::Subject};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "no keys of AWS are stored",
        cure: "workflows sign in with id-token: write and a role, never with access keys",
        check: no_stored_keys,
    },
    Row {
        name: "the migrator runs before each deploy, with the same commit",
        cure: "in .github/workflows/release.yml migrate.sh stands before deploy.sh",
        check: migrator_first,
    },
    Row {
        name: "a deploy waits until it is stable",
        cure: "ops/scripts/deploy.sh ends with watch.sh",
        check: stability,
    },
    Row {
        name: "a failed migration stops everything",
        cure: "ops/scripts/migrate.sh exits with 1 unless the task ended with 0; no step goes on after an error",
        check: failure_stops,
    },
    Row {
        name: "each migration has a way back",
        cure: "write the .down.sql; `cargo xtask test` runs every one of them",
        check: way_back,
    },
    Row {
        name: "actions are pinned by commit",
        cure: "write the commit after @, and the version as a comment",
        check: pinned,
    },
    Row {
        name: "links to media end after 15 minutes",
        cure: "media are not built yet",
        check: |_| Finding::NotHere("media are not built yet"),
    },
];

fn no_stored_keys(subject: &Subject) -> Finding {
    let words = ["AWS_ACCESS_KEY", "AWS_SECRET", "aws-access-key-id", "aws-secret-access-key"];
    let texts = subject.texts.iter().filter(|(_, text)| words.iter().any(|word| text.contains(word)));
    let mut wrong: Vec<String> = texts.map(|(name, _)| format!("{name} names a stored key")).collect();
    if !subject.text("release.yml").contains("id-token: write") {
        wrong.push("release.yml cannot ask for a token".to_owned());
    }
    nothing(&wrong)
}

fn migrator_first(subject: &Subject) -> Finding {
    let release = subject.text("release.yml");
    let (migrate, deploy) = (release.find("scripts/migrate.sh"), release.find("scripts/deploy.sh"));
    let in_order = migrate.zip(deploy).is_some_and(|(migrate, deploy)| migrate < deploy);
    holds(in_order && release.contains("SHA: ${{ github.sha }}"), || {
        "a service may be deployed before its schema is there".to_owned()
    })
}

fn stability(subject: &Subject) -> Finding {
    let waits = subject.text("deploy.sh").contains("watch.sh");
    let asks =
        ["rolloutState", "runningCount", "FAILED"].iter().all(|it| subject.text("watch.sh").contains(it));
    holds(waits && asks, || "nobody waits for the new tasks".to_owned())
}

fn failure_stops(subject: &Subject) -> Finding {
    let release = subject.text("release.yml");
    let goes_on = ["continue-on-error", "always()", "|| true"].iter().any(|it| release.contains(it));
    let migrate = subject.text("migrate.sh");
    let says =
        migrate.contains("Migration failed — aborting deployment") && migrate.contains("set -euo pipefail");
    holds(says && !goes_on, || "a step goes on after a failure".to_owned())
}

fn way_back(subject: &Subject) -> Finding {
    let ups = subject.migrations.iter().filter_map(|name| name.strip_suffix(".up.sql"));
    let alone = ups.filter(|name| !subject.migrations.contains(&format!("{name}.down.sql")));
    nothing(&alone.map(|name| format!("{name} cannot be undone")).collect::<Vec<_>>())
}

fn pinned(subject: &Subject) -> Finding {
    let mut wrong = Vec::new();
    for (name, text) in subject.texts.iter().filter(|(name, _)| !name.contains(".sh")) {
        let lines =
            text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: "));
        for action in lines.filter(|action| !action.starts_with("./")) {
            let commit =
                action.split_once('@').map_or("", |(_, rest)| rest.split(' ').next().unwrap_or_default());
            if commit.len() != 40 || !commit.bytes().all(|it| it.is_ascii_hexdigit()) {
                wrong.push(format!("{name} uses {action}"));
            }
        }
    }
    nothing(&wrong)
}
