//! `cargo xtask sbom`: what each shipped program is made of, in `CycloneDX`, read from `Cargo.lock`
//! through cargo itself. Only what is compiled in counts: no dependencies of tests or of builds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{args::Args, steps, workspace};

/// What goes into an image.
pub(crate) const PROGRAMS: [&str; 4] = ["api", "portal-api", "migrator", "worker"];
/// What images are built for.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

pub(crate) fn run(mut args: Args) -> Result<()> {
    let folder = args.positional().context("which folder? See `cargo xtask sbom --help`")?;
    args.finish()?;
    write(Path::new(&folder))
}

/// One file a program.
pub(crate) fn write(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
    let tree = Tree::read()?;
    for program in PROGRAMS {
        let bill = tree.bill(program)?;
        let path = folder.join(format!("{program}.cdx.json"));
        fs::write(&path, format!("{bill:#}\n"))
            .with_context(|| format!("could not write {}", path.display()))?;
        let parts = bill["components"].as_array().map_or(0, Vec::len);
        steps::note(&format!("{}: {parts} components", path.display()));
    }
    Ok(())
}

/// The packages and what each needs when it runs.
struct Tree {
    packages: BTreeMap<String, Value>,
    needs: BTreeMap<String, Vec<String>>,
    checksums: BTreeMap<(String, String), String>,
}

impl Tree {
    fn read() -> Result<Self> {
        let output = workspace::cargo()
            .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", PLATFORM])
            .output()
            .context("could not run cargo metadata")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cargo metadata failed: {}", said.trim());
        let metadata: Value =
            serde_json::from_slice(&output.stdout).context("cargo metadata did not answer in JSON")?;
        let lock =
            fs::read_to_string(workspace::root().join("Cargo.lock")).context("could not read Cargo.lock")?;
        Ok(Self::of(&metadata, &lock))
    }

    fn of(metadata: &Value, lock: &str) -> Self {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let packages = list(&metadata["packages"]).into_iter().map(|it| (text(&it["id"]), it)).collect();
        let is_normal = |dep: &Value| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
        let nodes = list(&metadata["resolve"]["nodes"]);
        let needs = nodes.iter().map(|node| {
            let deps = list(&node["deps"]);
            let normal = deps.iter().filter(|dep| is_normal(dep)).map(|dep| text(&dep["pkg"]));
            (text(&node["id"]), normal.collect())
        });
        Self { packages, needs: needs.collect(), checksums: checksums(lock) }
    }

    /// The bill of one program: itself, its parts, and who needs whom.
    fn bill(&self, program: &str) -> Result<Value> {
        let root = self.packages.iter().find(|(id, it)| it["name"] == program && !is_foreign(id));
        let (root, _) = root.with_context(|| format!("there is no package called {program}"))?;
        let mut reached = BTreeSet::new();
        let mut open = vec![root.clone()];
        while let Some(id) = open.pop() {
            if reached.insert(id.clone()) {
                open.extend(self.needs.get(&id).into_iter().flatten().cloned());
            }
        }
        let reference = |id: &String| self.packages.get(id).map_or_else(|| id.clone(), purl);
        let parts = reached.iter().filter(|id| *id != root).filter_map(|id| self.packages.get(id));
        let components: Vec<Value> = parts.map(|package| self.component(package, "library")).collect();
        let dependencies: Vec<Value> = reached
            .iter()
            .map(|id| {
                let needs: BTreeSet<String> =
                    self.needs.get(id).into_iter().flatten().map(reference).collect();
                json!({ "ref": reference(id), "dependsOn": needs })
            })
            .collect();
        Ok(json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": { "component": self.component(&self.packages[root], "application") },
            "components": components,
            "dependencies": dependencies,
        }))
    }

    fn component(&self, package: &Value, kind: &str) -> Value {
        let purl = purl(package);
        let mut component = json!({
            "type": kind, "bom-ref": purl, "purl": purl,
            "name": package["name"], "version": package["version"],
        });
        if let Some(license) = package["license"].as_str() {
            component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
        }
        let key = (package["name"].as_str(), package["version"].as_str());
        if let (Some(name), Some(version)) = key
            && let Some(checksum) = self.checksums.get(&(name.to_owned(), version.to_owned()))
        {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        component
    }
}

fn is_foreign(id: &str) -> bool {
    id.starts_with("registry+")
}

fn purl(package: &Value) -> String {
    let text = |name: &str| package[name].as_str().unwrap_or_default();
    format!("pkg:cargo/{}@{}", text("name"), text("version"))
}

/// What `Cargo.lock` says about the archives that were downloaded.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(&format!("{name} = \"")))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let blocks = lock.split("[[package]]").skip(1);
    let entries = blocks.filter_map(|block| {
        Some(((value(block, "name")?, value(block, "version")?), value(block, "checksum")?))
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_names_what_is_compiled_in_with_checksum_and_licence_and_nothing_else() {
        let metadata = json!({
            "packages": [
                { "id": "path+api", "name": "api", "version": "0.1.0", "license": "Apache-2.0" },
                { "id": "registry+serde", "name": "serde", "version": "1.0.1", "license": "MIT/Apache-2.0" },
                { "id": "registry+deep", "name": "deep", "version": "2.0.0" },
                { "id": "registry+tests", "name": "tests", "version": "3.0.0" },
            ],
            "resolve": { "nodes": [
                { "id": "path+api", "deps": [
                    { "pkg": "registry+serde", "dep_kinds": [{ "kind": null }] },
                    { "pkg": "registry+tests", "dep_kinds": [{ "kind": "dev" }] },
                ] },
                { "id": "registry+serde", "deps": [{ "pkg": "registry+deep", "dep_kinds": [{ "kind": null }] }] },
                { "id": "registry+deep", "deps": [] },
            ] },
        });
        let lock = "[[package]]\nname = \"serde\"\nversion = \"1.0.1\"\nchecksum = \"abc\"\n";
        let bill = Tree::of(&metadata, lock).bill("api").unwrap();
        let names: Vec<&str> =
            bill["components"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["deep", "serde"]);
        let serde = &bill["components"][1];
        assert_eq!(serde["purl"], "pkg:cargo/serde@1.0.1");
        assert_eq!(serde["hashes"][0]["content"], "abc");
        assert_eq!(serde["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(bill["metadata"]["component"]["name"], "api");
        assert_eq!(bill["dependencies"][0]["dependsOn"], json!(["pkg:cargo/serde@1.0.1"]));
    }
}
