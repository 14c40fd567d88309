//! The commands of the documents, run as they are written: what nobody can type any more fails here.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    database::Database,
    environment::told,
    pages::{Block, blocks},
    portal::{PASSWORD, create_operator},
    process, reaper,
    service::{Service, Settings},
};

/// What stands around this test, and cannot run within it.
const AROUND: [(&str, &str); 3] = [
    // It is what runs this test.
    ("cargo xtask test", "run: cargo xtask test"),
    ("cargo xtask up", "run: cargo xtask up --detach"),
    ("cargo xtask upgrade", "run: cargo xtask upgrade"),
];
pub(crate) const RESTORE: &str = "ops/runbooks/restore.md";
/// Numbers of jobs are examples: that there is none of that number is an answer.
const WORKER: &str = r#"#!/usr/bin/env bash
said=$("$TEST_BIN_DIR/worker" "$@" 2>&1); code=$?
echo "$said"
[[ $said == *"there is no job"* ]] || exit "$code"
"#;
/// Where the surface is in this test; what it refuses is an error.
const CURL: &str = r#"#!/usr/bin/env bash
exec "$REAL_CURL" --fail-with-body "${@//localhost:3333/127.0.0.1:$API_PORT}"
"#;
/// An import asks a running `up` for address and password: here is none.
const CARGO: &str = r#"#!/usr/bin/env bash
[[ $1 == xtask && $2 == import ]] || { echo "not here: cargo $*" >&2; exit 1; }
exec "$TEST_BIN_DIR/xtask" "${@:2}" --url "$API_URL" --password "$DEMO_PASSWORD"
"#;

/// A folder in which commands are typed, and what they find there.
pub(crate) struct Desk {
    folder: PathBuf,
    variables: Vec<(&'static str, String)>,
}

impl Desk {
    pub(crate) fn new(name: &str) -> Self {
        let folder = reaper::folder().join(name);
        fs::create_dir_all(folder.join("bin")).unwrap();
        for (program, text) in [("worker", WORKER), ("curl", CURL), ("cargo", CARGO)] {
            let path = folder.join("bin").join(program);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let variables = vec![("REAL_CURL", found("curl")), ("TEST_BIN_DIR", told("TEST_BIN_DIR"))];
        Self { folder, variables }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// With the settings of one of our programs.
    pub(crate) fn settings(self, settings: &Settings) -> Self {
        let all = settings.all().map(|(name, value)| (name, value.to_owned()));
        Self { variables: self.variables.into_iter().chain(all).collect(), ..self }
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Types lines, as they are, and gives what they said. All must succeed.
    pub(crate) async fn types(&self, place: &str, text: &str) -> String {
        let mut command = Command::new("bash");
        let folders = [self.folder.join("bin").display().to_string(), told("TEST_PG_BIN_DIR")];
        let path = format!("{}:{}:{}", folders.join(":"), told("TEST_BIN_DIR"), told("PATH"));
        command.args(["-euo", "pipefail", "-c", text]).current_dir(&self.folder).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value))).env("PATH", path);
        let output = process::run(command).await;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{place}: {text}\n{said}");
        assert!(!said.contains("usage:"), "{place}: {text}\n{said}");
        said
    }
}

fn found(program: &str) -> String {
    let path = told("PATH");
    let mut places = path.split(':').map(|folder| Path::new(folder).join(program));
    places
        .find(|place| place.is_file())
        .unwrap_or_else(|| panic!("there is no {program}"))
        .display()
        .to_string()
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The blocks that this suite runs.
pub(crate) fn ours(of: impl Fn(&str) -> bool) -> Vec<Block> {
    let all = blocks(&root()).into_iter();
    let here = all.filter(|block| of(&block.page) && !block.is_marked && !block.delivers());
    here.filter(|block| !is_around(block)).collect()
}

/// Whether it is run by a step of its own in CI.
fn is_around(block: &Block) -> bool {
    let Some((command, step)) = AROUND.iter().find(|(command, _)| *command == block.text.trim()) else {
        return false;
    };
    let ci = fs::read_to_string(root().join(".github/workflows/ci.yml")).unwrap();
    assert!(
        ci.lines().any(|line| line.trim().trim_start_matches("- ") == *step),
        "{command} is run by nobody"
    );
    true
}

#[tokio::test]
async fn every_command_of_a_runbook_can_be_typed() {
    let database = Database::migrated().await;
    let settings = Settings::user(&database);
    let service = Service::ready("api", &settings).await;
    // The blocks of a restore follow from each other: `restore.rs` runs them.
    let blocks = ours(|page| page != "README.md" && page != RESTORE);
    assert!(blocks.len() > 4, "{}", blocks.len());
    for block in blocks {
        let own = Database::migrated().await;
        // A worker is asked about the service; a migrator has a schema of its own to undo.
        let of = if block.text.contains("worker ") { &database } else { &own };
        let desk = Desk::new(&format!("{}-{}", block.page.replace('/', "-"), block.line))
            .settings(&Settings::user(of))
            .with("API_PORT", service.port.to_string());
        desk.types(&block.place(), &block.text).await;
    }
}

#[tokio::test]
async fn the_readme_can_be_pasted_from_the_first_line_to_the_last() {
    let database = Database::migrated().await;
    let (user, portal) = (Settings::user(&database), Settings::portal(&database));
    let seeded = process::run(user.command("api", &["seed-demo"])).await;
    assert!(seeded.status.success(), "{seeded:?}");
    let (api, office) = (Service::ready("api", &user).await, Service::ready("portal-api", &portal).await);
    let made = create_operator(&database, "operator@demo.test", "SUPER_ADMIN", PASSWORD).await;
    assert!(made.status.success(), "{made:?}");
    let (api, office) =
        (format!("http://127.0.0.1:{}", api.port), format!("http://127.0.0.1:{}", office.port));
    let env = format!(
        "API_URL={api}\nPORTAL_URL={office}\nDEMO_USER=demo\nDEMO_PASSWORD=Demo1234\n\
         OPERATOR_EMAIL=operator@demo.test\nOPERATOR_PASSWORD={PASSWORD}\n"
    );
    let lines: String = ours(|page| page == "README.md").into_iter().map(|block| block.text).collect();
    let desk = Desk::new("readme")
        .file("target/dev/env", &env)
        .file("todo.txt", "(A) Buy milk +home @shop due:2030-12-31\nx Pay rent\n")
        .with("API_URL", api)
        .with("DEMO_PASSWORD", "Demo1234");
    let said = desk.types("README.md", &lines).await;
    assert!(!said.contains("\"errors\""), "{said}");
    for part in ["\"me\":{", "\"reference\":\"TODO-", "\"totalCount\":", "\"eventType\":\"", "created 2, "] {
        assert!(said.contains(part), "no {part} in {said}");
    }
}
