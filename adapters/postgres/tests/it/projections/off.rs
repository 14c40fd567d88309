//! What a deployment may do without is off, and said to be; once it ran, it is behind like any other.

use std::sync::Arc;

use adapter_postgres::{
    PgVitals, Sealing,
    consumers::{PgProjectionDesk, Projection},
    jobs::Bell,
    mail_reactions,
};
use application::projection::{ProjectionAct, ProjectionDesk, ProjectionRow, ProjectionState};

use super::scene::Scene;
use crate::rig::Node;

const SEAL: &str = "audit_seal.v1";
const MAILS: &str = "mails.v1";

fn desk(node: &Node) -> PgProjectionDesk {
    let mut consumers = mail_reactions(&node.pools.pool, &Bell::new());
    consumers.push(Arc::new(Sealing) as Arc<dyn Projection>);
    PgProjectionDesk::new(node.pools.pool.clone(), consumers)
}

async fn of(desk: &PgProjectionDesk, name: &str) -> ProjectionRow {
    desk.list().await.unwrap().into_iter().find(|row| row.name == name).unwrap()
}

/// Those whose lag is measured.
async fn measured(node: &Node) -> Vec<String> {
    let lags = PgVitals::new(node.pools.clone()).lags().await.unwrap();
    lags.into_iter().map(|lag| lag.name).collect()
}

#[tokio::test]
async fn what_nobody_ever_ran_is_off_and_says_what_to_set() {
    let scene = Scene::new().await;
    scene.todos(3).await;
    let desk = desk(&scene.node);
    for (name, setting) in [(SEAL, "AUDIT_SIGNING_KEY"), (MAILS, "SMTP_HOST")] {
        let row = of(&desk, name).await;
        assert_eq!((row.state, row.lag_events, row.lag_seconds), (ProjectionState::Off, 0, 0.0), "{name}");
        assert!(row.off_because.is_some_and(|reason| reason.contains(setting)), "{row:?}");
    }
    assert_eq!(measured(&scene.node).await, ["todo_changes.v1", "todo_list.v1"]);
    // A read model that nobody runs is no such thing: without it people see nothing.
    scene
        .node
        .client()
        .await
        .batch_execute("INSERT INTO projection_checkpoints (name) VALUES ('tag_list.v1')")
        .await
        .unwrap();
    assert!(measured(&scene.node).await.contains(&"tag_list.v1".to_owned()));
}

#[tokio::test]
async fn what_ran_once_is_behind_when_it_stands_still() {
    let scene = Scene::new().await;
    scene.todos(3).await;
    let desk = desk(&scene.node);
    let running = scene.node.run(Sealing);
    scene.node.caught_up(SEAL, &["todo"]).await;
    assert_eq!(of(&desk, SEAL).await.state, ProjectionState::Running);
    running.stop().await;
    scene.todos(2).await;
    let row = of(&desk, SEAL).await;
    assert_eq!((row.state, row.lag_events, row.off_because), (ProjectionState::Running, 4, None));
    assert!(measured(&scene.node).await.contains(&SEAL.to_owned()));
}

#[tokio::test]
async fn what_is_off_may_be_paused_before_it_is_turned_on() {
    let scene = Scene::new().await;
    scene.todos(1).await;
    let desk = desk(&scene.node);
    desk.act(SEAL, ProjectionAct::Pause).await.unwrap().unwrap();
    assert_eq!(of(&desk, SEAL).await.state, ProjectionState::Paused);
    desk.act(SEAL, ProjectionAct::Resume).await.unwrap().unwrap();
    assert_eq!(of(&desk, SEAL).await.state, ProjectionState::Off);
}
