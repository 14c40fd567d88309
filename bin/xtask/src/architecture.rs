//! Which crate may name which: dependencies point inwards, and the two surfaces never meet.
//!
//! `cargo xtask architecture` prints what is wrong; the same check is a test, so `cargo test`
//! alone suffices. A new crate fails here until somebody gives it a place in [`MAY_IMPORT`].

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{args::Args, steps, workspace};

/// Our crate → the crates of ours it may name as a normal or build dependency. What is absent is
/// forbidden; `testkit` is for `[dev-dependencies]` and therefore in no row.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("application", &["domain"]),
    ("adapter-postgres", &["application", "domain"]),
    ("adapter-redis", &["application", "domain"]),
    ("adapter-aside", &[]),
    ("adapter-jwt", &["adapter-aside", "application", "domain"]),
    ("adapter-password", &["adapter-aside", "application", "domain"]),
    ("adapter-mail", &["application", "domain"]),
    ("adapter-https", &[]),
    ("adapter-otlp", &["adapter-https", "application"]),
    ("adapter-web", &["application", "domain"]),
    ("adapter-graphql-user", &["adapter-web", "application", "domain"]),
    ("adapter-graphql-portal", &["adapter-web", "application", "domain"]),
    ("adapter-rest", &["adapter-web", "application", "domain"]),
    ("adapter-console", &[]),
    (
        "runtime",
        &[
            "adapter-https",
            "adapter-jwt",
            "adapter-mail",
            "adapter-otlp",
            "adapter-password",
            "adapter-postgres",
            "adapter-redis",
            "adapter-rest",
            "adapter-web",
            "application",
            "domain",
            "preflight",
        ],
    ),
    ("api", &["adapter-graphql-user", "adapter-rest", "adapter-web", "application", "domain", "runtime"]),
    (
        "portal-api",
        &[
            "adapter-console",
            "adapter-graphql-portal",
            "adapter-rest",
            "adapter-web",
            "application",
            "domain",
            "runtime",
        ],
    ),
    ("worker", &["application", "domain", "runtime"]),
    ("migrator", &["adapter-postgres", "runtime"]),
    ("bench", &["adapter-jwt", "adapter-postgres", "adapter-redis", "application", "domain", "runtime"]),
    ("testkit", &["adapter-postgres", "adapter-redis", "application", "domain"]),
    ("preflight", &[]),
    ("xtask", &["preflight"]),
];

/// A surface's program, and the other surface's crate, which it must not link even indirectly.
const NEVER_LINKED: [(&str, &str); 2] =
    [("api", "adapter-graphql-portal"), ("portal-api", "adapter-graphql-user")];

/// Tools for tests and measurements: in no program that is shipped.
const NEVER_SHIPPED: [&str; 3] = ["testkit", "bench", "xtask"];
const SHIPPED: [&str; 4] = ["api", "portal-api", "worker", "migrator"];

/// Our crates and the crates of ours each one names outside of its tests.
type Imports = BTreeMap<String, BTreeSet<String>>;

pub(crate) fn run(args: Args) -> Result<()> {
    args.finish()?;
    let violations = violations(&imports(&workspace::metadata()?)?);
    if violations.is_empty() {
        steps::note("dependencies point inwards");
        return Ok(());
    }
    bail!(
        "the architecture is broken (the table is in bin/xtask/src/architecture.rs):\n  {}",
        violations.join("\n  ")
    )
}

fn imports(metadata: &Value) -> Result<Imports> {
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let ours: BTreeSet<String> = packages.iter().map(name).collect();
    let imports = packages.iter().map(|package| {
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let named = dependencies
            .filter(|dependency| dependency["kind"] != "dev")
            .map(name)
            .filter(|dependency| ours.contains(dependency));
        (name(package), named.collect())
    });
    Ok(imports.collect())
}

fn violations(imports: &Imports) -> Vec<String> {
    let mut violations = Vec::new();
    for (package, named) in imports {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| name == package) else {
            violations.push(format!("{package} has no place in the table"));
            continue;
        };
        let forbidden = named.iter().filter(|name| !allowed.contains(&name.as_str()));
        violations.extend(forbidden.map(|name| format!("{package} must not import {name}")));
    }
    for (program, other) in NEVER_LINKED {
        if reachable(imports, program).contains(other) {
            violations.push(format!("{program} must not link {other}, not even indirectly"));
        }
    }
    for program in SHIPPED {
        let linked = reachable(imports, program);
        let tools = NEVER_SHIPPED.iter().filter(|tool| linked.contains(**tool));
        violations.extend(tools.map(|tool| format!("{program} must not ship {tool}")));
    }
    violations
}

fn reachable<'a>(imports: &'a Imports, from: &'a str) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut ahead = vec![from];
    while let Some(package) = ahead.pop() {
        for next in imports.get(package).into_iter().flatten() {
            if seen.insert(next.as_str()) {
                ahead.push(next);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(&str, &[&str])]) -> Imports {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        entries.iter().map(|(name, named)| ((*name).to_owned(), owned(named))).collect()
    }

    #[test]
    fn dependencies_point_inwards() {
        let imports = imports(&workspace::metadata().unwrap()).unwrap();
        assert!(imports.len() >= MAY_IMPORT.len(), "a crate of the table is gone");
        assert_eq!(violations(&imports), Vec::<String>::new());
    }

    #[test]
    fn a_crate_without_a_place_is_refused() {
        let found = violations(&table(&[("newcomer", &[])]));
        assert_eq!(found, ["newcomer has no place in the table"]);
    }

    #[test]
    fn the_domain_imports_nothing() {
        let found = violations(&table(&[("domain", &["application"])]));
        assert_eq!(found, ["domain must not import application"]);
    }

    #[test]
    fn a_surface_never_links_the_other_one_through_a_third() {
        let found = violations(&table(&[("api", &["runtime"]), ("runtime", &["adapter-graphql-portal"])]));
        let expected = "api must not link adapter-graphql-portal, not even indirectly";
        assert!(found.contains(&expected.to_owned()), "{found:?}");
    }
}
