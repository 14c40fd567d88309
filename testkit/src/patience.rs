//! Waiting for conditions, and many at once.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{sync::Barrier, task::JoinSet, time::Instant};

/// How long a test waits for what must happen. Longer than any sane machine needs: only a test
/// that fails waits this long.
pub const PATIENCE: Duration = Duration::from_secs(20);
const GLANCE: Duration = Duration::from_millis(5);

/// Waits until `holds`, or panics with `what` did not happen.
pub async fn eventually<F>(what: &str, mut holds: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "did not happen within {PATIENCE:?}: {what}");
        tokio::time::sleep(GLANCE).await;
    }
}

/// Starts `count` of these at the same moment, each in a task of its own; all their outcomes.
pub async fn race<F, T>(count: usize, one: impl Fn(usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let start = Arc::new(Barrier::new(count));
    let mut runners = JoinSet::new();
    for n in 0..count {
        let (start, runner) = (Arc::clone(&start), one(n));
        runners.spawn(async move {
            start.wait().await;
            runner.await
        });
    }
    runners.join_all().await
}
