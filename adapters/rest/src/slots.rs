//! How many long answers are made at once: of one person, and of all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use application::Member;

use crate::Problem;

/// How long somebody is asked to wait for a place, in seconds.
const RETRY_AFTER_SECONDS: u64 = 5;

/// Places for long answers.
#[derive(Clone)]
pub(crate) struct Slots {
    taken: Arc<Mutex<HashMap<Member, usize>>>,
    each: usize,
    all: usize,
}

/// A place that is taken until it is dropped.
pub(crate) struct Slot {
    of: Slots,
    member: Member,
}

impl Slots {
    /// So many for each person, and so many for all of this process.
    pub(crate) fn new(each: usize, all: usize) -> Self {
        Self { taken: Arc::default(), each, all }
    }

    /// Takes a place.
    pub(crate) fn take(&self, member: Member, what: &str) -> Result<Slot, Problem> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= self.all {
            let detail = format!("too many {what} at the moment, please try again later");
            return Err(Problem::busy(detail, RETRY_AFTER_SECONDS));
        }
        let own = taken.entry(member).or_default();
        if *own >= self.each {
            let detail = format!("at most {} {what} of one person at the same time", self.each);
            return Err(Problem::busy(detail, RETRY_AFTER_SECONDS));
        }
        *own += 1;
        Ok(Slot { of: self.clone(), member })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.member) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.member);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{TenantId, UserId};
    use uuid::Uuid;

    use super::*;

    fn member(n: u128) -> Member {
        Member { tenant: TenantId(Uuid::from_u128(1)), user: UserId(Uuid::from_u128(n)) }
    }

    #[test]
    fn one_person_cannot_take_all_places_and_those_that_end_are_free_again() {
        let slots = Slots::new(2, 3);
        let first = slots.take(member(1), "exports").expect("a place");
        let _second = slots.take(member(1), "exports").expect("a place");
        assert!(slots.take(member(1), "exports").is_err());
        let _other = slots.take(member(2), "exports").expect("a place for somebody else");
        let full = slots.take(member(3), "exports").err().expect("no place");
        assert_eq!((full.status, full.retry_after_seconds), (429, Some(RETRY_AFTER_SECONDS)));
        drop(first);
        slots.take(member(3), "exports").expect("a place again");
    }
}
