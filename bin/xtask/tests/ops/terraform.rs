//! The infrastructure's own checks: form, validity, and an assertion a row of the inventory.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use crate::tools::{found, is_whole_run, root, skipped, succeeds, text};

/// Where packages of this provider's mirror are looked for when `TERRAFORM_PROVIDERS` names none.
const MIRRORS: [&str; 4] = [
    "/opt/tf-plugins",
    "/usr/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/var/lib/terraform/providers",
];
const PROVIDER: &str = "registry.terraform.io/hashicorp/aws";

fn folder() -> PathBuf {
    root().join("ops/terraform")
}

/// The folder that holds the pinned provider, as `terraform providers mirror` makes it.
fn mirror() -> Option<PathBuf> {
    let named = env::var_os("TERRAFORM_PROVIDERS").map(PathBuf::from);
    let home = env::var_os("HOME").map(|home| Path::new(&home).join(".terraform.d/plugins"));
    let mut folders = named.into_iter().chain(home).chain(MIRRORS.iter().map(PathBuf::from));
    let mirror = folders.find(|folder| folder.join(PROVIDER).is_dir());
    if mirror.is_none() {
        skipped("no mirror of terraform's AWS provider is on this machine; TERRAFORM_PROVIDERS can name one");
    }
    mirror
}

/// Terraform with its working files below `target`, and without a person's own settings.
fn terraform(program: &Path, data: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder()).env("TF_DATA_DIR", data).env("TF_CLI_CONFIG_FILE", "/dev/null");
    command.env("TF_IN_AUTOMATION", "1").env("CHECKPOINT_DISABLE", "1");
    command
}

#[test]
fn the_infrastructure_is_formatted() {
    let Some(program) = found("terraform") else { return };
    let data = root().join("target/ops-tests/terraform-fmt");
    succeeds(terraform(&program, &data).args(["fmt", "-check", "-recursive", "-diff"]));
}

#[test]
fn the_infrastructure_is_what_the_inventory_says() {
    let Some(program) = found("terraform") else { return };
    let Some(mirror) = mirror() else { return };
    if !is_whole_run() {
        return;
    }
    let (program, mirror) = (&program, &mirror);
    thread::scope(|scope| {
        for environment in ["production", "staging"] {
            scope.spawn(move || {
                let data = root().join("target/ops-tests").join(format!("terraform-{environment}"));
                fs::create_dir_all(&data).unwrap();
                let tests = format!("-test-directory=tests/{environment}");
                succeeds(
                    terraform(program, &data)
                        .args(["init", "-backend=false", "-input=false", "-no-color", "-lockfile=readonly"])
                        .arg(&tests)
                        .arg(format!("-plugin-dir={}", mirror.display())),
                );
                succeeds(terraform(program, &data).args(["validate", "-no-color"]));
                let said = succeeds(
                    terraform(program, &data)
                        .args(["test", "-no-color", &tests])
                        .arg(format!("-var-file=environments/{environment}.tfvars")),
                );
                assert!(said.contains("Success!") && !said.contains("Success! 0 passed"), "{said}");
            });
        }
    });
}

#[test]
fn the_provider_is_pinned_and_its_checksum_is_committed() {
    let versions = text("ops/terraform/versions.tf");
    let version = versions.lines().find_map(|line| line.trim().strip_prefix("version = \""));
    let version = version.and_then(|rest| rest.strip_suffix('"')).expect("a version");
    assert!(version.split('.').all(|part| part.parse::<u32>().is_ok()), "not one version: {version}");
    let lock = text("ops/terraform/.terraform.lock.hcl");
    assert!(lock.contains(&format!("version     = \"{version}\"")) && lock.contains("h1:"), "{lock}");
}

/// An account's id, a zone or an address of somebody: parameters, never literals.
#[test]
fn no_account_is_named_outside_the_tests() {
    let mut folders = vec![folder(), root().join("ops/environments"), root().join("ops/task-definitions")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = entry.file_name().unwrap().to_string_lossy().into_owned();
            if entry.is_dir() {
                if !["tests", ".terraform"].contains(&&*name) {
                    folders.push(entry);
                }
                continue;
            }
            let text = fs::read_to_string(&entry).unwrap();
            let digits = text.split(|it: char| !it.is_ascii_digit()).any(|run| run.len() == 12);
            assert!(!digits, "{} holds what looks like an account's id", entry.display());
        }
    }
}
