//! Limits and lockouts: what is counted, for whom, and for how long.
//!
//! Windows are short and real: an implementation may count by another clock than ours.

use std::{sync::Arc, time::Duration};

use application::ports::{Backoff, Limit, Lockouts, RateLimits, Wait};
use domain::BlindIndex;
use tokio::{task::JoinSet, time::sleep};

const WINDOW: Duration = Duration::from_millis(600);
const THREE: Limit = Limit { most: 3, window: WINDOW };
const BACKOFF: Backoff = Backoff {
    from: 3,
    first: Duration::from_millis(200),
    longest: Duration::from_millis(500),
    forget: Duration::from_millis(900),
};
/// Longer than any wait of [`BACKOFF`], shorter than it takes to forget.
const A_WHILE: Duration = Duration::from_millis(550);
/// Longer than any test takes.
const FOREVER: Duration = Duration::from_mins(10);

/// A client that nobody else is.
fn client(name: &str) -> BlindIndex {
    BlindIndex::new(format!("of-a-test-{name}"))
}

async fn passes(limits: &impl RateLimits, key: &BlindIndex, count: u32) -> bool {
    limits.admit(key, count, THREE).await.is_ok()
}

async fn refused(limits: &impl RateLimits, key: &BlindIndex, count: u32) -> Duration {
    let Wait(wait) = limits.admit(key, count, THREE).await.expect_err("it is over the limit");
    assert!(wait > Duration::ZERO && wait <= WINDOW, "{wait:?}");
    wait
}

async fn wrong(lockouts: &impl Lockouts, key: &BlindIndex) -> Result<(), Wait> {
    lockouts.settle(key, false, BACKOFF).await
}

async fn wait_of(lockouts: &impl Lockouts, key: &BlindIndex) -> Duration {
    lockouts.may_try(key).await.err().map_or(Duration::ZERO, |Wait(wait)| wait)
}

/// And whoever waits as long as told passes.
pub async fn the_limit_passes_and_the_next_one_waits<T: RateLimits>(limits: Arc<T>) {
    let key = client("limit");
    for _ in 0..3 {
        assert!(passes(&*limits, &key, 1).await);
    }
    let wait = refused(&*limits, &key, 1).await;
    sleep(wait + Duration::from_millis(2)).await;
    assert!(passes(&*limits, &key, 1).await);
}

/// Each key counts alone.
pub async fn a_client_does_not_pay_for_another<T: RateLimits>(limits: Arc<T>) {
    let (one, other) = (client("one"), client("other"));
    assert!(passes(&*limits, &one, 3).await);
    refused(&*limits, &one, 1).await;
    assert!(passes(&*limits, &other, 3).await);
}

/// A fixed window would let twice the limit pass at its edge.
pub async fn the_window_slides<T: RateLimits>(limits: Arc<T>) {
    let key = client("slides");
    assert!(passes(&*limits, &key, 1).await);
    sleep(WINDOW / 2).await;
    assert!(passes(&*limits, &key, 2).await);
    sleep(WINDOW / 2 + Duration::from_millis(5)).await;
    // Only the first has left the window.
    assert!(passes(&*limits, &key, 1).await);
    refused(&*limits, &key, 1).await;
}

/// A document with two guesses is two guesses.
pub async fn several_at_once_pass_together_or_not_at_all<T: RateLimits>(limits: Arc<T>) {
    let key = client("several");
    assert!(passes(&*limits, &key, 2).await);
    refused(&*limits, &key, 2).await;
    assert!(passes(&*limits, &key, 1).await, "the two were not counted");
}

/// However long one waits.
pub async fn more_than_the_limit_never_passes<T: RateLimits>(limits: Arc<T>) {
    let key = client("more");
    assert_eq!(refused(&*limits, &key, 4).await, WINDOW);
    assert!(passes(&*limits, &key, 3).await);
    refused(&*limits, &key, 4).await;
}

/// Counting and deciding is one step.
pub async fn of_many_at_the_same_time_the_limit_passes<T: RateLimits>(limits: Arc<T>) {
    let mut asking = JoinSet::new();
    for _ in 0..40 {
        let (limits, key) = (Arc::clone(&limits), client("many"));
        asking.spawn(async move { limits.admit(&key, 1, Limit { most: 3, window: FOREVER }).await.is_ok() });
    }
    let passed = asking.join_all().await.into_iter().filter(|passed| *passed).count();
    assert_eq!(passed, 3);
}

/// Knocking does not keep the door shut.
pub async fn a_refused_request_is_not_counted<T: RateLimits>(limits: Arc<T>) {
    let key = client("knocks");
    assert!(passes(&*limits, &key, 3).await);
    sleep(WINDOW / 2).await;
    for _ in 0..10 {
        refused(&*limits, &key, 1).await;
    }
    sleep(WINDOW / 2 + Duration::from_millis(5)).await;
    assert!(passes(&*limits, &key, 3).await);
}

/// People mistype.
pub async fn wrong_guesses_before_the_limit_cost_nothing<T: Lockouts>(lockouts: Arc<T>) {
    let (key, other) = (client("mistypes"), client("nobody"));
    for _ in 0..2 {
        assert_eq!(wrong(&*lockouts, &key).await, Ok(()));
        assert_eq!(lockouts.may_try(&key).await, Ok(()));
    }
    assert_eq!(wrong(&*lockouts, &key).await, Ok(()), "the outcome of an attempt that was let in is told");
    assert!(wait_of(&*lockouts, &key).await > Duration::ZERO);
    assert_eq!(lockouts.may_try(&other).await, Ok(()));
}

/// Up to the longest.
pub async fn each_wrong_guess_doubles_the_wait<T: Lockouts>(lockouts: Arc<T>) {
    let key = client("doubles");
    for _ in 0..3 {
        assert_eq!(wrong(&*lockouts, &key).await, Ok(()));
    }
    for longest in [200, 400, 500, 500].map(Duration::from_millis) {
        let wait = wait_of(&*lockouts, &key).await;
        assert!(wait <= longest && wait + Duration::from_millis(150) > longest, "{wait:?} of {longest:?}");
        sleep(wait + Duration::from_millis(2)).await;
        assert_eq!(wrong(&*lockouts, &key).await, Ok(()));
    }
}

/// A right password in the time of waiting tells nothing and changes nothing.
pub async fn while_one_waits_no_outcome_is_told<T: Lockouts>(lockouts: Arc<T>) {
    let key = client("waits");
    for _ in 0..4 {
        let _ = wrong(&*lockouts, &key).await;
    }
    let before = wait_of(&*lockouts, &key).await;
    for right in [true, false, true] {
        let Wait(wait) = lockouts.settle(&key, right, BACKOFF).await.expect_err("it has to wait");
        assert!(wait <= before, "waiting did not become longer");
    }
    assert!(wait_of(&*lockouts, &key).await > Duration::ZERO);
}

/// The count begins anew.
pub async fn a_right_guess_forgives_all<T: Lockouts>(lockouts: Arc<T>) {
    let key = client("right");
    for _ in 0..3 {
        let _ = wrong(&*lockouts, &key).await;
    }
    sleep(Duration::from_millis(250)).await;
    assert_eq!(lockouts.settle(&key, true, BACKOFF).await, Ok(()));
    for _ in 0..2 {
        assert_eq!(wrong(&*lockouts, &key).await, Ok(()));
        assert_eq!(lockouts.may_try(&key).await, Ok(()));
    }
}

/// After a time without any.
pub async fn wrong_guesses_are_forgotten<T: Lockouts>(lockouts: Arc<T>) {
    let key = client("forgotten");
    for _ in 0..2 {
        let _ = wrong(&*lockouts, &key).await;
    }
    sleep(A_WHILE).await;
    assert_eq!(wrong(&*lockouts, &key).await, Ok(()));
    assert!(wait_of(&*lockouts, &key).await > Duration::ZERO, "not yet forgotten");
    sleep(BACKOFF.forget + Duration::from_millis(50)).await;
    for _ in 0..2 {
        assert_eq!(wrong(&*lockouts, &key).await, Ok(()));
        assert_eq!(lockouts.may_try(&key).await, Ok(()), "begun anew");
    }
}

/// All were let in before the first was judged.
pub async fn of_many_guesses_at_the_same_time_few_are_judged<T: Lockouts>(lockouts: Arc<T>) {
    let slow = Backoff { first: FOREVER, longest: FOREVER, forget: FOREVER, ..BACKOFF };
    let mut guessing = JoinSet::new();
    for _ in 0..40 {
        let (lockouts, key) = (Arc::clone(&lockouts), client("race"));
        guessing.spawn(async move { lockouts.settle(&key, false, slow).await.is_ok() });
    }
    let judged = guessing.join_all().await.into_iter().filter(|judged| *judged).count();
    assert_eq!(judged, 3);
}
