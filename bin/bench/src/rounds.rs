//! Interleaved rounds: the machine's mood is the same for both sides of a ratio.

use std::time::Duration;

/// How often ours and the floor take turns.
pub(crate) const ROUNDS: usize = 5;

/// What the rounds gave.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    pairs: Vec<(f64, f64)>,
}

impl Rounds {
    pub(crate) fn push(&mut self, ours: f64, floor: f64) {
        self.pairs.push((ours, floor));
    }

    /// Ours and the floor's, round by round.
    pub(crate) fn pairs(&self) -> &[(f64, f64)] {
        &self.pairs
    }

    /// Our median.
    pub(crate) fn value(&self) -> f64 {
        median(self.pairs.iter().map(|(ours, _)| *ours))
    }

    /// The floor's median.
    pub(crate) fn floor(&self) -> f64 {
        median(self.pairs.iter().map(|(_, floor)| *floor))
    }

    /// The median of the rounds' ratios.
    pub(crate) fn ratio(&self) -> f64 {
        median(self.pairs.iter().map(|(ours, floor)| ours / floor))
    }
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        _ if sorted.is_empty() => f64::NAN,
        1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The value below which `parts` of 100 of these lie; sorts them.
pub(crate) fn percentile(times: &mut [f64], parts: usize) -> f64 {
    times.sort_by(f64::total_cmp);
    let rank = (times.len() * parts).div_ceil(100).max(1);
    times.get(rank - 1).copied().unwrap_or(f64::NAN)
}

/// Milliseconds with a fraction.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub(crate) fn figure(count: usize) -> f64 {
    count as f64
}
