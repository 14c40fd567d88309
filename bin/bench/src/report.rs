//! Lines of results.

use serde::Serialize;

use crate::rounds::Rounds;

/// What a figure has to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// It is printed to be looked at.
    None,
    /// The value is at most this.
    AtMost(f64),
    /// The ratio is at least this.
    RatioAtLeast(f64),
    /// The ratio is at most this.
    RatioAtMost(f64),
    /// The value is at least the first, or the ratio at least the second.
    Either(f64, f64),
    /// The value is at most the first, or the ratio at most the second.
    AtMostEither(f64, f64),
}

impl Target {
    fn text(self) -> Option<String> {
        match self {
            Self::None => None,
            Self::AtMost(most) => Some(format!("value <= {most}")),
            Self::RatioAtLeast(least) => Some(format!("ratio >= {least}")),
            Self::RatioAtMost(most) => Some(format!("ratio <= {most}")),
            Self::Either(value, ratio) => Some(format!("value >= {value} or ratio >= {ratio}")),
            Self::AtMostEither(value, ratio) => {
                Some(format!("value <= {value} or ratio <= {}", short(ratio)))
            }
        }
    }

    fn met(self, value: f64, ratio: Option<f64>) -> Option<bool> {
        match self {
            Self::None => None,
            Self::AtMost(most) => Some(value <= most),
            Self::RatioAtLeast(least) => Some(ratio.is_some_and(|ratio| ratio >= least)),
            Self::RatioAtMost(most) => Some(ratio.is_some_and(|ratio| ratio <= most)),
            Self::Either(least, parts) => Some(value >= least || ratio.is_some_and(|ratio| ratio >= parts)),
            Self::AtMostEither(most, parts) => {
                Some(value <= most || ratio.is_some_and(|ratio| ratio <= parts))
            }
        }
    }
}

#[derive(Clone, Default, Serialize)]
struct Line<'a> {
    name: &'a str,
    value: f64,
    unit: &'a str,
    floor: Option<f64>,
    ratio: Option<f64>,
    target: Option<String>,
    met: Option<bool>,
    /// Ours and the floor's, round by round.
    rounds: &'a [(f64, f64)],
}

impl Line<'_> {
    fn of(target: Target) -> Self {
        Self { target: target.text(), ..Self::default() }
    }
}

/// Prints lines as they come, and says at the end what missed its target.
pub(crate) struct Report {
    is_json: bool,
    missed: Vec<String>,
}

impl Report {
    pub(crate) fn new(is_json: bool) -> Self {
        Self { is_json, missed: Vec::new() }
    }

    /// A figure with its floor.
    pub(crate) fn rounds(&mut self, name: &str, unit: &str, rounds: &Rounds, target: Target) {
        let (value, floor, ratio) = (rounds.value(), Some(rounds.floor()), Some(rounds.ratio()));
        self.line(
            &Line { name, value, unit, floor, ratio, rounds: rounds.pairs(), ..Line::of(target) },
            target,
        );
    }

    /// A figure that has no floor: a count, say.
    pub(crate) fn alone(&mut self, name: &str, unit: &str, value: f64, target: Target) {
        self.line(&Line { name, value, unit, ..Line::of(target) }, target);
    }

    fn line(&mut self, line: &Line<'_>, target: Target) {
        let Line { name, value, unit, floor, ratio, .. } = line;
        let met = target.met(*value, *ratio);
        if self.is_json {
            // Numbers and texts always become JSON.
            let line = Line { met, ..line.clone() };
            println!("{}", serde_json::to_string(&line).unwrap_or_default());
        } else {
            let or_dash = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), short);
            println!("{name} {} {unit} {} {}", short(*value), or_dash(*floor), or_dash(*ratio));
        }
        if met == Some(false) {
            let wanted = line.target.as_deref().unwrap_or_default();
            self.missed.push(format!("{name}: {} {unit}, wanted {wanted}", short(*value)));
        }
    }

    /// Says what missed its target.
    pub(crate) fn end(&self) {
        for missed in &self.missed {
            eprintln!("missed: {missed}");
        }
    }
}

/// Three digits that mean something.
fn short(number: f64) -> String {
    match number.abs() {
        1000.0.. => format!("{number:.0}"),
        100.0.. => format!("{number:.1}"),
        1.0.. => format!("{number:.2}"),
        0.1.. => format!("{number:.3}"),
        _ => format!("{number:.4}"),
    }
}
