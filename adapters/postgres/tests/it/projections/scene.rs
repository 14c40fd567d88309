//! Read models at work, builds beside them, and an operator.

use std::{sync::Arc, time::Duration};

use adapter_postgres::{
    Deployment, TodoChangesProjection, TodoListProjection, all,
    consumers::{BuildPace, Builders, Leases, Projection, ProjectionError, Written},
    log::Recorded,
};
use application::{
    Member,
    projection::{Build, BuildPhase, ProjectionAct, ProjectionDesk, ProjectionRow},
};
use async_trait::async_trait;
use deadpool_postgres::Transaction;
use domain::todo::Todo;
use testkit::{
    TestDatabase, eventually,
    given::{bare, somebody, todo_completed, todo_created, todo_stream},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::rig::{Node, QUICK, Running};

pub(super) const TODOS: &str = "todo_list.v1";
pub(super) const CHANGES: &str = "todo_changes.v1";
pub(super) const QUICK_BUILD: BuildPace =
    BuildPace { batch: 50, follow: Duration::from_millis(20), kept: Duration::from_hours(1) };

/// A node with the read models of todos at work.
pub(super) struct Scene {
    pub(super) node: Node,
    pub(super) alice: Member,
    _running: [Running; 2],
    pub(super) database: TestDatabase,
}

impl Scene {
    pub(super) fn on(database: TestDatabase) -> Self {
        let node = Node::on(&database);
        let alice = somebody(&node.entropy);
        let running = [
            node.run_at(TodoListProjection::default(), QUICK),
            node.run_at(TodoChangesProjection::default(), QUICK),
        ];
        Self { node, alice, _running: running, database }
    }

    pub(super) async fn new() -> Self {
        Self::on(TestDatabase::new().await)
    }

    /// New todos of two events each, all shown.
    pub(super) async fn todos(&self, count: usize) {
        for n in 0..count {
            let stream = todo_stream(self.alice, &self.node.entropy).0;
            let events = [todo_created(self.alice, &format!("todo {n}")), todo_completed(1)];
            self.node.append([bare::<Todo>(&stream, 0, &events)]).await;
        }
        self.shown().await;
    }

    pub(super) async fn shown(&self) {
        self.node.caught_up(TODOS, &["todo"]).await;
        self.node.caught_up(CHANGES, &["todo"]).await;
    }

    /// Builds what is asked for, as another process would.
    pub(super) fn builds(&self) -> Process {
        self.builds_with(all(&self.node.deployment()), QUICK_BUILD)
    }

    pub(super) fn builds_with(&self, projections: Vec<Arc<dyn Projection>>, pace: BuildPace) -> Process {
        Process::start(&self.node, projections, pace)
    }

    pub(super) async fn act(&self, name: &str, act: ProjectionAct) -> ProjectionRow {
        self.node.desk().act(name, act).await.unwrap().unwrap()
    }

    pub(super) async fn build_of(&self, name: &str) -> Option<Build> {
        let rows = self.node.desk().list().await.unwrap();
        rows.into_iter().find(|row| row.name == name).unwrap().build
    }

    /// Waits until a build stands there.
    pub(super) async fn stands(&self, name: &str, phase: BuildPhase) -> Build {
        eventually(&format!("{name} is {}", phase.name()), async || {
            self.build_of(name).await.is_some_and(|build| build.phase == phase)
        })
        .await;
        self.build_of(name).await.unwrap()
    }

    /// Asks for a build, and waits until it serves.
    pub(super) async fn rebuilt(&self, name: &str) -> Build {
        self.act(name, ProjectionAct::Rebuild).await;
        self.stands(name, BuildPhase::Kept).await
    }

    /// All rows of a table, in order.
    pub(super) async fn rows(&self, table: &str) -> Vec<String> {
        let owner = self.database.owner().await;
        let sql = format!("SELECT t::text FROM {table} t ORDER BY 1");
        owner.query(&sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    /// As somebody who may change everything, and should not.
    pub(super) async fn tamper(&self, sql: &str) {
        self.database.owner().await.batch_execute(sql).await.unwrap();
    }
}

/// A process that builds, until it is dropped.
pub(super) struct Process {
    task: JoinHandle<()>,
    stop: CancellationToken,
    _deployment: Deployment,
}

impl Process {
    fn start(node: &Node, projections: Vec<Arc<dyn Projection>>, pace: BuildPace) -> Self {
        let builders = Builders {
            projections,
            pool: node.pools.pool.clone(),
            connector: node.pools.connector.clone(),
            leases: Leases::new(node.pools.connector.clone()),
            pace,
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(builders.run(stop.clone()));
        Self { task, stop, _deployment: node.deployment() }
    }

    /// Ends it in order.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop.cancel();
        self.task.abort();
    }
}

/// The read model of todos, after a while for each batch.
pub(super) struct Slowly(pub(super) TodoListProjection, pub(super) Duration);

#[async_trait]
impl Projection for Slowly {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn reads(&self) -> &'static [&'static str] {
        self.0.reads()
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        tokio::time::sleep(self.1).await;
        self.0.write(tx, batch).await
    }
}

/// What cannot write the todos of this text.
pub(super) struct Chokes(pub(super) TodoListProjection, pub(super) &'static str);

#[async_trait]
impl Projection for Chokes {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn reads(&self) -> &'static [&'static str] {
        self.0.reads()
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        if let Some(event) = batch.iter().find(|event| event.payload.get().contains(self.1)) {
            return Err(ProjectionError::Poison { at: event.cursor, cause: "it chokes".into() });
        }
        self.0.write(tx, batch).await
    }
}
