//! A consumer as lists show it.

use domain::Timestamp;

use crate::ports::Cursor;

/// Where a consumer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProjectionState {
    /// It works.
    Running,
    /// An operator stopped it.
    Paused,
    /// An event that it cannot write stopped it.
    Halted,
    /// It works, and is built anew beside.
    Rebuilding,
    /// Nobody ever ran it: the deployment does without.
    Off,
}

impl ProjectionState {
    /// The word for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Halted => "halted",
            Self::Rebuilding => "rebuilding",
            Self::Off => "off",
        }
    }
}

/// Where a build stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BuildPhase {
    /// It reads the log from the first event on.
    Building,
    /// It is compared with what serves, both at one position.
    Comparing,
    /// It is about to serve.
    Swapping,
    /// It serves. What served before is kept, and follows.
    Kept,
    /// What served before is about to serve again.
    Returning,
    /// It cannot go on.
    Failed,
}

impl BuildPhase {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Building, Self::Comparing, Self::Swapping, Self::Kept, Self::Returning, Self::Failed];

    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Comparing => "comparing",
            Self::Swapping => "swapping",
            Self::Kept => "kept",
            Self::Returning => "returning",
            Self::Failed => "failed",
        }
    }

    /// Whether tables are on their way to serve.
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::Building | Self::Comparing | Self::Swapping | Self::Returning)
    }
}

/// The tables beside those that serve.
#[derive(Debug, Clone, PartialEq)]
pub struct Build {
    /// Where it stands.
    pub phase: BuildPhase,
    /// Everything up to here is written.
    pub at: Cursor,
    /// How much of the way to what serves is done.
    pub percent: f64,
    /// Running numbers of the log that it has passed.
    pub done: i64,
    /// Those up to what serves: the whole of the way.
    pub total: i64,
    /// Events written.
    pub events: i64,
    /// Events a second.
    pub rate: f64,
    /// How long it will take, at its pace so far; unknown before there is one.
    pub seconds_left: Option<f64>,
    /// Rows in which it and what served differed when they were compared at one position.
    pub differing: Option<i64>,
    /// How long readers were locked out by the swap, in milliseconds.
    pub locked_ms: Option<f64>,
    /// Why it cannot go on.
    pub error: Option<String>,
    /// Since when.
    pub started_at: Timestamp,
    /// When it began to serve.
    pub swapped_at: Option<Timestamp>,
}

/// A consumer.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectionRow {
    /// Its name, version included: `todo_list.v1`.
    pub name: String,
    /// The version in its name.
    pub version: i32,
    /// Where it stands.
    pub state: ProjectionState,
    /// While it is off: what to set to have it.
    pub off_because: Option<&'static str>,
    /// Everything up to here is written.
    pub at: Cursor,
    /// Events it has still to read, counted up to [`LAG_COUNTED_MAX`](super::LAG_COUNTED_MAX); 0 while
    /// it is off.
    pub lag_events: i64,
    /// For how long the oldest of them has been there; 0 without one.
    pub lag_seconds: f64,
    /// Events a second, over the last ten seconds or so.
    pub rate: f64,
    /// What halted it.
    pub last_error: Option<String>,
    /// Its dead letters.
    pub dead_letters: i64,
    /// Whether it may be built anew.
    pub rebuildable: bool,
    /// The tables beside those that serve.
    pub build: Option<Build>,
}
