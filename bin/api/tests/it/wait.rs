//! Waiting for something to become true.

use std::time::{Duration, Instant};

/// The longest anything takes that is not broken, on a machine that others use as well.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(20);

/// Waits until it holds.
pub(crate) async fn until(what: &str, holds: impl AsyncFnMut() -> bool) {
    within(PATIENCE, what, holds).await;
}

/// Waits until it holds, which must be soon enough.
pub(crate) async fn within(limit: Duration, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < limit, "no {what} within {limit:?}");
        tokio::time::sleep(POLL).await;
    }
}
