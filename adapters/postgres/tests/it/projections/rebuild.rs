//! A build: asked for once, gone on with by whoever lives, given up without a trace.

use std::{sync::Arc, time::Duration};

use adapter_postgres::{TodoListProjection, consumers::PgProjectionDesk, jobs::Bell, mail_reactions};
use application::projection::{
    BuildPhase, ProjectionAct, ProjectionDesk, ProjectionRefusal, ProjectionState,
};
use testkit::eventually;

use super::scene::{CHANGES, Chokes, QUICK_BUILD, Scene, Slowly, TODOS};

#[tokio::test]
async fn a_name_that_nothing_has_is_refused_with_all_that_there_are() {
    let scene = Scene::new().await;
    let refused = scene.node.desk().act("todo_list.v9", ProjectionAct::Rebuild).await.unwrap().unwrap_err();
    let ProjectionRefusal::Unknown { known } = refused else { panic!("{refused:?}") };
    assert!(known.contains(&TODOS) && known.is_sorted(), "{known:?}");
}

#[tokio::test]
async fn what_has_effects_outside_is_never_built_anew() {
    let scene = Scene::new().await;
    let pool = &scene.node.pools.pool;
    let desk = PgProjectionDesk::new(pool.clone(), mail_reactions(pool, &Bell::new()));
    let refused = desk.act("mails.v1", ProjectionAct::Rebuild).await.unwrap();
    assert_eq!(refused, Err(ProjectionRefusal::NotRebuildable));
    assert!(!desk.list().await.unwrap()[0].rebuildable);
}

#[tokio::test]
async fn a_second_build_and_what_there_is_nothing_of_are_conflicts() {
    let scene = Scene::new().await;
    scene.todos(1).await;
    let desk = scene.node.desk();
    let refused = async |act| desk.act(TODOS, act).await.unwrap().unwrap_err();
    assert_eq!(refused(ProjectionAct::Cancel).await, ProjectionRefusal::NothingToCancel);
    assert_eq!(refused(ProjectionAct::Return).await, ProjectionRefusal::NothingToReturnTo);
    let (one, other) =
        tokio::join!(desk.act(TODOS, ProjectionAct::Rebuild), desk.act(TODOS, ProjectionAct::Rebuild));
    let outcomes = [one.unwrap().map(drop), other.unwrap().map(drop)];
    assert!(
        outcomes.contains(&Ok(())) && outcomes.contains(&Err(ProjectionRefusal::UnderWay)),
        "{outcomes:?}"
    );
    assert_eq!(
        refused(ProjectionAct::Return).await,
        ProjectionRefusal::NothingToReturnTo,
        "it does not serve yet"
    );
    let rows = desk.list().await.unwrap();
    let row = rows.iter().find(|row| row.name == TODOS).unwrap();
    assert_eq!(row.state, ProjectionState::Rebuilding);
}

#[tokio::test]
async fn a_build_that_meets_poison_fails_and_what_serves_is_as_before() {
    let scene = Scene::new().await;
    scene.todos(30).await;
    let before = scene.rows("todo_list").await;
    let chokes = Arc::new(Chokes(TodoListProjection::default(), "todo 20"));
    let process = scene.builds_with(vec![chokes], QUICK_BUILD);
    scene.act(TODOS, ProjectionAct::Rebuild).await;

    let build = scene.stands(TODOS, BuildPhase::Failed).await;

    assert!(build.error.as_deref().is_some_and(|error| error.contains("it chokes")), "{build:?}");
    assert_eq!(scene.rows("todo_list").await, before);
    process.stop().await;
    // After the fix it is begun anew.
    let _process = scene.builds();
    assert_eq!(scene.rebuilt(TODOS).await.differing, Some(0));
}

#[tokio::test]
async fn a_build_that_is_given_up_leaves_nothing_and_may_be_begun_anew() {
    let scene = Scene::new().await;
    scene.todos(100).await;
    let before = scene.rows("todo_list").await;
    let slow = Arc::new(Slowly(TodoListProjection::default(), Duration::from_millis(100)));
    let process = scene.builds_with(vec![slow], QUICK_BUILD);
    scene.act(TODOS, ProjectionAct::Rebuild).await;
    eventually("it has begun", async || scene.build_of(TODOS).await.is_some_and(|build| build.events > 0))
        .await;

    scene.act(TODOS, ProjectionAct::Cancel).await;

    assert_eq!(scene.build_of(TODOS).await, None);
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'shadow_todo_list_v1'";
    let owner = scene.database.owner().await;
    eventually("its tables are gone", async || {
        owner.query_one(schemas, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    scene.todos(10).await;
    assert_eq!(scene.rows("todo_list").await.len(), before.len() + 10, "what serves goes on");
    process.stop().await;
    let _process = scene.builds();
    let build = scene.rebuilt(TODOS).await;
    assert_eq!((build.differing, build.events), (Some(0), 220));
}

#[tokio::test]
async fn a_build_goes_on_from_where_a_killed_process_left_it() {
    let scene = Scene::new().await;
    scene.todos(200).await;
    let slow = || Arc::new(Slowly(TodoListProjection::default(), Duration::from_millis(40))) as _;
    let doomed = scene.builds_with(vec![slow()], QUICK_BUILD);
    scene.act(TODOS, ProjectionAct::Rebuild).await;
    eventually("it is on its way", async || {
        scene.build_of(TODOS).await.is_some_and(|build| build.events > 0)
    })
    .await;

    drop(doomed);
    let left = scene.build_of(TODOS).await.unwrap();
    assert!(left.phase == BuildPhase::Building && left.events < 400 && left.percent < 100.0, "{left:?}");
    let _heir = scene.builds();

    let build = scene.stands(TODOS, BuildPhase::Kept).await;
    assert_eq!((build.events, build.differing), (400, Some(0)), "each event once");
}

#[tokio::test]
async fn differences_are_counted_and_mended_and_the_way_back_is_a_swap() {
    let scene = Scene::new().await;
    scene.todos(20).await;
    let right = scene.rows("todo_list").await;
    scene
        .tamper(
            "UPDATE todo_list SET text = 'wrong' WHERE id IN (SELECT id FROM todo_list ORDER BY id LIMIT 2); \
             DELETE FROM todo_list WHERE id IN (SELECT id FROM todo_list ORDER BY id DESC LIMIT 3); \
             INSERT INTO todo_list SELECT tenant_id, owner_id, gen_random_uuid(), 1, 'nobody wrote this', false, 1, NULL, NULL, \
               '{}', NULL, now(), now(), 1, 1 FROM todo_list LIMIT 1",
        )
        .await;
    let wrong = scene.rows("todo_list").await;
    let _process = scene.builds();

    let build = scene.rebuilt(TODOS).await;

    assert_eq!(build.differing, Some(6));
    assert!(build.swapped_at.is_some() && build.locked_ms.is_some_and(|ms| ms < 100.0), "{build:?}");
    assert_eq!(scene.rows("todo_list").await, right);

    // What comes now is in both: going back shows nothing older.
    scene.todos(5).await;
    let before = scene.build_of(TODOS).await.unwrap().swapped_at;
    scene.act(TODOS, ProjectionAct::Return).await;
    eventually("it returned", async || {
        scene
            .build_of(TODOS)
            .await
            .is_some_and(|build| build.phase == BuildPhase::Kept && build.swapped_at > before)
    })
    .await;
    let back = scene.rows("todo_list").await;
    assert!(wrong.iter().all(|row| back.contains(row)), "the rows of before, wrong as they were");
    assert_eq!(back.len(), wrong.len() + 5);
    scene.todos(1).await;
    assert_eq!(scene.rows("todo_list").await.len(), wrong.len() + 6, "and it goes on from there");
}

#[tokio::test]
async fn tables_of_before_are_gone_after_a_while() {
    let scene = Scene::new().await;
    scene.todos(3).await;
    let pace = adapter_postgres::consumers::BuildPace { kept: Duration::from_millis(300), ..QUICK_BUILD };
    let _process = scene.builds_with(adapter_postgres::all(&scene.node.deployment()), pace);
    scene.act(TODOS, ProjectionAct::Rebuild).await;
    scene.act(CHANGES, ProjectionAct::Rebuild).await;

    eventually("both are gone", async || {
        scene.build_of(TODOS).await.is_none() && scene.build_of(CHANGES).await.is_none()
    })
    .await;

    let refused = scene.node.desk().act(TODOS, ProjectionAct::Return).await.unwrap();
    assert_eq!(refused, Err(ProjectionRefusal::NothingToReturnTo));
    scene.todos(1).await;
    assert_eq!(scene.rows("todo_list").await.len(), 4);
}

#[tokio::test]
async fn tables_that_changed_their_shape_meanwhile_are_not_swapped() {
    let scene = Scene::new().await;
    scene.todos(3).await;
    let process = scene.builds();
    scene.rebuilt(TODOS).await;
    process.stop().await;
    scene.tamper("ALTER TABLE todo_list ADD COLUMN mood text").await;
    let _process = scene.builds();

    scene.act(TODOS, ProjectionAct::Return).await;

    let build = scene.stands(TODOS, BuildPhase::Failed).await;
    assert!(build.error.as_deref().is_some_and(|error| error.contains("changed their shape")), "{build:?}");
}
