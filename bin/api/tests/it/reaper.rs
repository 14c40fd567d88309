//! No process outlives this one, however it ends.
//!
//! A shell holds the list of our processes and reads from a pipe of ours. When we are gone, even by
//! `kill -9`, the pipe ends and the shell ends them.

use std::{
    io::Write,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock},
};

const SCRIPT: &str = r#"
trap '' INT TERM HUP
live=
while read -r sign pid; do
  case $sign in
    +) live="$live $pid" ;;
    -) rest=; for one in $live; do [ "$one" = "$pid" ] || rest="$rest $one"; done; live=$rest ;;
  esac
done
for one in $live; do kill -9 "$one" 2>/dev/null; done
rm -rf "$1"
"#;

fn shell() -> &'static Mutex<Child> {
    static SHELL: OnceLock<Mutex<Child>> = OnceLock::new();
    SHELL.get_or_init(|| {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "reaper"]).arg(folder());
        let shell = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Mutex::new(shell.expect("there is a shell"))
    })
}

fn say(sign: char, pid: u32) {
    let mut shell = shell().lock().expect("the reaper's lock");
    let pipe = shell.stdin.as_mut().expect("the reaper listens");
    writeln!(pipe, "{sign} {pid}").expect("the reaper listens");
}

/// A process to be ended with us.
pub(crate) fn adopt(pid: u32) {
    say('+', pid);
}

/// A process that is not ours any more, because it has ended.
pub(crate) fn release(pid: u32) {
    say('-', pid);
}

/// Where logs are kept while we run.
pub(crate) fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("it-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for logs");
    folder
}
