//! Every read model of the deployment may be built anew, and is what it was.

use std::{collections::BTreeSet, sync::Arc};

use adapter_postgres::{all, consumers::Projection};
use application::{
    Caller, Platform, Terms,
    operator::CreateOperator,
    projection::{BuildPhase, ProjectionDesk, ProjectionState},
};
use domain::operator::OperatorRole;
use testkit::eventually;

use super::scene::{CHANGES, Scene, TODOS};
use crate::{
    rig::{QUICK, Running},
    tenants::two_tenants,
};

/// People, their things, an operator: something in every read model.
pub(super) async fn town(scene: &Scene) -> Vec<Running> {
    let node = &scene.node;
    two_tenants(node).await;
    let others = all(&node.deployment()).into_iter().filter(|it| ![TODOS, CHANGES].contains(&it.name()));
    let running = others.map(|projection| node.run_shared(&node.leases(), projection, QUICK)).collect();
    let create = CreateOperator {
        fullname: "Olga Operator".to_owned().try_into().unwrap(),
        email: "olga@portal.test".to_owned().try_into().unwrap(),
        password: "Portal7Secret".to_owned().try_into().unwrap(),
        role: OperatorRole::Support,
    };
    node.app().send(&Caller::system(Platform::Portal, "test"), create, Terms::default()).await.unwrap();
    eventually("all have read everything", async || {
        let rows = node.desk().list().await.unwrap();
        rows.iter()
            .all(|row| row.lag_events == 0 && row.at.position > 0 && row.state == ProjectionState::Running)
    })
    .await;
    // As the events say: nobody has verified an address.
    scene.tamper("UPDATE people SET status = 'INACTIVE'").await;
    running
}

/// What makes the tables what they are, one line a thing.
const SHAPE: &str = "SELECT string_agg(l, E'\\n') FROM ( \
    SELECT indexdef AS l FROM pg_indexes WHERE schemaname = 'public' UNION ALL \
    SELECT format('%s %s %s %s %s', tablename, policyname, cmd, qual, roles) FROM pg_policies \
      WHERE schemaname = 'public' UNION ALL \
    SELECT format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint \
      WHERE connamespace = 'public'::regnamespace UNION ALL \
    SELECT format('%s %s %s %s %s', relname, relowner, reloptions, relrowsecurity, \
      (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(relacl) a)) FROM pg_class \
      WHERE relnamespace = 'public'::regnamespace AND relkind = 'r') t";

#[tokio::test]
async fn every_read_model_is_built_anew_as_it_was() {
    let scene = Scene::new().await;
    let _running = town(&scene).await;
    let _process = scene.builds();
    let owner = scene.database.owner().await;
    let listed = "SELECT table_name, model FROM read_model_tables ORDER BY 1";
    let tables: Vec<(String, String)> =
        owner.query(listed, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
    let names: BTreeSet<&str> = tables.iter().map(|(_, model)| model.as_str()).collect();
    let models = || all(&scene.node.deployment());
    let ours: Vec<&'static str> = models().iter().map(|it: &Arc<dyn Projection>| it.name()).collect();
    assert_eq!(names, ours.iter().copied().collect(), "each read model says which tables it has");

    let shape = lines(owner.query_one(SHAPE, &[]).await.unwrap().get(0));
    let mut before = Vec::new();
    for (table, _) in &tables {
        let rows = scene.rows(table).await;
        assert!(!rows.is_empty(), "{table} has rows");
        before.push(rows);
    }
    for name in &ours {
        let build = scene.rebuilt(name).await;
        assert_eq!((build.differing, build.phase), (Some(0), BuildPhase::Kept), "{name}");
    }
    for ((table, _), before) in tables.iter().zip(before) {
        // Stretches of the log are as long as the batches they came in.
        assert!(table == "audit_spans" || scene.rows(table).await == before, "{table}");
    }
    // The schema is the same one, down to the names of indexes, rights and walls.
    assert_eq!(lines(owner.query_one(SHAPE, &[]).await.unwrap().get(0)), shape);
}

fn lines(text: &str) -> BTreeSet<String> {
    text.lines().map(str::to_owned).collect()
}
