//! The notary: when it signs, how checkpoints follow each other, what it publishes.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use application::{
    BoxError,
    ports::Clock,
    proofs::{
        Checkpoint, CheckpointStore, Leaf, Notary, Record, Records, Rhythm, SealSource, SealingKey, Seals,
        is_consistent,
    },
};
use async_trait::async_trait;
use domain::Timestamp;

use crate::{checker, memory::Desk};

const RHYTHM: Rhythm = Rhythm { leaves: 10, every: Duration::from_mins(1), look: Duration::from_millis(1) };

struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

#[derive(Default)]
struct Shelf(Mutex<Vec<Record>>);

#[async_trait]
impl CheckpointStore for Shelf {
    async fn newest(&self) -> Result<u64, BoxError> {
        Ok(self.0.lock().unwrap().last().map_or(0, |record| record.size))
    }
    async fn publish(&self, record: &Record) -> Result<(), BoxError> {
        self.0.lock().unwrap().push(record.clone());
        Ok(())
    }
}

struct Office {
    desk: Arc<Desk>,
    shelf: Arc<Shelf>,
    clock: Arc<Hand>,
    key: Arc<SealingKey>,
}

impl Office {
    fn new() -> Self {
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        let key = SealingKey::read(&SealingKey::generate().unwrap()).unwrap();
        Self {
            desk: Arc::default(),
            shelf: Arc::default(),
            clock: Arc::new(Hand(Mutex::new(now))),
            key: Arc::new(key),
        }
    }

    fn notary(&self) -> Notary {
        Notary {
            seals: Arc::clone(&self.desk) as _,
            store: Some(Arc::clone(&self.shelf) as _),
            key: Arc::clone(&self.key),
            clock: Arc::clone(&self.clock) as _,
            rhythm: RHYTHM,
        }
    }

    fn seal(&self, leaves: i64) {
        let mut book = self.desk.0.lock().unwrap();
        for _ in 0..leaves {
            let position = i64::try_from(book.leaves.len()).unwrap() + 1;
            book.leaves.push(Leaf { position, hash: checker::leaf(&position.to_be_bytes()) });
        }
    }

    fn wait(&self, seconds: i64) {
        *self.clock.0.lock().unwrap() += chrono::TimeDelta::seconds(seconds);
    }

    fn sizes(&self) -> Vec<u64> {
        self.desk.book().checkpoints.iter().map(|checkpoint| checkpoint.size).collect()
    }
}

#[tokio::test]
async fn it_signs_after_so_many_leaves_or_so_much_time_and_never_nothing() {
    let office = Office::new();
    let notary = office.notary();
    notary.attend().await.unwrap();
    assert_eq!(office.sizes(), [0; 0], "nothing is sealed");
    office.seal(3);
    notary.attend().await.unwrap();
    assert_eq!(office.sizes(), [3], "the first is made at once");
    office.seal(4);
    office.wait(59);
    notary.attend().await.unwrap();
    assert_eq!(office.sizes(), [3], "it is too soon");
    office.wait(1);
    notary.attend().await.unwrap();
    assert_eq!(office.sizes(), [3, 7]);
    office.wait(600);
    notary.attend().await.unwrap();
    assert_eq!(office.sizes(), [3, 7], "nothing is new");
    office.seal(25);
    notary.attend().await.unwrap();
    assert_eq!(office.sizes(), [3, 7, 17, 27], "a backlog is signed in parts, and the rest waits");
    office.wait(60);
    notary.attend().await.unwrap();
    assert_eq!(office.sizes(), [3, 7, 17, 27, 32]);
}

#[tokio::test]
async fn each_checkpoint_follows_the_one_before_and_continues_its_tree() {
    let office = Office::new();
    office.seal(57);
    office.notary().attend().await.unwrap();
    let book = office.desk.book();
    let hashes: Vec<_> = book.leaves.iter().map(|leaf| leaf.hash).collect();
    let mut previous: Option<Checkpoint> = None;
    for stored in &book.checkpoints {
        let checkpoint = Checkpoint::open(&stored.note, &[office.key.public()]).unwrap();
        assert_eq!(checkpoint.root, checker::root(&hashes[..usize::try_from(checkpoint.size).unwrap()]));
        assert_eq!(checkpoint.previous, previous.as_ref().map(|before| (before.size, before.hash())));
        if let Some(before) = &previous {
            let plan = application::proofs::consistency_plan(before.size, checkpoint.size);
            let mut path = Vec::new();
            for parts in &plan {
                path.push(application::proofs::join(&book.nodes(parts).await.unwrap()));
            }
            assert!(is_consistent((before.size, &before.root), (checkpoint.size, &checkpoint.root), &path));
        }
        previous = Some(checkpoint);
    }
}

#[tokio::test]
async fn of_two_notaries_one_signs() {
    let office = Office::new();
    let (one, two) = (office.notary(), office.notary());
    for leaves in 1..40 {
        office.seal(leaves);
        office.wait(60);
        let (first, second) = tokio::join!(one.attend(), two.attend());
        first.unwrap();
        second.unwrap();
    }
    office.wait(60);
    one.attend().await.unwrap();
    let sizes = office.sizes();
    assert!(sizes.windows(2).all(|pair| pair[0] < pair[1]), "{sizes:?}");
    assert_eq!(sizes.last(), Some(&office.desk.size().await.unwrap()));
}

#[tokio::test]
async fn what_was_not_published_is_published_later_and_in_order() {
    let office = Office::new();
    let silent = Notary { store: None, ..office.notary() };
    for _ in 0..3 {
        office.seal(7);
        office.wait(60);
        silent.attend().await.unwrap();
    }
    office.notary().attend().await.unwrap();
    office.notary().attend().await.unwrap();
    let records = office.shelf.0.lock().unwrap().clone();
    assert_eq!(records.iter().map(|record| record.size).collect::<Vec<_>>(), [7, 14, 21]);
    let published = Records::read(records).unwrap();
    let book = office.desk.book();
    assert_eq!(published.leaves(0, 100).await.unwrap(), book.leaves);
    assert_eq!(office.desk.newest().await.unwrap(), published.checkpoint_from(21).await.unwrap());
}
