//! Programs that are measured from outside. They end with us, whatever ends us.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

type Shared = Arc<Mutex<Child>>;

static RUNNING: Mutex<Vec<Shared>> = Mutex::new(Vec::new());

/// Exit code of a program that was told to stop.
const INTERRUPTED: i32 = 130;

/// A started program; dropping it ends it.
pub(crate) struct Running {
    pub(crate) pid: u32,
    log: PathBuf,
    child: Shared,
}

impl Running {
    /// Starts a program; what it says goes into a file, as a log does.
    pub(crate) fn start(command: &mut Command, name: &str) -> Result<Self> {
        let log = folder()?.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("could not create {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("could not start {name}"))?;
        let pid = child.id();
        let child = Arc::new(Mutex::new(child));
        running().push(Arc::clone(&child));
        Ok(Self { pid, log, child })
    }

    /// The end of what it said.
    pub(crate) fn said(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&self.child);
        running().retain(|child| !Arc::ptr_eq(child, &self.child));
    }
}

/// Ends all children when we are told to stop.
pub(crate) fn end_with_us() {
    std::thread::spawn(|| {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let (Ok(mut terminate), Ok(mut interrupt)) =
                (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
            else {
                return;
            };
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
        running().iter().for_each(end);
        clear();
        std::process::exit(INTERRUPTED);
    });
}

/// For logs and scripts of this run.
pub(crate) fn folder() -> Result<PathBuf> {
    let folder = place();
    fs::create_dir_all(&folder).with_context(|| format!("could not create {}", folder.display()))?;
    Ok(folder)
}

/// Deletes them.
pub(crate) fn clear() {
    // What cannot be deleted is left to the system, which cleans this place by itself.
    drop(fs::remove_dir_all(place()));
}

fn place() -> PathBuf {
    std::env::temp_dir().join(format!("enterprise-todo-bench-{}", std::process::id()))
}

fn running() -> std::sync::MutexGuard<'static, Vec<Shared>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end(child: &Shared) {
    let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
    // It may have ended by itself; then there is nothing left to do.
    drop(child.kill());
    drop(child.wait());
}
