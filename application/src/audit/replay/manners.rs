//! Full speed is for when nobody else works: while commands come in, a replay leaves them the
//! processors every few events.
//!
//! The pauses are short and many. After a long stretch of work a long pause is of no use to whoever
//! came in during the stretch.

use std::time::Duration;

use tokio::{
    sync::broadcast::{self, error::TryRecvError},
    time::{Instant, sleep},
};

use crate::ports::Signal;

/// Events that are told without a pause.
const PIECE_EVENTS: usize = 20;
/// A pause is as long as what was told before it took, times this.
const REST_PER_PIECE: f64 = 5.0;
/// The longest pause: that a client took long to read is no reason for more.
const REST_MAX: Duration = Duration::from_millis(10);
/// For how long after a command others are taken to be at work.
const AT_WORK: Duration = Duration::from_millis(500);

/// How a replay behaves among others.
pub(super) struct Manners {
    others: broadcast::Receiver<Signal>,
    last_command: Option<Instant>,
    piece: usize,
    begun: Instant,
}

impl Manners {
    /// Hears of commands over this wire.
    pub(super) fn new(others: broadcast::Receiver<Signal>) -> Self {
        Self { others, last_command: None, piece: 0, begun: Instant::now() }
    }

    /// One more event is about to be told: rests when it is time to.
    pub(super) async fn rest(&mut self) {
        self.rest_after(1).await;
    }

    /// A batch was read, which is as much work as a piece, whatever came of it.
    pub(super) async fn rest_from_reading(&mut self) {
        self.rest_after(PIECE_EVENTS).await;
    }

    async fn rest_after(&mut self, work: usize) {
        self.piece += work;
        if self.piece < PIECE_EVENTS {
            return;
        }
        if self.others_at_work() {
            sleep(self.begun.elapsed().mul_f64(REST_PER_PIECE).min(REST_MAX)).await;
        }
        (self.piece, self.begun) = (0, Instant::now());
    }

    fn others_at_work(&mut self) -> bool {
        // Whoever leads all consumers of what it appends only tells how far these came. Words that were
        // missed are words.
        while let Ok(Signal::Appended { .. } | Signal::Projected { .. }) | Err(TryRecvError::Lagged(_)) =
            self.others.try_recv()
        {
            self.last_command = Some(Instant::now());
        }
        self.last_command.is_some_and(|command| command.elapsed() < AT_WORK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(manners: &mut Manners, events: usize) -> Duration {
        let begun = Instant::now();
        for _ in 0..events {
            tokio::time::advance(Duration::from_micros(100)).await;
            manners.rest().await;
        }
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn it_rests_while_commands_come_in_and_for_no_longer() {
        let (commands, others) = broadcast::channel(4);
        let mut manners = Manners::new(others);
        let alone = told(&mut manners, 1_000).await;
        assert_eq!(alone, Duration::from_millis(100), "full speed");

        let command = Signal::Appended { types: vec!["todo".to_owned()], tx: 1 };
        drop(commands.send(command));
        let meanwhile = told(&mut manners, 500).await;
        assert!(meanwhile >= Duration::from_millis(290), "a sixth of the speed: {meanwhile:?}");

        tokio::time::advance(AT_WORK).await;
        assert_eq!(told(&mut manners, 1_000).await, alone, "nobody is at work any more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_not_punished() {
        let (commands, others) = broadcast::channel(4);
        let mut manners = Manners::new(others);
        drop(commands.send(Signal::Appended { types: Vec::new(), tx: 1 }));
        manners.piece = PIECE_EVENTS - 1;
        tokio::time::advance(AT_WORK / 2).await;
        let begun = Instant::now();
        manners.rest().await;
        assert!(begun.elapsed() <= REST_MAX + Duration::from_millis(1), "{:?}", begun.elapsed());
    }
}
