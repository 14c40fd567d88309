//! One process: its log in a file, shown when a test fails, and its end.

use std::{
    fs::File,
    io::Write,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use crate::{environment, reaper, wait::until};

/// Lines of a log that a failing test shows.
const TAIL_LINES: usize = 12;
/// The longest a program that is not a server runs.
const RUN_MAX: Duration = Duration::from_mins(1);

/// A running process; killed when dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
    over: Option<ExitStatus>,
}

/// One of our programs with these variables and no others.
pub(crate) fn command(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(environment::program(program));
    command.args(arguments).env_clear().env("PATH", environment::told("PATH"));
    command.envs(variables.iter().copied());
    command
}

/// Runs a program to its end.
pub(crate) async fn run(command: Command) -> Output {
    run_with(command, "").await
}

/// Runs a program that reads something to its end.
pub(crate) async fn run_with(mut command: Command, input: &'static str) -> Output {
    let running = tokio::task::spawn_blocking(move || {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the program starts");
        let pid = child.id();
        reaper::adopt(pid);
        if let Some(mut stdin) = child.stdin.take() {
            // One that ends without reading is none the worse for it.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().expect("the program ends");
        reaper::release(pid);
        output
    });
    tokio::time::timeout(RUN_MAX, running).await.expect("the program ends in time").unwrap()
}

impl Process {
    /// Starts it in the background.
    pub(crate) fn start(mut command: Command) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let log = reaper::folder().join(format!("{}.log", NEXT.fetch_add(1, Ordering::Relaxed)));
        let file = File::create(&log).expect("a log");
        let errors = file.try_clone().expect("a log");
        let child = command.stdin(Stdio::null()).stdout(file).stderr(errors).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        reaper::adopt(child.id());
        Self { child, log, over: None }
    }

    /// All it has said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its resident memory, in KiB.
    pub(crate) fn resident_kib(&self) -> i64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
        line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
    }

    /// Waits until it has said something.
    pub(crate) async fn says(&self, text: &str) {
        until(&format!("a log line with {text:?}"), async || self.log().contains(text)).await;
    }

    /// How it ended, when it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        if self.over.is_none() {
            self.over = self.child.try_wait().expect("our own child");
            if self.over.is_some() {
                reaper::release(self.child.id());
            }
        }
        self.over
    }

    /// Waits for its end, and says how it ended and how long that took.
    pub(crate) async fn end(&mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        until("the end of the process", async || self.ended().is_some()).await;
        (self.over.and_then(|status| status.code()), begun.elapsed())
    }

    /// Sends a signal, as `TERM`.
    pub(crate) fn signal(&mut self, name: &str) {
        assert!(self.ended().is_none(), "the process has ended already");
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// As a power failure would.
    pub(crate) fn kill(&mut self) {
        if self.ended().is_none() {
            self.child.kill().expect("our own child");
            self.over = Some(self.child.wait().expect("our own child"));
            reaper::release(self.child.id());
        }
    }

    /// The end of its log, for whoever looks at a failed test.
    #[expect(clippy::print_stderr, reason = "a failing test shows what its processes said")]
    pub(crate) fn show(&self) {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default();
        eprintln!("--- log of process {}\n{}\n---", self.child.id(), tail.join("\n"));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show();
        }
        self.kill();
    }
}
