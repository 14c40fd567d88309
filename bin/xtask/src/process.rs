//! Running other programs so that a request to stop reaches them too.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    failure::{Exit, GENERAL_FAILURE},
    pid, signals,
};

const POLL: Duration = Duration::from_millis(30);
/// How long a program may take to end when asked, before it is killed.
const PATIENCE: Duration = Duration::from_secs(15);
/// How much of a log is shown when something fails.
const TAIL_LINES: usize = 30;
/// The exit code of a shell for a process killed by signal N is this plus N.
const SIGNAL_BASE: i32 = 128;

/// Run to the end with our own output; an error when we are asked to stop.
pub(crate) fn run(command: &mut Command) -> Result<ExitStatus> {
    let mut child = spawn(command)?;
    wait(&mut child)
}

/// Run to the end; each line of standard output is passed on and heard. What a program that was left
/// behind still says is not waited for.
pub(crate) fn run_heard(command: &mut Command, mut hear: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut child = spawn(command.stdout(Stdio::piped()))?;
    let (said, lines) = mpsc::channel();
    if let Some(pipe) = child.stdout.take() {
        thread::spawn(move || {
            let mut lines = BufReader::new(pipe).split(b'\n').map_while(Result::ok);
            lines.all(|line| said.send(line).is_ok())
        });
    }
    let mut pass_on = |line: Vec<u8>| {
        let line = String::from_utf8_lossy(&line);
        answer!("{line}");
        hear(&line);
    };
    while !signals::stop_asked() {
        match lines.recv_timeout(POLL) {
            Ok(line) => pass_on(line),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                if child.try_wait().context("could not wait for a program")?.is_some() {
                    while let Ok(line) = lines.recv_timeout(POLL) {
                        pass_on(line);
                    }
                    break;
                }
            }
        }
    }
    wait(&mut child)
}

/// Run, and fail with the program's own exit code when it fails.
pub(crate) fn run_or_fail(command: &mut Command) -> Result<()> {
    let status = run(command)?;
    if status.success() {
        return Ok(());
    }
    Err(Exit::silent(code(status)))
}

/// Run and collect standard output; standard error stays visible.
pub(crate) fn capture(command: &mut Command, input: &str) -> Result<(ExitStatus, String)> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = spawn(command)?;
    let (status, output) = thread::scope(|scope| {
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        scope.spawn(move || {
            if let Some(mut stdin) = stdin {
                // A program that does not read its input says so by its exit code.
                let _ = stdin.write_all(input.as_bytes());
            }
        });
        let reader = scope.spawn(move || {
            let mut text = String::new();
            if let Some(mut stdout) = stdout {
                // Output that is not text is reported by whoever reads it.
                let _ = stdout.read_to_string(&mut text);
            }
            text
        });
        let status = wait(&mut child);
        (status, reader.join().unwrap_or_default())
    });
    Ok((status?, output))
}

/// Start a server: its own process group (Ctrl-C reaches us alone, and we stop things in order),
/// everything it says in a file.
pub(crate) fn spawn_server(command: &mut Command, log: &Path) -> Result<Child> {
    let file = File::create(log).with_context(|| format!("could not create {}", log.display()))?;
    let errors = file.try_clone().context("could not share the log file")?;
    command.stdin(Stdio::null()).stdout(file).stderr(errors);
    spawn(command)
}

/// The end of a log, indented, for the message that says what failed.
pub(crate) fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL_LINES);
    let shown: Vec<String> = lines[from..].iter().map(|line| format!("    {line}")).collect();
    if shown.is_empty() {
        return format!("    ({} is empty)", log.display());
    }
    shown.join("\n")
}

/// Run quietly; show what it said only when it fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let name = name(command);
    let mut child = spawn(command)?;
    let said = thread::scope(|scope| {
        let stdout = child.stdout.take().map(|pipe| scope.spawn(|| lines(pipe)));
        let stderr = child.stderr.take().map(|pipe| scope.spawn(|| lines(pipe)));
        let status = wait(&mut child);
        let said: Vec<String> = [stdout, stderr]
            .into_iter()
            .flatten()
            .flat_map(|reader| reader.join().unwrap_or_default())
            .collect();
        status.map(|status| (status, said))
    });
    let (status, said) = said?;
    if !status.success() {
        bail!("{name} failed ({status}):\n{}", said.join("\n"));
    }
    Ok(())
}

/// A program's exit code, as a shell would report it.
pub(crate) fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| SIGNAL_BASE + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(GENERAL_FAILURE)
}

fn lines(pipe: impl Read) -> Vec<String> {
    BufReader::new(pipe).lines().map_while(Result::ok).collect()
}

fn spawn(command: &mut Command) -> Result<Child> {
    let name = name(command);
    command.process_group(0).spawn().with_context(|| format!("could not start {name}"))
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

/// Wait; when asked to stop, take the whole process group down.
fn wait(child: &mut Child) -> Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait().context("could not wait for a program")? {
            return Ok(status);
        }
        if signals::stop_asked() {
            end_group(child);
            return Err(Exit::interrupted());
        }
        thread::sleep(POLL);
    }
}

fn end_group(child: &mut Child) {
    let group = format!("-{}", child.id());
    for signal in ["TERM", "KILL"] {
        pid::send(signal, &group);
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            thread::sleep(POLL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("/no/such/program")).unwrap_err();
        assert_eq!(error.to_string(), "could not start /no/such/program");
    }

    #[test]
    fn a_failing_program_passes_its_code_on() {
        let status = run(&mut shell("exit 7")).unwrap();
        assert_eq!(code(status), 7);
    }

    #[test]
    fn input_goes_in_and_output_comes_back() {
        let (status, output) = capture(&mut shell("cat; echo end"), "secret\n").unwrap();
        assert!(status.success());
        assert_eq!(output, "secret\nend\n");
    }

    #[test]
    fn each_line_is_heard_whatever_is_in_it() {
        let mut heard = Vec::new();
        let script = "echo one; printf 'odd \\377\\nlast'; exit 3";
        let status = run_heard(&mut shell(script), |line| heard.push(line.to_owned())).unwrap();
        assert_eq!((code(status), heard.len()), (3, 3), "{heard:?}");
        assert_eq!((&*heard[0], &*heard[2]), ("one", "last"));
    }

    #[test]
    fn who_was_left_behind_with_the_pipe_is_not_waited_for() {
        let begun = Instant::now();
        let status = run_heard(&mut shell("sleep 60 & echo gone"), |_| ()).unwrap();
        assert!(status.success() && begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    }

    #[test]
    fn what_a_quiet_program_said_is_in_its_error() {
        let error = run_quietly(&mut shell("echo reason >&2; exit 1")).unwrap_err();
        assert!(error.to_string().ends_with("reason"), "{error}");
    }
}
