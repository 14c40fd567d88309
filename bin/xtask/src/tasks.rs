//! The table of tasks: what there is, what it does, how it is called.

use anyhow::Result;

use crate::{
    architecture, args::Args, bench, ci, image, import, preflight, sbom, schema, test_task, tidy, up, upgrade,
};

/// One word after `cargo xtask`.
pub(crate) struct Task {
    pub(crate) name: &'static str,
    line: &'static str,
    example: &'static str,
    help: &'static str,
    pub(crate) run: fn(Args) -> Result<()>,
}

const TASKS: &[Task] = &[
    Task {
        name: "up",
        line: "build, migrate, seed and run the whole system on this machine",
        example: "cargo xtask up --detach",
        help: "\
Usage: cargo xtask up [--detach] [--release]

Finds or installs PostgreSQL and Redis, starts private ones below target/dev, makes
development keys, migrates, seeds a demo tenant, builds and starts api (port 3333) and
portal-api (port 3334), or the next free ports. Ctrl-C stops everything.

  --detach    return when everything is ready; stop it with `cargo xtask down`
  --release   build with optimisation

DATABASE_URL and REDIS_URL, when set, are used instead of private servers.
target/dev/env holds every address and credential for scripts.",
        run: up::up,
    },
    Task {
        name: "down",
        line: "stop what `up` started",
        example: "cargo xtask down",
        help: "Usage: cargo xtask down\n\nStops services and private servers; the data stays. Run twice, it does nothing twice.",
        run: up::down,
    },
    Task {
        name: "reset",
        line: "stop, and delete the development data",
        example: "cargo xtask reset",
        help: "Usage: cargo xtask reset\n\n`down`, then deletes target/dev: database, keys, passwords and logs. Asks nothing.",
        run: up::reset,
    },
    Task {
        name: "test",
        line: "run all tests on private servers",
        example: "cargo xtask test -p domain todo",
        help: "\
Usage: cargo xtask test [WORDS FOR cargo test]

Starts a private PostgreSQL and Redis below target/test, builds the programs, migrates a
template database and runs `cargo test --workspace`. Exits with cargo's code. Servers and
their data are gone afterwards, whatever happened.

  cargo xtask test
  cargo xtask test -p adapter-postgres
  cargo xtask test -- --nocapture tail",
        run: test_task::run,
    },
    Task {
        name: "ci",
        line: "format, lints, contracts, style, licences, tests: what CI runs",
        example: "cargo xtask ci --fast",
        help: "Usage: cargo xtask ci [--fast]\n\nRuns every check and sums up.\n\n  --fast   everything but the tests",
        run: ci::run,
    },
    Task {
        name: "schema",
        line: "write or compare the public contracts in schema/",
        example: "cargo xtask schema --check",
        help: "\
Usage: cargo xtask schema [--check]

Writes schema/{user,portal}.graphql and schema/openapi-{user,portal}.json from the programs.

  --check   only compare; exit 1 and the first difference when they are stale",
        run: schema::run,
    },
    Task {
        name: "tidy",
        line: "style rules that a program can check",
        example: "cargo xtask tidy",
        help: "Usage: cargo xtask tidy\n\nModule docs, lengths of functions and files (ratchet.txt only goes down), words that do\nnot stay in the code, snapshots nobody reviewed.",
        run: tidy::run,
    },
    Task {
        name: "architecture",
        line: "which crate may name which (also a test)",
        example: "cargo xtask architecture",
        help: "Usage: cargo xtask architecture\n\nThe table is in bin/xtask/src/architecture.rs.",
        run: architecture::run,
    },
    Task {
        name: "import",
        line: "import a todo.txt or NDJSON file through the public API",
        example: "cargo xtask import todo.txt --as ada",
        help: "\
Usage: cargo xtask import FILE --as USER [--password P] [--url URL]

  --as USER      username or e-mail of the person who gets the todos
  --password P   or the variable IMPORT_PASSWORD; the demo user of a running `up` needs none
  --url URL      the user surface; by default the one of the running `up`

todo.txt: `x` for done, (A) urgent, (B) high, (C) or none normal, (D) to (Z) low; +project and
@context become tags, and leave the text where they stand at its end; due:2026-12-31 is the
end of that day (UTC). Creation and completion dates are read and not kept.
NDJSON: one object a line: text, done, priority, dueAt (RFC 3339 or a date), tags (names).

Lines that are wrong are reported with their number, the rest goes on. Run twice, it adds
nothing twice. Exit code 0: all lines are in; 2: some lines were bad; 1: it could not go on.",
        run: import::run,
    },
    Task {
        name: "bench",
        line: "run the benchmarks on private servers (release build)",
        example: "cargo xtask bench --json",
        help: "Usage: cargo xtask bench [WORDS FOR bench]\n\nStarts a private PostgreSQL (default durability) and Redis below target/bench.",
        run: bench::run,
    },
    Task {
        name: "upgrade",
        line: "the previous release's programs and these on one database",
        example: "cargo xtask upgrade",
        help: "\
Usage: cargo xtask upgrade [--from REV] [--released]

Builds the programs of the previous release (ops/previous-release) from git, and lets them and
these meet: its programs on the new schema, these on what it wrote, both beside each other, and
its own again after these. Compiles twice. Needs the history: a clone of the newest commit alone
has none.

  --from REV   another release than that of the file
  --released   run nothing; write HEAD into the file: it is what runs in production now",
        run: upgrade::run,
    },
    Task {
        name: "image",
        line: "build the images, look into them, and run what is in them",
        example: "cargo xtask image",
        help: "\
Usage: cargo xtask image [--programs FOLDER]

Builds api, portal-api, migrator and worker from ops/Dockerfile and checks each: user, health
check, labels, size, no shell, SBOM; runs the program inside, and the health check against a
live and a dead port. With Docker, the compiler runs in the image as well; without, programs
are built here and buildah makes the images on a base from debootstrap (both need root).

  --programs FOLDER   the second way, with programs that are built already",
        run: image::run,
    },
    Task {
        name: "preflight",
        line: "the go-live list as a program: a line a row",
        example: "cargo xtask preflight --env production --keys keys --plan plan.json",
        help: "\
Usage: cargo xtask preflight [--env production|staging] [--keys FOLDER] [--plan FILE]
                             [--url URL --portal-url URL] [--strict]

Checks task definitions, workflows, scripts and migrations of this checkout, and what is named:

  --keys FOLDER            the twelve key files of ops/scripts/keys.sh
  --plan FILE              `terraform show -json` of a plan, or of the state
  --url, --portal-url URL  the running surfaces (asked with curl)
  --strict                 what cannot be checked counts as failed

A line a row: pass, FAIL with the reason and the cure, or - when it is not checkable here.
Exit code 1 when a row failed.",
        run: preflight::run,
    },
    Task {
        name: "sbom",
        line: "write what each program is made of, in CycloneDX",
        example: "cargo xtask sbom target/sbom",
        help: "Usage: cargo xtask sbom FOLDER\n\nOne file a program, with versions, licences and checksums of all crates compiled in.",
        run: sbom::run,
    },
];

pub(crate) fn find(name: &str) -> Option<&'static Task> {
    TASKS.iter().find(|task| task.name == name)
}

/// All tasks, one line each, and an example of each.
pub(crate) fn list() {
    answer!("Usage: cargo xtask <task> [--help]\n\nTasks:");
    for task in TASKS {
        answer!("  {:<13} {}", task.name, task.line);
    }
    answer!("\nExamples:");
    for task in TASKS {
        answer!("  {}", task.example);
    }
}

pub(crate) fn explain(task: &Task) {
    answer!("cargo xtask {}: {}\n\n{}", task.name, task.line, task.help);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_found_by_its_name_and_shows_how_to_call_it() {
        for task in TASKS {
            assert!(find(task.name).is_some());
            assert!(task.help.starts_with(&format!("Usage: cargo xtask {}", task.name)));
            assert!(task.example.starts_with(&format!("cargo xtask {}", task.name)));
        }
    }
}
