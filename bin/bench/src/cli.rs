//! The command line: which benchmarks, and in what form their lines are printed.

use anyhow::{Context, Result, bail};

use crate::{
    append, audit, bare, children, footprint, jobs, lines, live, logins, projector, rebuild, replay,
    report::Report, servers::Servers, strangers, surface, token, verify,
};

type Benchmark = (&'static str, &'static str, fn(&Servers, &mut Report) -> Result<()>);

const BENCHMARKS: &[Benchmark] = &[
    ("append", "one event to a new aggregate, 32 workers, against pgbench", append::run),
    ("projector", "the projection of todos, against COPY", projector::run),
    ("audit", "searching and going back in a log of a million events", audit::run),
    ("rebuild", "the projection of todos, built anew beside the serving one", rebuild::run),
    ("create-todo", "the mutation, 32 connections", surface::create_todo),
    ("list-20", "20 of 100,000 todos with tags and owner, 32 connections", surface::list),
    ("todo-by-id", "one of 100,000 todos, 32 connections", surface::by_id),
    ("health", "the health query, 32 connections", surface::health),
    ("live", "from commit to 200 subscribers of another process", live::run),
    ("token", "who shows an access token, first and again", token::run),
    ("replay", "createTodo while 200,000 events are replayed at full speed", replay::run),
    ("logins", "one todo, asked for while 200 people sign in at once", logins::run),
    ("strangers", "whether the time of an answer tells who is known", strangers::run),
    ("jobs", "jobs that do nothing, eight at a time, and how soon one starts", jobs::run),
    ("lines", "todos as NDJSON through REST, in and out", lines::run),
    ("verify", "a million events against their seals, online and from an export", verify::run),
    ("footprint", "memory of an idle process, and its time to start", footprint::run),
];

pub(crate) fn run() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve-bare", port] => return bare::serve(port.parse().context("not a port")?),
        ["--help" | "-h"] => {
            println!("cargo xtask bench [--json] [NAME…]\n");
            for (name, what, _) in BENCHMARKS {
                println!("  {name:<12} {what}");
            }
            return Ok(());
        }
        _ => {}
    }
    let is_json = words.contains(&"--json");
    let names: Vec<&str> = words.into_iter().filter(|word| *word != "--json").collect();
    for name in &names {
        if !BENCHMARKS.iter().any(|(known, ..)| known == name) {
            bail!("there is no benchmark \"{name}\"; --help lists them");
        }
    }
    let servers = Servers::read()?;
    children::end_with_us();
    let mut report = Report::new(is_json);
    for (name, _, benchmark) in BENCHMARKS {
        if names.is_empty() || names.contains(name) {
            benchmark(&servers, &mut report).with_context(|| format!("the benchmark {name} failed"))?;
        }
    }
    report.end();
    children::clear();
    Ok(())
}
