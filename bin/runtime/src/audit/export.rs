//! `worker audit-export`: the log and its seals in two files.

use std::{fs::File, io::Write, path::Path};

use adapter_postgres::{Export, PgPools};
use application::BoxError;

use super::{bar::Bar, settings, wishes::Wishes};

/// Writes both files; neither may be there already.
#[expect(clippy::print_stdout, reason = "the outcome, for people")]
pub(super) async fn export(wishes: &Wishes) -> Result<(), BoxError> {
    let (events, checkpoints) = (wishes.required("--events")?, wishes.required("--checkpoints")?);
    let pools = PgPools::new(&settings()?.postgres)?;
    let mut export = Export::new(pools.pool.clone());
    // Checkpoints first: all they speak of is in the log by then.
    let mut file = create(checkpoints)?;
    let mut signed = 0;
    while let Some(record) = export.checkpoint().await? {
        serde_json::to_writer(&mut file, &record)?;
        file.write_all(b"\n")?;
        signed = record.size;
    }
    file.sync_all()?;
    let mut bar = Bar::new("events", export.total().await?);
    let (mut file, mut written) = (create(events)?, 0);
    loop {
        let part = export.events().await?;
        if part.lines.is_empty() {
            break;
        }
        file.write_all(&part.lines)?;
        written += part.events;
        bar.at(written);
    }
    file.sync_all()?;
    bar.end();
    println!("{written} events, of which {signed} are sealed and signed");
    Ok(())
}

fn create(path: &Path) -> Result<File, BoxError> {
    File::create_new(path).map_err(|error| format!("{} cannot be written: {error}", path.display()).into())
}
