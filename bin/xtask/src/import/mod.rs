//! `cargo xtask import`: a person's todos from a file, through the public API like any client.

mod api;
mod date;
mod entry;
mod ndjson;
mod progress;
mod run;
mod tags;
mod todo_txt;

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use self::{
    api::{Api, Credentials},
    entry::{BadLine, Entry, Parsed},
};
use crate::{
    args::Args,
    environment,
    failure::{Exit, USAGE},
    up::State,
};

/// Where the user surface listens when nothing else is known.
const DEFAULT_URL: &str = "http://127.0.0.1:3333";

pub(crate) fn run(mut args: Args) -> Result<()> {
    let identifier = args.option("--as")?;
    let url = args.option("--url")?;
    let password = args.option("--password")?;
    let Some(file) = args.positional() else {
        return Err(args.refuse("name the file to import"));
    };
    let Some(identifier) = identifier else {
        return Err(args.refuse("say whose todos they are: --as USER"));
    };
    args.finish()?;
    let parsed = parse(Path::new(&file))?;
    let credentials = credentials(identifier, password)?;
    let url = url
        .or_else(|| State::of_this_checkout().settings().get("API_URL").map(str::to_owned))
        .unwrap_or_else(|| DEFAULT_URL.to_owned());
    let api = Api::sign_in(&url, credentials)?;
    let outcome = run::import(&api, parsed)?;
    outcome.report();
    if outcome.bad.is_empty() {
        return Ok(());
    }
    Err(Exit::with(USAGE, format!("{} line(s) were not imported; see above", outcome.bad.len())))
}

fn parse(path: &Path) -> Result<Parsed> {
    let bytes = fs::read(path).with_context(|| format!("could not read {}", path.display()))?;
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        bail!("{} is UTF-16; save it as UTF-8, then try again", path.display());
    }
    let format = entry::format(path, &bytes);
    Ok(entry::parse(&bytes, format))
}

/// The demo user's password is known here; everybody else's has to be said.
fn credentials(identifier: String, password: Option<String>) -> Result<Credentials> {
    let settings = State::of_this_checkout().settings();
    let of_demo_user = || {
        let is_demo_user = settings.get("DEMO_USER") == Some(&*identifier);
        is_demo_user.then(|| settings.get("DEMO_PASSWORD").map(str::to_owned)).flatten()
    };
    let password = password.or_else(|| environment::variable("IMPORT_PASSWORD")).or_else(of_demo_user);
    match password {
        Some(password) => Ok(Credentials { identifier, password }),
        None => bail!(
            "no password for {identifier}: set IMPORT_PASSWORD or add --password (the demo user of \
             a running `cargo xtask up` needs none)"
        ),
    }
}
