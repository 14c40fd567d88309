//! The rows, in the order of the list.

mod definitions;
mod delivery;
mod infrastructure;
mod keys;
mod live;
mod watching;

use super::Row;

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    [keys::ROWS, definitions::ROWS, infrastructure::ROWS, watching::ROWS, delivery::ROWS, live::ROWS]
        .into_iter()
        .flatten()
}
