//! Lets others in between.
//!
//! Whoever computes for tens of milliseconds without a call of the system is interrupted when
//! somebody wakes who is owed more, and else at a tick of the scheduler: every 4 ms in many kernels.
//! A low priority shortens neither. What wakes for the blink of an eye, a statement or an answer,
//! may be owed nothing at that moment, and then waits for the tick beside an idle processor.
//!
//! So a thread that computes is asked every fraction of a millisecond to look whether somebody
//! waits: a timer sends it a signal, whose handler yields, and sleeps for a moment now and then.
//! Yielding costs a microsecond where nobody waits; but where the kernel shares processors between
//! groups first, it is between threads of one group. Who sleeps gives way to all. Go's runtime
//! interrupts its goroutines with the same signal, for the same reason: nobody minds one too many.

use std::{cell::Cell, sync::OnceLock, time::Duration};

use nix::{
    sys::{
        signal::{SigEvent, SigevNotify, Signal},
        timer::{Expiration, Timer, TimerSetTimeFlags},
    },
    time::ClockId,
};
use rustix::thread::{Timespec, nanosleep, sched_yield};

/// How often it is asked: well below what anybody notices, well above what it costs.
const EVERY: Duration = Duration::from_micros(250);
/// It sleeps the first of so many times, and yields at the others.
const SLEEPS_EACH: u32 = 4;
/// How long it sleeps; the system adds its own slack.
const SLEEPS: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000 };
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

/// Whether the process gives way at the signal: from the first time on, for good.
fn handled() -> bool {
    static HANDLED: OnceLock<bool> = OnceLock::new();
    *HANDLED.get_or_init(|| {
        #[expect(unsafe_code, reason = "the only one: a handler of signals may do next to nothing")]
        // SAFETY: what runs inside a handler must be safe for signals. This is one call of the
        // system, which takes no memory and no lock and leaves `errno` alone, and a number of the
        // thread's own that is made without running code and never dropped.
        let registered = unsafe { signal_hook::low_level::register(SIGNAL as i32, give_way) };
        registered.is_ok()
    })
}

/// Runs inside the handler.
fn give_way() {
    thread_local! {
        static ASKED: Cell<u32> = const { Cell::new(0) };
    }
    let asked = ASKED.replace(ASKED.get().wrapping_add(1));
    if asked.is_multiple_of(SLEEPS_EACH) {
        // Woken too early is rested, too.
        let _ = nanosleep(&SLEEPS);
    } else {
        sched_yield();
    }
}
