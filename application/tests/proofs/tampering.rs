//! Ten thousand ways to change a log that is sealed: each is found, where and what it is.

use std::ops::Range;

use application::{
    ports::Cursor,
    proofs::{Checkpoint, Finding, SealingKey, StoredCheckpoint, Verdict, VerifyingKey, Wrong, examine},
};

use crate::memory::{Book, Log, Row};

const EVENTS: usize = 60;
const CHECKPOINT_EVERY: usize = 16;
const TAMPERINGS: u64 = 10_000;
const TAMPERINGS_A_LOG: u64 = 20;

fn key() -> SealingKey {
    SealingKey::read(&SealingKey::generate().unwrap()).unwrap()
}

async fn examined(log: &Log, book: &Book, keys: &[VerifyingKey]) -> Verdict {
    of_range(log, book, keys, 0..book.leaves.len() as u64).await
}

async fn of_range(log: &Log, book: &Book, keys: &[VerifyingKey], range: Range<u64>) -> Verdict {
    let mut events = log.clone();
    let start = usize::try_from(range.start).unwrap();
    events.rows = log.ordered().split_off(start);
    examine(book, &mut events, range, keys, |_| {}).await.unwrap()
}

#[tokio::test]
async fn a_log_that_nobody_changed_is_intact_in_every_range() {
    let (key, mut random) = (key(), fastrand::Rng::with_seed(1));
    let log = Log::of(EVENTS, &mut random);
    let book = Book::of(&log, CHECKPOINT_EVERY, &key).await;
    let keys = [key.public()];
    let all = examined(&log, &book, &keys).await;
    let expected = Verdict { events: EVENTS as u64, checkpoints: 4, signed: EVENTS as u64, finding: None };
    assert_eq!(all, expected);
    for from in 0..EVENTS as u64 {
        for to in from + 1..=EVENTS as u64 {
            let verdict = of_range(&log, &book, &keys, from..to).await;
            assert_eq!((verdict.finding, verdict.events), (None, to - from), "{from}..{to}");
            assert!(verdict.signed >= to, "the last ones are covered by the checkpoint behind them");
        }
    }
    // What is not sealed yet is nobody's fault.
    let mut longer = log.clone();
    longer.rows.push(Row { cursor: Cursor { tx: 9_000, position: 9_000 }, content: vec![1] });
    assert_eq!(examined(&longer, &book, &keys).await, expected);
}

/// Changes a log in one way at random; where it shows first, and what was done.
fn tamper(log: &mut Log, random: &mut fastrand::Rng) -> (i64, Wrong) {
    let ordered = log.ordered();
    let at = random.usize(..ordered.len());
    let other = (at + random.usize(1..ordered.len())) % ordered.len();
    let (first, second) = (at.min(other), at.max(other));
    let index = |row: &Row| log.rows.iter().position(|it| it == row).unwrap();
    let (here, there) = (index(&ordered[first]), index(&ordered[second]));
    let position = ordered[first].cursor.position;
    let unused = || (1..10_000).find(|free| ordered.iter().all(|row| row.cursor.position != *free)).unwrap();
    match random.u8(..10) {
        0 => {
            let row = &mut log.rows[here];
            let byte = random.usize(..row.content.len());
            row.content[byte] ^= 1 << random.u8(..8);
            (position, Wrong::Edited)
        }
        1 => {
            log.rows[here].cursor.position = unused();
            let moved = log.ordered().iter().position(|row| row.content == ordered[first].content);
            // Of one transaction are one or two events here: another number may change the order.
            assert_eq!(moved, Some(first));
            (position, Wrong::Edited)
        }
        2 => {
            log.rows.remove(here);
            (position, Wrong::Deleted)
        }
        3 => {
            // A new one, right before another, under a number of its own.
            let cursor = Cursor { tx: ordered[first].cursor.tx - 1, position: unused() };
            log.rows.push(Row { cursor, content: vec![random.u8(..); 9] });
            (cursor.position, Wrong::Inserted)
        }
        4 => {
            // A copy of a later one.
            let cursor = Cursor { tx: ordered[first].cursor.tx - 1, ..ordered[second].cursor };
            log.rows.push(Row { cursor, content: ordered[second].content.clone() });
            (cursor.position, Wrong::Inserted)
        }
        5 => {
            // A forged one in front of the right one.
            let cursor = Cursor { tx: ordered[first].cursor.tx - 1, ..ordered[first].cursor };
            log.rows.push(Row { cursor, content: vec![random.u8(..); 9] });
            (cursor.position, Wrong::Inserted)
        }
        9 => {
            // The right one once more, under a number of its own.
            let cursor = Cursor { tx: ordered[first].cursor.tx - 1, position: unused() };
            log.rows.push(Row { cursor, content: ordered[first].content.clone() });
            (cursor.position, Wrong::Inserted)
        }
        6 => {
            // What was stored, the other way round.
            let content = std::mem::take(&mut log.rows[here].content);
            log.rows[here].content = std::mem::replace(&mut log.rows[there].content, content);
            (position, Wrong::Swapped)
        }
        7 => {
            // Their transactions: the order is another.
            let tx = log.rows[here].cursor.tx;
            log.rows[here].cursor.tx = log.rows[there].cursor.tx;
            log.rows[there].cursor.tx = tx;
            (position, Wrong::Swapped)
        }
        _ => {
            // Their positions.
            let place = log.rows[here].cursor.position;
            log.rows[here].cursor.position = log.rows[there].cursor.position;
            log.rows[there].cursor.position = place;
            (position, Wrong::Swapped)
        }
    }
}

#[tokio::test]
async fn ten_thousand_tamperings_are_all_found_and_located() {
    let key = key();
    let mut kinds = std::collections::BTreeMap::new();
    let (mut sealed, mut book) = (Log::default(), Book::default());
    for seed in 0..TAMPERINGS {
        let mut random = fastrand::Rng::with_seed(seed);
        if seed % TAMPERINGS_A_LOG == 0 {
            sealed = Log::of(EVENTS, &mut random);
            book = Book::of(&sealed, CHECKPOINT_EVERY, &key).await;
        }
        let mut log = sealed.clone();
        let expected = tamper(&mut log, &mut random);
        // Signatures have tests of their own; here they would only take time.
        let finding = examined(&log, &book, &[]).await.finding;
        let found = finding.map(|finding| (finding.position, finding.wrong));
        assert_eq!(found, Some(expected), "seed {seed}");
        *kinds.entry(expected.1.name()).or_insert(0) += 1;
    }
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    assert!(kinds.values().all(|count| *count > 500), "{kinds:?}");
}

#[tokio::test]
async fn leaves_that_were_changed_with_the_events_do_not_lead_to_what_was_signed() {
    let (key, mut random) = (key(), fastrand::Rng::with_seed(2));
    let keys = [key.public()];
    let log = Log::of(EVENTS, &mut random);
    let good = Book::of(&log, CHECKPOINT_EVERY, &key).await;
    for index in 0..EVENTS {
        let mut log = log.clone();
        log.rows = log.ordered();
        log.rows[index].content.push(7);
        let mut book = good.clone();
        book.leaves[index].hash = log.rows[index].leaf();
        let finding = examined(&log, &book, &keys).await.finding.unwrap();
        // Nobody can say which leaf of those since the last good checkpoint it was.
        let since = index / CHECKPOINT_EVERY * CHECKPOINT_EVERY;
        let position = book.leaves[since].position;
        assert_eq!(finding, Finding { position, leaf: since as u64, wrong: Wrong::Resealed }, "{index}");
    }
}

#[tokio::test]
async fn a_leaf_that_was_changed_alone_is_told_from_an_event_that_was() {
    let (key, mut random) = (key(), fastrand::Rng::with_seed(3));
    let keys = [key.public()];
    let log = Log::of(EVENTS, &mut random);
    let good = Book::of(&log, CHECKPOINT_EVERY, &key).await;
    for index in 0..EVENTS {
        let position = good.leaves[index].position;
        let expected = Some(Finding { position, leaf: index as u64, wrong: Wrong::Resealed });
        let mut book = good.clone();
        book.leaves[index].hash[5] ^= 4;
        assert_eq!(examined(&log, &book, &keys).await.finding, expected, "another hash");
        let mut book = good.clone();
        book.leaves[index].position = 9_999;
        assert_eq!(examined(&log, &book, &keys).await.finding, expected, "another position");
    }
}

#[tokio::test]
async fn checkpoints_of_another_key_or_another_history_are_forged() {
    let (ours, other, mut random) = (key(), key(), fastrand::Rng::with_seed(4));
    let log = Log::of(EVENTS, &mut random);
    let good = Book::of(&log, CHECKPOINT_EVERY, &ours).await;
    let second = good.leaves[CHECKPOINT_EVERY].position;
    let forged = Some(Finding { position: second, leaf: CHECKPOINT_EVERY as u64, wrong: Wrong::Forged });
    let again = async |checkpoint: Checkpoint, key: &SealingKey| {
        let mut book = good.clone();
        let (at, note) = (checkpoint.at, checkpoint.sign(key));
        book.checkpoints[1] = StoredCheckpoint { size: checkpoint.size, at, note };
        examined(&log, &book, &[ours.public()]).await.finding
    };
    let right = Checkpoint::read(&good.checkpoints[1].note).unwrap();
    assert_eq!(again(right.clone(), &ours).await, None);
    assert_eq!(again(right.clone(), &other).await, forged);
    let previous = right.previous.map(|(size, _)| (size, [0; 32]));
    assert_eq!(again(Checkpoint { previous, ..right.clone() }, &ours).await, forged);
    assert_eq!(again(Checkpoint { previous: None, ..right.clone() }, &ours).await, forged);
    let moved = Checkpoint { origin: "enterprise-todo/other".to_owned(), ..right };
    assert_eq!(again(moved, &ours).await, forged);
    let none = examined(&log, &good, &[]).await;
    assert_eq!((none.finding, none.checkpoints), (None, 4), "without keys roots alone are compared");
}

#[tokio::test]
async fn a_missing_leaf_is_no_clean_end() {
    let (key, mut random) = (key(), fastrand::Rng::with_seed(5));
    let log = Log::of(EVENTS, &mut random);
    let mut book = Book::of(&log, CHECKPOINT_EVERY, &key).await;
    book.leaves.truncate(40);
    let verdict = of_range(&log, &book, &[key.public()], 0..EVENTS as u64).await;
    let finding = verdict.finding.unwrap();
    assert_eq!((finding.leaf, finding.wrong, verdict.signed), (40, Wrong::Resealed, 32));
}
