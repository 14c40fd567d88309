//! A walk over a list: one moment, whatever happens meanwhile, and nothing left behind.

use application::{
    Edge, Filter, Keyset, Member, Test,
    ports::Cursor,
    todo::{SCAN_ROWS, TodoField, TodoFilter, TodoList, TodoRow, TodoScan, TodoScope},
};
use domain::todo::Priority;
use testkit::{TestDatabase, eventually, given::somebody};
use tokio_postgres::Client;

use crate::rig::Node;

/// More than two steps.
const ROWS: usize = 2 * SCAN_ROWS + 7;

/// Rows of somebody, of which every third presses; two at a time were written in one moment.
async fn fill(client: &Client, of: Member) {
    let sql = "INSERT INTO todo_list (tenant_id, owner_id, id, number, text, archived, priority, tags, created_at, \
        updated_at, version, position) \
        SELECT $1, $2, gen_random_uuid(), n, 'row ' || n, false, CASE WHEN n % 3 = 0 THEN 3 ELSE 1 END, '{}', \
          '2026-01-01'::timestamptz + (n / 2) * interval '1 s', '2026-01-01', 1, n FROM generate_series(1, $3::bigint) n";
    client.execute(sql, &[&of.tenant.0, &of.user.0, &i64::try_from(ROWS).unwrap()]).await.unwrap();
}

async fn rest(scan: &mut dyn TodoScan) -> Vec<Edge<TodoRow>> {
    let mut all = Vec::new();
    loop {
        let edges = scan.next().await.unwrap();
        assert!(edges.len() <= SCAN_ROWS);
        if edges.is_empty() {
            return all;
        }
        all.extend(edges);
    }
}

async fn all(node: &Node, scope: TodoScope, filter: TodoFilter, after: Option<Keyset>) -> Vec<Edge<TodoRow>> {
    rest(&mut *node.todo_list().scan(scope, filter, after).await.unwrap()).await
}

#[tokio::test]
async fn a_walk_sees_one_moment_and_every_row_of_it_once() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let (owner, other) = (somebody(&node.entropy), somebody(&node.entropy));
    let client = database.owner().await;
    fill(&client, owner).await;
    fill(&client, other).await;
    let checkpoint =
        "INSERT INTO projection_checkpoints (name, tx_id, position) VALUES ('todo_list.v1', '77', 4711)";
    client.batch_execute(checkpoint).await.unwrap();
    let scope = TodoScope::Own(owner);
    let before = all(&node, scope, Filter::default(), None).await;
    assert_eq!(before.len(), ROWS);
    assert!(before.iter().all(|edge| edge.node.owner == owner.user));
    assert!(before.windows(2).all(|pair| {
        (pair[0].node.created_at, pair[0].node.id.0) < (pair[1].node.created_at, pair[1].node.id.0)
    }));

    let mut scan = node.todo_list().scan(scope, Filter::default(), None).await.unwrap();
    assert_eq!(scan.position(), Cursor { tx: 77, position: 4711 });
    let mut walked = scan.next().await.unwrap();
    assert_eq!(walked.len(), SCAN_ROWS);
    client
        .batch_execute(
            "UPDATE projection_checkpoints SET tx_id = '88', position = 9000; \
             DELETE FROM todo_list WHERE number % 2 = 0; \
             UPDATE todo_list SET text = 'changed', version = 2; \
             INSERT INTO todo_list SELECT tenant_id, owner_id, gen_random_uuid(), number, 'new', archived, priority, \
               due_at, assignee_id, tags, completed_at, created_at, updated_at, version, position FROM todo_list",
        )
        .await
        .unwrap();
    walked.extend(rest(&mut *scan).await);
    assert_eq!(walked, before);
    assert_eq!(scan.position(), Cursor { tx: 77, position: 4711 });
    assert_eq!(
        all(&node, scope, Filter::default(), None).await.len(),
        before.len() + 1,
        "and the next one the next"
    );
}

#[tokio::test]
async fn a_walk_goes_on_from_any_row_and_knows_filters() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let owner = somebody(&node.entropy);
    fill(&database.owner().await, owner).await;
    let scope = TodoScope::Own(owner);
    let urgent = || Filter::Field(TodoField::Priority(Test::Eq(Priority::Urgent)));
    let whole = all(&node, scope, Filter::default(), None).await;
    for from in [0, SCAN_ROWS - 1, SCAN_ROWS, SCAN_ROWS + 1, whole.len() - 1] {
        let after = Some(whole[from].key.clone());
        assert_eq!(all(&node, scope, Filter::default(), after.clone()).await, whole[from + 1..], "{from}");
        let pressing = all(&node, scope, urgent(), after).await;
        let expected = whole[from + 1..].iter().filter(|edge| edge.node.priority == Priority::Urgent);
        assert!(pressing.iter().eq(expected), "{from}");
    }
}

#[tokio::test]
async fn a_walk_that_is_dropped_leaves_no_transaction_and_no_place_in_the_pool() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let owner = somebody(&node.entropy);
    let client = database.owner().await;
    fill(&client, owner).await;
    // More than the pool has connections.
    for _ in 0..40 {
        let list = node.todo_list();
        let mut scan = list.scan(TodoScope::Own(owner), Filter::default(), None).await.unwrap();
        assert_eq!(scan.next().await.unwrap().len(), SCAN_ROWS);
    }
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    eventually("no transaction", async || client.query_one(open, &[]).await.unwrap().get::<_, i64>(0) == 0)
        .await;
    // What is left in the pool knows its tenant.
    let count = node.todo_list().count(TodoScope::Own(owner), &Filter::default()).await.unwrap();
    assert_eq!(usize::try_from(count).unwrap(), ROWS);
}
