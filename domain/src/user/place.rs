//! Where people sign in from.

use super::Account;
use crate::Sealed;

/// The most networks that are remembered of one person; the one that was new the longest ago goes.
pub const PLACES_MAX: usize = 10;

impl Account {
    /// Whether the person came from elsewhere before, and never from here. Who comes for the first
    /// time comes from nowhere strange.
    pub(super) fn is_strange(&self, place: &Sealed) -> bool {
        !self.places.is_empty() && !self.places.contains(place)
    }

    pub(super) fn came_from(&mut self, place: Option<Sealed>) {
        let Some(place) = place.filter(|place| !self.places.contains(place)) else { return };
        let surplus = self.places.len().saturating_add(1).saturating_sub(PLACES_MAX);
        self.places.drain(..surplus.min(self.places.len()));
        self.places.push(place);
    }
}
