//! `keys.sh`: twelve files, each pair its own, nothing replaced, nothing in the wrong environment.

use std::{
    collections::BTreeSet, fs, os::unix::fs::PermissionsExt, path::Path, path::PathBuf, process::Command,
};

use aws_lc_rs::{encoding::AsDer, rsa, signature::KeyPair as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::{
    stub::{Stub, after},
    tools::{self, found, is_whole_run, root, said, succeeds},
};

fn keys() -> Command {
    Command::new(root().join("ops/scripts/keys.sh"))
}

fn der(path: &Path) -> Vec<u8> {
    let pem = fs::read_to_string(path).unwrap();
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap()
}

/// Files that look like keys: what is uploaded is not looked into.
fn made_up(name: &str) -> PathBuf {
    let folder = tools::folder(name);
    for surface in ["user", "portal"] {
        for (side, environment) in
            [("private", "prod"), ("public", "prod"), ("private", "staging"), ("public", "staging")]
        {
            fs::write(folder.join(format!("{surface}_{side}_{environment}.pem")), "PEM").unwrap();
        }
    }
    folder
}

#[test]
fn twelve_files_hold_six_different_pairs_of_4096_bits() {
    if found("openssl").is_none() || !is_whole_run() {
        return;
    }
    let folder = tools::folder("keys").join("made");
    succeeds(keys().arg("make").arg(&folder));
    let mut moduli = BTreeSet::new();
    for surface in ["user", "portal"] {
        for environment in ["dev", "staging", "prod"] {
            let private = folder.join(format!("{surface}_private_{environment}.pem"));
            let public = folder.join(format!("{surface}_public_{environment}.pem"));
            let pair = rsa::KeyPair::from_pkcs8(&der(&private)).unwrap();
            assert_eq!(pair.public_modulus_len() * 8, 4096);
            let own = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
            assert_eq!(own.as_ref(), der(&public), "{} belongs to another key", public.display());
            moduli.insert(der(&public));
            assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o077, 0, "for its owner only");
        }
    }
    assert_eq!((moduli.len(), fs::read_dir(&folder).unwrap().count()), (6, 12));

    let before = der(&folder.join("user_private_prod.pem"));
    let again = succeeds(keys().arg("make").arg(&folder));
    assert_eq!(again.matches("kept  ").count(), 6, "{again}");
    assert_eq!(der(&folder.join("user_private_prod.pem")), before);

    fs::remove_file(folder.join("portal_public_dev.pem")).unwrap();
    let half = keys().arg("make").arg(&folder).output().unwrap();
    assert_eq!(half.status.code(), Some(1));
    assert!(said(&half).contains("only half of a pair exists"), "{}", said(&half));
    assert!(!folder.join("portal_public_dev.pem").exists(), "a key in use is not made again");
    fs::remove_dir_all(folder.parent().unwrap()).unwrap();
}

#[test]
fn each_environment_gets_its_own_keys_and_what_must_not_change_is_never_replaced() {
    for (environment, short, has_data_key) in [("staging", "staging", true), ("production", "prod", false)] {
        let versions = if has_data_key { json!({"1": ["AWSCURRENT"]}) } else { json!({}) };
        let stub = Stub::new(&format!("upload-{environment}"))
            .answers("secretsmanager put-secret-value", &[json!({})])
            .answers("secretsmanager describe-secret", &[json!({"VersionIdsToStages": versions})]);
        let folder = made_up(&format!("made-up-{environment}"));
        let output = stub.run("keys.sh", &["upload", environment, folder.to_str().unwrap()]);
        assert!(output.status.success(), "{}", said(&output));
        let puts: Vec<(String, String)> = stub
            .calls()
            .iter()
            .filter(|call| call[2] == "put-secret-value")
            .map(|call| (after(call, "--secret-id"), after(call, "--secret-string")))
            .collect();
        let file = |name: &str| format!("file://{}/{name}_{short}.pem", folder.display());
        let prefix = format!("enterprise-todo/{environment}/");
        let expected = [
            ("JWT_PRIVATE_KEY", "user_private"),
            ("JWT_PUBLIC_KEY", "user_public"),
            ("PORTAL_JWT_PRIVATE_KEY", "portal_private"),
            ("PORTAL_JWT_PUBLIC_KEY", "portal_public"),
        ]
        .map(|(secret, name)| (format!("{prefix}{secret}"), file(name)));
        assert_eq!(puts[..4], expected);
        let once: Vec<&str> = puts[4..].iter().map(|(name, _)| name.trim_start_matches(&prefix)).collect();
        let expected: &[&str] = if has_data_key { &[] } else { &["DATA_KEY", "AUDIT_SIGNING_KEY"] };
        assert_eq!(once, expected);
        // By a file: an argument is seen by everybody on the machine.
        assert!(puts.iter().all(|(_, value)| value.starts_with("file://")), "{puts:?}");
        fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn an_unknown_environment_or_a_missing_file_uploads_nothing() {
    let stub = Stub::new("upload-nothing");
    let folder = tools::folder("no-keys");
    for environment in ["moon", "production"] {
        let output = stub.run("keys.sh", &["upload", environment, folder.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    }
    assert_eq!(stub.kinds(), [""; 0]);
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_password_for_the_database_needs_no_escaping_anywhere() {
    if found("openssl").is_none() {
        return;
    }
    let [one, other] = [(); 2].map(|()| succeeds(keys().arg("password")).trim().to_owned());
    for password in [&one, &other] {
        assert_eq!(password.len(), 32);
        assert!(password.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{password}");
    }
    assert_ne!(one, other);
}

#[test]
fn keys_are_never_committed() {
    let names = ["keys/user_private_prod.pem", "user_public_dev.pem", "ops/portal_private_staging.pem"];
    let ignored = succeeds(Command::new("git").current_dir(root()).arg("check-ignore").args(names));
    assert_eq!(ignored.lines().collect::<Vec<_>>(), names);
    let committed = succeeds(Command::new("git").current_dir(root()).args(["ls-files", "*.pem"]));
    assert_eq!(committed, "");
}
