//! `footprint`: an idle `api`'s memory, and its time from exec to ready on a migrated database.
//!
//! Ready means that `/health/ready` and the health query are answered with 200. The floor is the
//! bare process, which is ready when it answers at all.

use std::time::Duration;

use anyhow::Result;

use crate::{
    database::Database,
    processes::Process,
    report::{Report, Target},
    rounds::{ROUNDS, Rounds},
    servers::Servers,
};

/// Consumers take their leases and connections in this time.
const IDLE: Duration = Duration::from_secs(3);
const MIB_MAX: f64 = 40.0;
const READY_MAX: f64 = 1.0;

pub(crate) fn run(servers: &Servers, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let database = Database::copy(servers, "footprint").await?;
        let (mut memory, mut ready) = (Rounds::default(), Rounds::default());
        for _ in 0..ROUNDS {
            let bare = Process::bare().await?;
            let api = Process::api(servers, &database, "api").await?;
            tokio::time::sleep(IDLE).await;
            memory.push(api.resident()?, bare.resident()?);
            ready.push(api.ready_after.as_secs_f64(), bare.ready_after.as_secs_f64());
        }
        report.rounds("footprint", "MiB", &memory, Target::AtMost(MIB_MAX));
        report.rounds("footprint.ready", "s", &ready, Target::AtMost(READY_MAX));
        database.remove().await
    })
}
