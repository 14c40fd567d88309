//! `cargo xtask tidy`: rules of `docs/style.md` that a program can check.
//!
//! Lengths are held by a ratchet: what is too long today is tolerated, one more is not, and each
//! improvement is locked in.

mod proofs;
mod ratchet;
mod source;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use self::{ratchet::Ratchet, source::Source};
use crate::{args::Args, steps, workspace};

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 400;
/// Each hides work that is not done, or leaves a trace that was meant for a minute.
const BANNED: [&str; 3] = ["#[ignore", "todo!(", "dbg!("];
/// The one file with code that the compiler does not check, and the lint that has to be told so.
const UNSAFE: (&str, &str) = ("adapters/aside/src/breath.rs", "unsafe_code");
/// The document whose claims are held by tests.
const CLAIMS: &str = "docs/security.md";
/// A snapshot nobody has looked at yet.
const UNREVIEWED: &str = ".snap.new";
const SKIPPED_FOLDERS: [&str; 3] = ["target", ".git", "node_modules"];

/// What was found, each with its place.
#[derive(Debug, Default)]
struct Findings {
    wrong: Vec<String>,
    long_functions: Vec<String>,
    long_files: Vec<String>,
}

pub(crate) fn run(args: Args) -> Result<()> {
    args.finish()?;
    let root = workspace::root();
    let mut findings = Findings::default();
    let mut files = Vec::new();
    collect(root, &mut files)?;
    for path in &files {
        let place = path.strip_prefix(root).unwrap_or(path).display().to_string();
        if place.ends_with(UNREVIEWED) {
            findings.wrong.push(format!("{place}: a snapshot nobody reviewed; accept or delete it"));
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(path).with_context(|| format!("could not read {place}"))?;
            examine(&place, &text, &mut findings);
        }
    }
    unproved(root, &mut findings)?;
    let mut ratchet = Ratchet::read()?;
    ratchet.hold("long_functions", &findings.long_functions, &mut findings.wrong);
    ratchet.hold("long_files", &findings.long_files, &mut findings.wrong);
    ratchet.write()?;
    if findings.wrong.is_empty() {
        steps::note(&format!("{} files are tidy", files.len()));
        return Ok(());
    }
    bail!("not tidy:\n  {}", findings.wrong.join("\n  "))
}

/// Names the claims whose test is not where the document says.
fn unproved(root: &Path, findings: &mut Findings) -> Result<()> {
    let text = fs::read_to_string(root.join(CLAIMS)).with_context(|| format!("could not read {CLAIMS}"))?;
    for claim in proofs::claims(&text) {
        let code = fs::read_to_string(root.join(claim.file)).unwrap_or_default();
        if !code.contains(&format!("fn {}(", claim.test)) {
            let proofs::Claim { line, file, test } = claim;
            findings.wrong.push(format!("{CLAIMS}:{line}: there is no test `{test}` in {file}"));
        }
    }
    Ok(())
}

fn examine(place: &str, text: &str, findings: &mut Findings) {
    if !text.trim_start().starts_with("//!") && !is_test(place) {
        findings.wrong.push(format!("{place}:1: a module opens with `//!` and says what it is for"));
    }
    let source = Source::of(text);
    for (number, word) in source.find(&BANNED) {
        findings.wrong.push(format!("{place}:{number}: `{word}` does not stay in the code"));
    }
    let (only, lint) = UNSAFE;
    for (number, word) in source.find(&[lint]).into_iter().filter(|_| place != only) {
        findings.wrong.push(format!("{place}:{number}: only {only} may say `{word}`"));
    }
    if is_test(place) {
        return;
    }
    let lines = source.lines_before_tests();
    if lines > FILE_LINES_MAX {
        findings.long_files.push(format!("{place}: {lines} lines (at most {FILE_LINES_MAX})"));
    }
    for function in source.functions() {
        if function.lines > FUNCTION_LINES_MAX {
            findings.long_functions.push(format!(
                "{place}:{}: `{}` has {} lines (at most {FUNCTION_LINES_MAX})",
                function.line, function.name, function.lines
            ));
        }
    }
}

/// Files that hold nothing but tests.
fn is_test(place: &str) -> bool {
    let path = Path::new(place);
    let in_folder = path.components().any(|part| part.as_os_str() == "tests");
    in_folder || matches!(path.file_name().and_then(|it| it.to_str()), Some("spec.rs" | "tests.rs"))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !path.is_symlink() {
            if !SKIPPED_FOLDERS.contains(&&*name) {
                collect(&path, files)?;
            }
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(place: &str, text: &str) -> Vec<String> {
        let mut findings = Findings::default();
        examine(place, text, &mut findings);
        findings.wrong.extend(findings.long_functions);
        findings.wrong
    }

    #[test]
    fn a_module_without_its_purpose_is_not_tidy() {
        assert_eq!(wrong("a/src/b.rs", "fn a() {}").len(), 1);
        assert_eq!(wrong("a/tests/b.rs", "fn a() {}").len(), 0);
    }

    #[test]
    fn a_banned_word_counts_in_code_only() {
        assert_eq!(wrong("a.rs", "//! todo!( is banned\nconst A: &str = \"dbg!(\";"), [""; 0]);
        assert_eq!(wrong("a.rs", "//! x\n#[ignore]\nfn a() {}").len(), 1);
    }

    #[test]
    fn what_the_compiler_does_not_check_stands_in_one_file() {
        let text = "//! x\n#[expect(unsafe_code)]\nfn a() {}";
        assert_eq!(wrong(UNSAFE.0, text).len(), 0);
        assert_eq!(wrong("domain/src/a.rs", text).len(), 1);
        assert_eq!(wrong("domain/tests/a.rs", text).len(), 1);
    }

    #[test]
    fn a_function_over_the_limit_is_named() {
        let body = "    call();\n".repeat(FUNCTION_LINES_MAX);
        let text = format!("//! x\nfn long() {{\n{body}}}\n");
        assert_eq!(wrong("a.rs", &text), ["a.rs:2: `long` has 72 lines (at most 70)"]);
    }
}
