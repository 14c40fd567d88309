//! Lets others in between.
//!
//! Whoever computes for tens of milliseconds without a call of the system is interrupted when
//! somebody wakes who is owed more, and else at a tick of the scheduler: every 4 ms in many kernels.
//! A low priority shortens neither. What wakes for the blink of an eye, a statement or an answer,
//! may be owed nothing at that moment, and then waits for the tick beside an idle processor.
//!
//! So a thread that computes is asked every fraction of a millisecond to look whether somebody
//! waits: a timer sends it a signal, whose handler yields. Where nobody waits that costs a
//! microsecond. Go's runtime interrupts its goroutines with the same signal, for the same reason:
//! nobody minds one too many.

use std::{sync::OnceLock, time::Duration};

use nix::{
    sys::{
        signal::{SigEvent, SigevNotify, Signal},
        timer::{Expiration, Timer, TimerSetTimeFlags},
    },
    time::ClockId,
};

/// How long others wait at most: well below what anybody notices, well above what it costs.
const EVERY: Duration = Duration::from_micros(250);
const SIGNAL: Signal = Signal::SIGURG;

/// The thread that takes it lets others in between until it is dropped.
pub(crate) struct Breath {
    _timer: Timer,
}

impl Breath {
    /// `None`: the system has no timers left; a computation is only ruder then.
    pub(crate) fn take() -> Option<Self> {
        if !handled() {
            return None;
        }
        let thread_id = rustix::thread::gettid().as_raw_nonzero().get();
        let whom = SigevNotify::SigevThreadId { signal: SIGNAL, thread_id, si_value: 0 };
        let mut timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(whom)).ok()?;
        timer.set(Expiration::Interval(EVERY.into()), TimerSetTimeFlags::empty()).ok()?;
        Some(Self { _timer: timer })
    }
}

/// Whether the process yields at the signal: from the first time on, for good.
fn handled() -> bool {
    static HANDLED: OnceLock<bool> = OnceLock::new();
    *HANDLED.get_or_init(|| {
        #[expect(unsafe_code, reason = "the only one: a handler of signals may do next to nothing")]
        // SAFETY: what runs inside a handler must be safe for signals. This is one call of the
        // system that takes no memory, no lock, and leaves `errno` alone.
        let registered =
            unsafe { signal_hook::low_level::register(SIGNAL as i32, rustix::thread::sched_yield) };
        registered.is_ok()
    })
}
