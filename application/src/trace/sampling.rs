//! Which traces are recorded: decided once a trace, where it begins.

use super::{Incoming, TraceId};

/// Of the traces that begin here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Roots {
    /// All.
    Always,
    /// None.
    Never,
    /// This part of them, from 0 to 1: told by the id, so that every process decides alike.
    Ratio(f64),
}

/// Decides whether a trace is recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampler {
    /// Of the traces that begin here.
    pub roots: Roots,
    /// Whether a caller that is believed decides for its own traces.
    pub asks_parent: bool,
}

impl Default for Sampler {
    /// The default of OpenTelemetry: `parentbased_always_on`.
    fn default() -> Self {
        Self { roots: Roots::Always, asks_parent: true }
    }
}

impl Sampler {
    pub(super) fn records(&self, trace: TraceId, incoming: Option<Incoming>) -> bool {
        match (incoming, self.roots) {
            (Some(incoming), _) if self.asks_parent => incoming.sampled,
            (_, Roots::Always) => true,
            (_, Roots::Never) => false,
            (_, Roots::Ratio(ratio)) => below(trace, ratio),
        }
    }
}

/// Whether the lower half of the id, as a part of all there are, is below the ratio.
#[expect(clippy::cast_precision_loss, reason = "a part of all traces is known to 53 bits, which is plenty")]
fn below(trace: TraceId, ratio: f64) -> bool {
    const BITS: u32 = 63;
    let lower = trace.0 & u128::from(u64::MAX) >> (u64::BITS - BITS);
    (lower as f64) < ratio * 2_f64.powi(63)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(flags: &str) -> Option<Incoming> {
        Incoming::read(&format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}"))
    }

    #[test]
    fn a_caller_that_is_believed_decides_and_others_do_not() {
        let trace = TraceId(1);
        let parent = Sampler { roots: Roots::Never, asks_parent: true };
        assert!(parent.records(trace, incoming("01")) && !parent.records(trace, None));
        assert!(!Sampler::default().records(trace, incoming("00")));
        let own = Sampler { roots: Roots::Never, asks_parent: false };
        assert!(!own.records(trace, incoming("01")));
        let own = Sampler { roots: Roots::Always, asks_parent: false };
        assert!(own.records(trace, incoming("00")));
    }

    #[test]
    fn a_part_is_that_part_and_the_same_everywhere() {
        let mut random = fastrand::Rng::with_seed(7);
        let ids: Vec<TraceId> = (0..10_000).map(|_| TraceId(random.u128(1..))).collect();
        for (ratio, least, most) in
            [(0.0, 0, 0), (0.1, 850, 1_150), (0.5, 4_700, 5_300), (1.0, 10_000, 10_000)]
        {
            let sampler = Sampler { roots: Roots::Ratio(ratio), asks_parent: true };
            let recorded = ids.iter().filter(|id| sampler.records(**id, None)).count();
            assert!((least..=most).contains(&recorded), "{recorded} of 10000 at {ratio}");
        }
    }
}
