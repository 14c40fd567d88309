//! What is looked at: files of this checkout, and what was named on the command line.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use preflight::{Deployed, Held, Running, Web};
use serde_json::Value;

use super::web::Curl;
use crate::workspace;

pub(crate) const PROCESSES: [&str; 4] = ["api", "portal-api", "migrator", "worker"];

/// Where to look.
pub(crate) struct Sources {
    pub(crate) environment: String,
    /// `terraform show -json` of a plan or a state.
    pub(crate) plan: Option<PathBuf>,
    /// The folder of the twelve key files.
    pub(crate) keys: Option<PathBuf>,
    /// A running user surface.
    pub(crate) url: Option<String>,
    /// A running portal.
    pub(crate) portal_url: Option<String>,
}

/// Everything that rows look at.
pub(crate) struct Subject {
    pub(crate) environment: String,
    pub(crate) definitions: BTreeMap<String, Value>,
    /// What each environment adds to them.
    pub(crate) extras: BTreeMap<String, Value>,
    /// Workflows and scripts, by file name.
    pub(crate) texts: BTreeMap<String, String>,
    /// Names of files with migrations.
    pub(crate) migrations: Vec<String>,
    pub(crate) plan: Option<Value>,
    /// PEM by file name.
    pub(crate) keys: Option<BTreeMap<String, String>>,
    pub(crate) url: Option<String>,
    pub(crate) portal_url: Option<String>,
    pub(crate) web: Box<dyn Web>,
}

impl Subject {
    pub(crate) fn read(sources: &Sources) -> Result<Self> {
        let environment = sources.environment.clone();
        ensure!(
            ["staging", "production"].contains(&&*environment),
            "'{environment}' is neither staging nor production"
        );
        let root = workspace::root();
        let mut definitions = BTreeMap::new();
        for name in PROCESSES {
            let file = root.join(format!("ops/task-definitions/{name}.json"));
            definitions.insert(name.to_owned(), json(&file)?);
        }
        let mut extras = BTreeMap::new();
        for name in ["staging", "production"] {
            extras.insert(name.to_owned(), json(&root.join(format!("ops/environments/{name}.json")))?);
        }
        let mut texts = BTreeMap::new();
        for folder in [".github/workflows", "ops/scripts"] {
            texts.extend(files(&root.join(folder))?);
        }
        let migrations = files(&root.join("migrations"))?.into_keys().collect();
        let plan = sources.plan.as_deref().map(json).transpose()?;
        let keys = sources.keys.as_deref().map(files).transpose()?;
        let trimmed = |url: &Option<String>| url.as_ref().map(|url| url.trim_end_matches('/').to_owned());
        let (url, portal_url) = (trimmed(&sources.url), trimmed(&sources.portal_url));
        let web = Box::new(Curl);
        Ok(Self { environment, definitions, extras, texts, migrations, plan, keys, url, portal_url, web })
    }

    /// The attributes of all resources of a type that the plan makes or has made.
    pub(crate) fn resources(&self, kind: &str) -> Vec<(&str, &Value)> {
        let mut found = Vec::new();
        if let Some(plan) = &self.plan {
            let values = [&plan["planned_values"], &plan["values"], plan];
            let root = values.iter().map(|it| &it["root_module"]).find(|it| it.is_object());
            collect(root.unwrap_or(&Value::Null), kind, &mut found);
        }
        found
    }

    /// The variables of a process in this environment, additions included: plain ones and secrets.
    pub(crate) fn variables(&self, process: &str) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
        let container = &self.definitions[process]["containerDefinitions"][0];
        let extra = &self.extras[&self.environment][process];
        (merged(container, extra, "environment", "value"), merged(container, extra, "secrets", "valueFrom"))
    }

    /// A workflow or a script; empty when it is not there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.texts.get(name).map_or("", String::as_str)
    }
}

impl Deployed for Subject {
    fn processes(&self) -> Vec<Held> {
        let held = |process: &str| {
            let (plain, secrets) = self.variables(process);
            Held { process: process.to_owned(), plain, secrets }
        };
        PROCESSES.map(held).into()
    }
}

impl Running for Subject {
    const HELP: &'static str = "name the running surfaces with --url and --portal-url";

    fn urls(&self) -> Vec<String> {
        // One alone would leave the other unseen, and the row pass.
        let both = self.url.clone().zip(self.portal_url.clone());
        both.into_iter().flat_map(|(url, portal)| [url, portal]).collect()
    }

    fn web(&self) -> &dyn Web {
        &*self.web
    }
}

fn merged(container: &Value, extra: &Value, list: &str, part: &str) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = container[list].as_array().into_iter().flatten();
    let mut all: BTreeMap<_, _> = entries.map(|it| (text(&it["name"]), text(&it[part]))).collect();
    let added = extra[list].as_object().into_iter().flatten();
    all.extend(added.map(|(name, value)| (name.clone(), text(value))));
    all
}

fn collect<'v>(module: &'v Value, kind: &str, found: &mut Vec<(&'v str, &'v Value)>) {
    let list = |name: &str| module[name].as_array().into_iter().flatten();
    for resource in list("resources") {
        if resource["type"] == kind && resource["mode"] == "managed" {
            found.push((resource["address"].as_str().unwrap_or_default(), &resource["values"]));
        }
    }
    for child in list("child_modules") {
        collect(child, kind, found);
    }
}

fn json(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

fn files(folder: &Path) -> Result<BTreeMap<String, String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?;
    let mut all = BTreeMap::new();
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        all.insert(name, text);
    }
    Ok(all)
}
