//! What the binaries' `main` share.

use std::{fmt::Display, future::Future, process::ExitCode};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Says what is wrong with the settings, one line each.
#[expect(clippy::print_stderr, reason = "people read this on a terminal before there is a log")]
pub(crate) fn misconfigured(problems: &[String]) -> ExitCode {
    for problem in problems {
        eprintln!("{problem}");
    }
    ExitCode::FAILURE
}

/// Runs to the end. What goes wrong is logged, and the exit code is 1.
pub(crate) fn run<E: Display>(work: impl Future<Output = Result<(), E>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("the operating system gives threads");
    match runtime.block_on(work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Cancelled by SIGTERM or Ctrl-C.
pub(crate) fn stop_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        let mut terminate = signal(SignalKind::terminate()).expect("signals can be listened to");
        let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be listened to");
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("asked to stop");
        told.cancel();
    });
    stop
}
