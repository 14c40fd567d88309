//! A computation lets others in between, and nobody is interrupted once it is over.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::{
    hint,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use adapter_aside::Aside;
use signal_hook::{consts::SIGURG, flag};

/// Spins, without a call of the system, until the signal comes.
fn interrupted(came: &AtomicBool, at_most: Duration) -> bool {
    came.store(false, SeqCst);
    let begun = Instant::now();
    while !came.load(SeqCst) && begun.elapsed() < at_most {
        hint::spin_loop();
    }
    came.load(SeqCst)
}

#[tokio::test]
async fn who_computes_is_asked_to_yield_again_and_again_until_it_is_done() {
    let came = Arc::new(AtomicBool::new(false));
    flag::register(SIGURG, Arc::clone(&came)).unwrap();

    let aside = Aside::new("test", 1);
    let seen = Arc::clone(&came);
    let work = move || (0..5).all(|_| interrupted(&seen, Duration::from_secs(10)));
    assert!(aside.place().await.unwrap().run(work).await.unwrap(), "nobody asked it to yield");

    assert!(!interrupted(&came, Duration::from_millis(50)), "the timer outlived the computation");
}
