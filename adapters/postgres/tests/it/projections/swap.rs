//! Built anew while it is written and read: nothing is missing, nothing is twice, nobody notices.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use application::{
    Direction, Filter, PageRequest, Window,
    ports::{Cursor, EventLog, Signal, Signals},
    projection::{BuildPhase, ProjectionAct},
    todo::{TodoList, TodoScope, TodoSort},
};
use domain::todo::Todo;
use testkit::{
    TestDatabase, TestEntropy,
    given::{bare, todo_completed, todo_created, todo_stream, unit},
};
use tokio::{sync::broadcast::error::RecvError, task::JoinHandle};

use super::scene::{CHANGES, QUICK_BUILD, Scene, TODOS};

const WRITERS: u64 = 3;
const READERS: usize = 4;

/// Writers and readers at work until they are told to end.
struct Traffic {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicI64>,
    writers: Vec<JoinHandle<()>>,
    readers: Vec<JoinHandle<u64>>,
    changes: JoinHandle<Vec<Cursor>>,
}

impl Traffic {
    fn start(scene: &Scene) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let written = Arc::new(AtomicI64::new(0));
        let writers = (0..WRITERS).map(|n| write(scene, n, &stop, &written)).collect();
        let readers = (0..READERS).map(|_| read(scene, &stop)).collect();
        Self { changes: listen(scene, &stop), stop, written, writers, readers }
    }

    /// Todos written, pages read, and the changes that were signalled.
    async fn end(self) -> (i64, u64, Vec<Cursor>) {
        self.stop.store(true, Ordering::SeqCst);
        for writer in self.writers {
            writer.await.unwrap();
        }
        let mut pages = 0;
        for reader in self.readers {
            pages += reader.await.expect("no read failed, and none showed less than the one before");
        }
        (self.written.load(Ordering::SeqCst), pages, self.changes.await.unwrap())
    }
}

fn write(scene: &Scene, seed: u64, stop: &Arc<AtomicBool>, written: &Arc<AtomicI64>) -> JoinHandle<()> {
    let (stop, written, of, log) =
        (Arc::clone(stop), Arc::clone(written), scene.alice, Arc::clone(&scene.node.log));
    let entropy = TestEntropy::seeded(1_000 + seed);
    tokio::spawn(async move {
        while !stop.load(Ordering::SeqCst) {
            let stream = todo_stream(of, &entropy).0;
            log.append(unit([bare::<Todo>(&stream, 0, &[todo_created(of, "busy")])])).await.unwrap();
            log.append(unit([bare::<Todo>(&stream, 1, &[todo_completed(1)])])).await.unwrap();
            written.fetch_add(1, Ordering::SeqCst);
        }
    })
}

/// Counts and pages, as the API asks for them; a list that only grows never shows less.
fn read(scene: &Scene, stop: &Arc<AtomicBool>) -> JoinHandle<u64> {
    let (stop, list, scope) = (Arc::clone(stop), scene.node.todo_list(), TodoScope::Own(scene.alice));
    tokio::spawn(async move {
        let (mut pages, mut most) = (0, 0);
        let sort = TodoSort::CreatedAt(Direction::Desc);
        while !stop.load(Ordering::SeqCst) {
            let count = list.count(scope, &Filter::default()).await.unwrap();
            assert!(count >= most, "{count} todos after {most}");
            most = count;
            let request = PageRequest { filter: Filter::default(), sort, window: Window::First(20, None) };
            let page = list.page(scope, &request).await.unwrap();
            assert_eq!(page.edges.len(), 20);
            pages += 1;
        }
        pages
    })
}

fn listen(scene: &Scene, stop: &Arc<AtomicBool>) -> JoinHandle<Vec<Cursor>> {
    let (stop, mut hints) = (Arc::clone(stop), scene.node.signals.subscribe());
    tokio::spawn(async move {
        let mut told = Vec::new();
        loop {
            match tokio::time::timeout(Duration::from_millis(200), hints.recv()).await {
                Ok(Ok(Signal::Projected { changes, .. })) => told.extend(changes.iter().map(|it| it.cursor)),
                Ok(Err(RecvError::Closed)) => return told,
                Err(_) if stop.load(Ordering::SeqCst) => return told,
                Ok(Ok(_) | Err(RecvError::Lagged(_))) | Err(_) => {}
            }
        }
    })
}

/// Builds one anew, and goes back and forth, in the middle of it all.
async fn under_traffic(name: &str, table: &str, per_todo: i64) {
    let scene = Scene::on(TestDatabase::alone().await);
    scene.todos(500).await;
    let _process = scene.builds_with(
        adapter_postgres::all(&scene.node.deployment()),
        adapter_postgres::consumers::BuildPace { batch: 500, ..QUICK_BUILD },
    );
    let traffic = Traffic::start(&scene);
    tokio::time::sleep(Duration::from_millis(300)).await;

    let mut locked = Vec::new();
    let build = scene.rebuilt(name).await;
    assert_eq!(build.differing, Some(0), "compared at one position, in the middle of writing");
    locked.extend(build.locked_ms);
    for _ in 0..4 {
        let before = scene.build_of(name).await.unwrap().swapped_at;
        scene.act(name, ProjectionAct::Return).await;
        testkit::eventually("it swapped", async || {
            scene
                .build_of(name)
                .await
                .is_some_and(|it| it.phase == BuildPhase::Kept && it.swapped_at > before)
        })
        .await;
        locked.extend(scene.build_of(name).await.unwrap().locked_ms);
    }
    let (written, pages, told) = traffic.end().await;
    scene.shown().await;

    assert!(written > 100 && pages > 50, "{written} todos written, {pages} pages read");
    assert!(locked.iter().all(|ms| *ms < 100.0), "readers waited {locked:?} ms");
    let rows = scene.rows(table).await;
    let distinct: HashSet<&String> = rows.iter().collect();
    let all = (500 + written) * per_todo;
    assert_eq!(
        (i64::try_from(rows.len()).unwrap(), distinct.len()),
        (all, rows.len()),
        "none missing, none twice"
    );
    let again: HashSet<&Cursor> = told.iter().collect();
    assert_eq!(again.len(), told.len(), "no change was signalled a second time");

    // What the log says, once more, in quiet.
    assert_eq!(scene.rebuilt(name).await.differing, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn todos_are_built_anew_under_traffic() {
    under_traffic(TODOS, "todo_list", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_are_built_anew_under_traffic() {
    under_traffic(CHANGES, "todo_changes", 2).await;
}

#[tokio::test]
async fn a_reader_that_does_not_end_keeps_the_swap_waiting_and_nobody_else() {
    let scene = Scene::new().await;
    scene.todos(10).await;
    let mut slow = scene.node.client().await;
    let reading = slow.transaction().await.unwrap();
    reading.query_one("SELECT count(*) FROM todo_list", &[]).await.unwrap();
    let _process = scene.builds();
    scene.act(TODOS, ProjectionAct::Rebuild).await;
    scene.stands(TODOS, BuildPhase::Swapping).await;

    for _ in 0..20 {
        let asked = std::time::Instant::now();
        let count =
            scene.node.todo_list().count(TodoScope::Own(scene.alice), &Filter::default()).await.unwrap();
        assert_eq!(count, 10);
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(scene.build_of(TODOS).await.unwrap().phase, BuildPhase::Swapping);

    reading.commit().await.unwrap();
    scene.stands(TODOS, BuildPhase::Kept).await;
}
