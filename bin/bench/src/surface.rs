//! `create-todo`, `list-20`, `todo-by-id`, `health`: what requests cost the server.
//!
//! The server is a real `api` process with its consumers inside, in its default settings. The floor
//! is the bare process of `bare`, asked over the same connections for as many bytes. Postgres and
//! Redis are other processes: their CPU is not counted, on either side.

use std::time::Duration;

use anyhow::Result;

use crate::{
    account::Account,
    database::Database,
    load::{self, Ask, CONNECTIONS, Load},
    processes::Process,
    questions::{Bytes, Create, Depth, Health, List, One, page_cursor},
    report::{Report, Target},
    rounds::{ROUNDS, Rounds},
    seed,
    servers::Servers,
};

const ROUND: Duration = Duration::from_secs(4);
const FLOOR_ROUND: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_millis(500);
/// What a bare handler cost on the machine that the targets were set on, in CPU seconds per 1,000. A
/// slower machine, or a slower hour, is slower at both: there the ratio tells.
const HANDLER_CPU: f64 = 0.007;
/// The page that must cost what the first one costs.
const DEEP_PAGE: usize = 1_000;

/// A server for one benchmark.
struct Stage {
    database: Database,
    api: Process,
    bare: Process,
}

impl Stage {
    async fn set(servers: &Servers, name: &str) -> Result<Self> {
        let database = Database::copy(servers, name).await?;
        let api = Process::api(servers, &database, "api").await?;
        Ok(Self { database, api, bare: Process::bare().await? })
    }

    /// Ours and the floor in turn.
    async fn rounds(&self, ask: &impl Ask, floor: &impl Ask) -> Result<Figures> {
        let mut figures = Figures::default();
        for _ in 0..ROUNDS {
            let floor = load::run(&self.bare, floor, WARM_UP, FLOOR_ROUND).await?;
            let ours = load::run(&self.api, ask, WARM_UP, ROUND).await;
            figures.push(&ours.map_err(|error| error.context(self.api.said()))?, &floor);
        }
        Ok(figures)
    }

    async fn clear(self) -> Result<()> {
        drop((self.api, self.bare));
        self.database.remove().await
    }
}

#[derive(Default)]
struct Figures {
    cpu: Rounds,
    rate: Rounds,
    p50: Rounds,
    p99: Rounds,
}

impl Figures {
    fn push(&mut self, ours: &Load, floor: &Load) {
        self.cpu.push(ours.cpu, floor.cpu);
        self.rate.push(ours.rate, floor.rate);
        self.p50.push(ours.p50, floor.p50);
        self.p99.push(ours.p99, floor.p99);
    }

    fn report(&self, report: &mut Report, name: &str, cpu_most: f64) {
        let target = Target::AtMostEither(cpu_most, cpu_most / HANDLER_CPU);
        report.rounds(name, "CPU-s/1000", &self.cpu, target);
        report.rounds(&format!("{name}.rate"), "requests/s", &self.rate, Target::None);
        report.rounds(&format!("{name}.p50"), "ms", &self.p50, Target::None);
        report.rounds(&format!("{name}.p99"), "ms", &self.p99, Target::None);
    }
}

fn block_on(work: impl Future<Output = Result<()>>) -> Result<()> {
    // One thread: the servers need the other cores.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

pub(crate) fn create_todo(servers: &Servers, report: &mut Report) -> Result<()> {
    block_on(async {
        let stage = Stage::set(servers, "create").await?;
        let mut people = Vec::with_capacity(CONNECTIONS);
        for number in 0..CONNECTIONS {
            people.push(Account::new(stage.api.port, &format!("creator_{number}")).await?);
        }
        let bytes = Bytes::like(&stage.api, &Create::new(&people, 0)).await?;
        let figures = stage.rounds(&Create::new(&people, 1), &bytes).await?;
        figures.report(report, "create-todo", 0.15);
        // All in one tenant wait for each other: its running number has no gap.
        let figures = stage.rounds(&Create::new(&people[..1], 2), &bytes).await?;
        figures.report(report, "create-todo.one-tenant", 0.15);
        stage.clear().await
    })
}

pub(crate) fn list(servers: &Servers, report: &mut Report) -> Result<()> {
    block_on(async {
        let (stage, owner) = seeded(servers, "list").await?;
        let first = List::new(&owner, None);
        let bytes = Bytes::like(&stage.api, &first).await?;
        stage.rounds(&first, &bytes).await?.report(report, "list-20", 0.40);
        let cursor = page_cursor(&stage.api, &owner, DEEP_PAGE).await?;
        let deep = List::new(&owner, Some(&cursor));
        let mut depth = Depth::default();
        for _ in 0..ROUNDS {
            let shallow = load::run(&stage.api, &first, WARM_UP, ROUND).await?;
            depth.push(&load::run(&stage.api, &deep, WARM_UP, ROUND).await?, &shallow);
        }
        depth.report(report);
        stage.clear().await
    })
}

pub(crate) fn by_id(servers: &Servers, report: &mut Report) -> Result<()> {
    block_on(async {
        let (stage, owner) = seeded(servers, "by_id").await?;
        let one = One::new(&owner);
        let bytes = Bytes::like(&stage.api, &one).await?;
        stage.rounds(&one, &bytes).await?.report(report, "todo-by-id", 0.09);
        stage.clear().await
    })
}

pub(crate) fn health(servers: &Servers, report: &mut Report) -> Result<()> {
    block_on(async {
        let stage = Stage::set(servers, "health").await?;
        let bytes = Bytes::like(&stage.api, &Health).await?;
        stage.rounds(&Health, &bytes).await?.report(report, "health", 0.02);
        stage.clear().await
    })
}

/// A server whose user has 100,000 todos.
async fn seeded(servers: &Servers, name: &str) -> Result<(Stage, Account)> {
    let stage = Stage::set(servers, name).await?;
    let owner = Account::new(stage.api.port, "owner").await?;
    let tags = owner.tags(stage.api.port, 3).await?;
    seed::todos(&stage.database, &owner, &tags).await?;
    Ok((stage, owner))
}
