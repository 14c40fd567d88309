//! The rows, in the order of the list.

mod definitions;
mod delivery;
mod infrastructure;
mod keys;
mod watching;

use super::{Row, subject::Subject};

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = Row> {
    let (of_files, of_containers) = definitions::ROWS.split_at(definitions::BEFORE_VARIABLES);
    let of_variables = preflight::of_variables::<Subject>();
    let of_state = [infrastructure::ROWS, watching::ROWS, delivery::ROWS].into_iter().flatten().copied();
    let of_definitions = of_files.iter().copied().chain(of_variables).chain(of_containers.iter().copied());
    let before_running = keys::ROWS.iter().copied().chain(of_definitions).chain(of_state);
    before_running.chain(preflight::of_running::<Subject>())
}
