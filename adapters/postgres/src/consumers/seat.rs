//! Riding along: a consumer that has caught up with the one it follows lets that one write the
//! next batch for both, in one transaction.
//!
//! What the rider would read, decode, begin and commit again is there already. It is an economy and
//! nothing else: each keeps its lease, its checkpoint and its fence, and whatever goes wrong with a
//! rider puts it off, so that it goes on by itself.

use std::{
    sync::{Arc, PoisonError, RwLock, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use application::ports::Cursor;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};

use super::{Projection, Written};
use crate::log::Reader;

/// How long the next batch waits for a follower that is about to catch up. Nobody notices it, and
/// without it a follower under load would stay one batch behind for ever.
const BOARDING_WAIT: Duration = Duration::from_millis(5);
/// A follower that did not come within that time is not waited for again so soon.
const BOARDING_PAUSE: Duration = Duration::from_secs(1);

/// Where a consumer stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its checkpoint.
    pub(super) at: Cursor,
    /// Everything up to here was looked at.
    pub(super) scanned: Cursor,
}

/// Where a consumer waits for the one it follows.
pub(super) struct Seat {
    pub(super) projection: Arc<dyn Projection>,
    reader: Arc<Reader>,
    /// While it waits. Locked by the other one for as long as it writes for both.
    place: Arc<Mutex<Option<Place>>>,
    taken: Notify,
}

impl Seat {
    /// Waits there from now on, having seen everything up to this place.
    pub(super) async fn take(&self, place: Place) {
        *self.place.lock().await = Some(place);
        self.taken.notify_one();
    }

    /// Leaves it; where it was brought meanwhile. `None`: it was put off.
    pub(super) async fn leave(&self) -> Option<Place> {
        self.place.lock().await.take()
    }
}

/// The seats of a process.
#[derive(Default)]
pub(super) struct Seats(RwLock<Vec<Weak<Seat>>>);

impl Seats {
    /// A seat for a consumer that follows another one, for as long as somebody holds it.
    pub(super) fn add(&self, projection: &Arc<dyn Projection>, reader: &Arc<Reader>) -> Option<Arc<Seat>> {
        projection.behind()?;
        let seat = Arc::new(Seat {
            projection: Arc::clone(projection),
            reader: Arc::clone(reader),
            place: Arc::default(),
            taken: Notify::new(),
        });
        let mut seats = self.0.write().unwrap_or_else(PoisonError::into_inner);
        seats.retain(|other| other.strong_count() > 0);
        seats.push(Arc::downgrade(&seat));
        Some(seat)
    }

    /// Those of the consumers that follow `leader` and are led by this process.
    fn behind(&self, leader: &str) -> Vec<Arc<Seat>> {
        let seats = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let of_leader = |seat: &Arc<Seat>| {
            seat.projection.behind() == Some(leader) && seat.reader.leads.load(Ordering::Relaxed)
        };
        seats.iter().filter_map(Weak::upgrade).filter(of_leader).collect()
    }
}

/// Who rides with one consumer.
pub(super) struct Riders<'a> {
    seats: &'a Seats,
    leader: &'static str,
    not_before: Instant,
}

impl<'a> Riders<'a> {
    pub(super) fn of(seats: &'a Seats, leader: &'static str) -> Self {
        Self { seats, leader, not_before: Instant::now() }
    }

    /// Those that have seen everything up to `at`. One that is about to is waited for.
    pub(super) async fn boarding(&mut self, at: Cursor) -> Vec<Rider> {
        let mut riders = Vec::new();
        for seat in self.seats.behind(self.leader) {
            let mut rider = Rider::at(&seat, at);
            if rider.is_none() && Instant::now() >= self.not_before {
                // A stored permit of an earlier time ends the first wait at once.
                let seated = async {
                    while rider.is_none() {
                        seat.taken.notified().await;
                        rider = Rider::at(&seat, at);
                    }
                };
                if tokio::time::timeout(BOARDING_WAIT, seated).await.is_err() {
                    self.not_before = Instant::now() + BOARDING_PAUSE;
                }
            }
            riders.extend(rider);
        }
        riders
    }
}

/// A consumer for which another one writes a batch. Dropped, it stays where it was.
pub(super) struct Rider {
    seat: Arc<Seat>,
    place: OwnedMutexGuard<Option<Place>>,
    /// Its checkpoint.
    pub(super) from: Cursor,
    /// What the batch led to.
    pub(super) written: Written,
}

impl Rider {
    fn at(seat: &Arc<Seat>, at: Cursor) -> Option<Self> {
        let place = Arc::clone(&seat.place).try_lock_owned().ok()?;
        let from = place.filter(|place| place.scanned == at)?.at;
        Some(Self { seat: Arc::clone(seat), place, from, written: Written::default() })
    }

    pub(super) fn projection(&self) -> &dyn Projection {
        self.seat.projection.as_ref()
    }

    /// It was brought to `to`; what the batch led to.
    pub(super) fn came(mut self, to: Cursor) -> Written {
        *self.place = Some(Place { at: to, scanned: to });
        self.seat.reader.came(to);
        std::mem::take(&mut self.written)
    }

    /// It has to go on by itself.
    pub(super) fn put_off(mut self) {
        *self.place = None;
        self.seat.reader.woken.notify_one();
    }
}
