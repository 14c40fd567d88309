//! Many who watch, and what that costs.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use adapter_postgres::consumers::PgProjectionDesk;
use application::{
    BoxError, Page, Window,
    projection::{
        DeadLetter, DeadLetterId, PROGRESS_TICK, ProjectionAct, ProjectionDesk, ProjectionRefusal,
        ProjectionRow, ProjectionWatch, Settle, Settled, WATCHERS_MAX,
    },
};
use async_trait::async_trait;
use futures_util::{StreamExt, future::join_all};
use testkit::TestDatabase;

use crate::rig::Node;

/// The desk, and how often it was looked at.
struct Counted {
    desk: PgProjectionDesk,
    looks: AtomicUsize,
}

#[async_trait]
impl ProjectionDesk for Counted {
    fn known(&self) -> &[&'static str] {
        self.desk.known()
    }
    async fn list(&self) -> Result<Vec<ProjectionRow>, BoxError> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.desk.list().await
    }
    async fn act(&self, name: &str, act: ProjectionAct) -> Settled<ProjectionRow> {
        self.desk.act(name, act).await
    }
    async fn letters(
        &self,
        of: Option<&str>,
        window: &Window<DeadLetterId>,
    ) -> Result<Page<DeadLetter, DeadLetterId>, BoxError> {
        self.desk.letters(of, window).await
    }
    async fn count_letters(&self, of: Option<&str>) -> Result<i64, BoxError> {
        self.desk.count_letters(of).await
    }
    async fn settle(&self, id: &DeadLetterId, how: Settle) -> Settled<DeadLetter> {
        self.desk.settle(id, how).await
    }
}

async fn watched() -> (TestDatabase, Arc<Counted>, Arc<ProjectionWatch>) {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let desk = Arc::new(Counted { desk: node.desk(), looks: AtomicUsize::new(0) });
    let watch = ProjectionWatch::new(Arc::clone(&desk) as _, Arc::clone(&node.clock) as _);
    (database, desk, watch)
}

#[tokio::test]
async fn one_more_than_may_watch_is_refused_until_another_one_goes() {
    let (_database, desk, watch) = watched().await;
    let mut all = Vec::new();
    for _ in 0..WATCHERS_MAX {
        all.push(watch.begin(None).await.unwrap().unwrap());
    }
    let refused = watch.begin(None).await.unwrap().err();
    assert_eq!(refused, Some(ProjectionRefusal::TooManyWatch));
    all.pop();
    assert!(watch.begin(None).await.unwrap().is_ok());
    assert!(desk.looks.load(Ordering::Relaxed) < WATCHERS_MAX, "they share what they see first");
}

#[tokio::test]
async fn however_many_watch_the_database_is_asked_about_once_a_tick() {
    const TICKS: usize = 3;
    let (_database, desk, watch) = watched().await;
    let begun = Instant::now();
    let follow = async || {
        let watching = watch.begin(None).await.unwrap().unwrap();
        let mut items = pin!(watching.items());
        let mut told = 0;
        while told < TICKS {
            let seen = items.next().await.expect("no end").expect("the database is there");
            assert!(seen.rows.iter().map(|row| row.name.as_str()).eq(desk.known().iter().copied()));
            told += 1;
        }
    };
    join_all((0..WATCHERS_MAX).map(|_| follow())).await;
    // The first one is told at once.
    let ticks = begun.elapsed().as_secs_f64() / PROGRESS_TICK.as_secs_f64();
    let looks = desk.looks.load(Ordering::Relaxed);
    assert!(ticks >= 2.0 && looks >= TICKS, "{looks} looks in {ticks} ticks");
    assert!(looks <= 2 * TICKS, "{looks} looks in {ticks} ticks");
}
