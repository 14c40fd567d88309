//! The foreground: pass the services' log lines through, until one dies or we are asked to stop.

use std::{
    fs::File,
    io::{self, Read, Write},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};

use super::{State, service::Service};
use crate::signals;

const POLL: Duration = Duration::from_millis(100);

/// `None` when we were asked to stop; otherwise who died, and how.
pub(super) fn until_stopped(state: &State, services: Vec<Service>) -> Result<Option<String>> {
    let mut watched = Vec::new();
    for service in services {
        let path = state.folder.join(format!("{}.log", service.name));
        let file = File::open(&path).with_context(|| format!("could not read {}", path.display()))?;
        watched.push((service, Lines::of(file)));
    }
    loop {
        let mut died = None;
        for (service, lines) in &mut watched {
            if let Some(status) = service.child.try_wait()? {
                died = Some(format!("{} ended ({status}); its log is above", service.name));
            }
            lines.pass_on()?;
        }
        // A stop that was asked for ends the services too; that is not a death.
        if signals::stop_asked() {
            return Ok(None);
        }
        if died.is_some() {
            return Ok(died);
        }
        thread::sleep(POLL);
    }
}

/// A growing file, handed on in whole lines only.
struct Lines<R> {
    file: R,
    pending: Vec<u8>,
}

impl<R: Read> Lines<R> {
    fn of(file: R) -> Self {
        Self { file, pending: Vec::new() }
    }

    fn pass_on(&mut self) -> Result<()> {
        let lines = self.take().context("could not read a log")?;
        let mut out = io::stdout().lock();
        // Nobody may be reading any more (`| head`): then the system runs on without an audience.
        let _ = out.write_all(&lines).and_then(|()| out.flush());
        Ok(())
    }

    /// Everything new up to the last line end.
    fn take(&mut self) -> io::Result<Vec<u8>> {
        self.file.read_to_end(&mut self.pending)?;
        let end = self.pending.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        Ok(self.pending.drain(..end).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_waits_for_its_end() {
        let mut lines = Lines::of(io::Cursor::new(b"one\ntwo\nthr".to_vec()));
        assert_eq!(lines.take().unwrap(), b"one\ntwo\n");
        assert_eq!(lines.take().unwrap(), b"");
        lines.file.get_mut().extend(b"ee\n");
        assert_eq!(lines.take().unwrap(), b"three\n");
    }
}
