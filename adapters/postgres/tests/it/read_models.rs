//! The read model of todos: what SQL finds is what the same filter finds in memory, every page is
//! a piece of one list, and writing a batch twice, or everything again, changes nothing.

use std::time::Duration;

use adapter_postgres::{PgTodoList, TagListProjection, TodoChangesProjection, TodoListProjection};
use application::{
    Caller, Direction, Filter, Keyset, Member, PageRequest, Terms, Test, Window,
    tag::CreateTag,
    todo::{
        ArchiveTodo, CompleteTodo, CreateTodo, TodoField, TodoFilter, TodoList, TodoRow, TodoScope, TodoSort,
        TodoStatus, matches,
    },
};
use domain::{TagId, TodoId, UserId, todo::Priority};
use testkit::{TestDatabase, given};
use uuid::Uuid;

use crate::rig::Node;

const TODOS: usize = 120;
const FILTERS: usize = 250;
const PRIORITIES: [Priority; 4] = [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent];

/// A small generator, so that a failure is repeated by its seed alone.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        let at = usize::try_from(self.roll(all.len() as u64)).unwrap();
        all[at].clone()
    }

    fn test<T: Clone>(&mut self, values: &[T], ordered: bool) -> Test<T> {
        match self.roll(if ordered { 9 } else { 4 }) {
            0 => Test::Eq(self.one_of(values)),
            1 => Test::Ne(self.one_of(values)),
            2 => Test::In(vec![self.one_of(values), self.one_of(values)]),
            3 => Test::IsNull(self.roll(2) == 0),
            4 => Test::Gt(self.one_of(values)),
            5 => Test::Gte(self.one_of(values)),
            6 => Test::Lt(self.one_of(values)),
            7 => Test::Lte(self.one_of(values)),
            _ => Test::Between(self.one_of(values), self.one_of(values)),
        }
    }

    fn filter(&mut self, rows: &[TodoRow], depth: u64) -> TodoFilter {
        if depth > 0 && self.roll(3) == 0 {
            let parts = (0..self.roll(4)).map(|_| self.filter(rows, depth - 1)).collect();
            return if self.roll(2) == 0 { Filter::All(parts) } else { Filter::Any(parts) };
        }
        let row = self.one_of(rows);
        let mut tags: Vec<TagId> = rows.iter().flat_map(|row| row.tags.clone()).collect();
        tags.push(TagId(Uuid::nil()));
        let people: Vec<UserId> = rows.iter().filter_map(|row| row.assignee).collect();
        let due: Vec<_> = rows.iter().filter_map(|row| row.due_at).collect();
        Filter::Field(match self.roll(10) {
            0 => TodoField::Id(self.test(&[row.id], false)),
            1 => TodoField::Text(self.test(&[row.text.clone(), "m".to_owned()], true)),
            2 => TodoField::Text(Test::Like(self.one_of(&["%MILK%", "b%", "%_7", "%", "x"]).to_owned())),
            3 => TodoField::Status(self.test(&[TodoStatus::Active, TodoStatus::Archived], false)),
            4 => TodoField::Done(self.test(&[true, false], false)),
            5 => TodoField::Priority(self.test(&PRIORITIES, true)),
            6 => TodoField::DueAt(self.test(&due, true)),
            7 => TodoField::CreatedAt(self.test(&[row.created_at], true)),
            8 => TodoField::Assignee(self.test(&people, false)),
            _ => TodoField::Tag(self.test(&tags, false)),
        })
    }
}

/// Todos of all kinds, written through the application.
async fn fill(node: &Node, owner: Member, dice: &mut Dice) {
    let (app, me): (_, Caller) = (node.app(), given::signed_in(owner));
    let mut tags: Vec<TagId> = Vec::new();
    for name in ["Home", "Work", "Errands"] {
        let create = CreateTag { name: name.to_owned().try_into().unwrap(), slug: None, colour: None };
        tags.push(TagId(app.send(&me, create, Terms::default()).await.unwrap().stream.own().unwrap()));
    }
    for n in 0..TODOS {
        node.clock.advance(Duration::from_secs(1));
        let due = dice.roll(5);
        let create = CreateTodo {
            text: format!("{} number {n}", dice.one_of(&["buy Milk", "bake", "call"])).try_into().unwrap(),
            priority: dice.one_of(&PRIORITIES),
            due_at: (due > 1).then(|| given::moment(i64::try_from(due).unwrap() * 1000)),
            tags: tags.iter().copied().filter(|_| dice.roll(3) == 0).collect(),
            assignee: (dice.roll(3) == 0).then_some(owner.user),
        };
        let made = app.send(&me, create, Terms::default()).await.unwrap();
        let id = TodoId(made.stream.own().unwrap());
        match dice.roll(4) {
            0 => drop(app.send(&me, CompleteTodo { id }, Terms::default()).await.unwrap()),
            1 => drop(app.send(&me, ArchiveTodo { id }, Terms::default()).await.unwrap()),
            _ => {}
        }
    }
}

async fn pages(
    list: &PgTodoList,
    scope: TodoScope,
    filter: &TodoFilter,
    sort: TodoSort,
    forward: bool,
) -> Vec<TodoRow> {
    let mut found: Vec<TodoRow> = Vec::new();
    let mut place: Option<Keyset> = None;
    loop {
        let window = if forward { Window::First(13, place) } else { Window::Last(13, place) };
        let page = list.page(scope, &PageRequest { filter: filter.clone(), sort, window }).await.unwrap();
        let more = if forward { page.has_next } else { page.has_previous };
        let edge = if forward { page.edges.last() } else { page.edges.first() };
        place = edge.map(|edge| edge.key.clone());
        let rows = page.edges.into_iter().map(|edge| edge.node);
        if forward {
            found.extend(rows);
        } else {
            found = rows.chain(found).collect();
        }
        if !more {
            return found;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_and_memory_agree_and_pages_are_pieces_of_one_list() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let _running = (node.run(TodoListProjection::default()), node.run(TagListProjection::default()));
    let (owner, stranger) = (given::somebody(&node.entropy), given::somebody(&node.entropy));
    let mut dice = Dice(42);
    fill(&node, owner, &mut dice).await;
    fill(&node, stranger, &mut dice).await;

    let (list, scope) = (node.todo_list(), TodoScope::Own(owner));
    let newest = TodoSort::CreatedAt(Direction::Desc);
    let all = pages(&list, scope, &Filter::default(), newest, true).await;
    assert_eq!(all.len(), TODOS, "one's own, and nobody else's");
    assert!(all.iter().all(|row| row.owner == owner.user && row.tenant == owner.tenant));
    for n in 0..FILTERS {
        let filter = dice.filter(&all, 3);
        let direction = dice.one_of(&[Direction::Asc, Direction::Desc]);
        let sort = dice.one_of(&[
            TodoSort::CreatedAt(direction),
            TodoSort::UpdatedAt(direction),
            TodoSort::DueAt(direction),
            TodoSort::Priority(direction),
            TodoSort::Text(direction),
        ]);
        let ids = |rows: &[TodoRow]| rows.iter().map(|row| row.id.0).collect::<Vec<Uuid>>();
        let found = pages(&list, scope, &filter, sort, true).await;
        let mut expected = ids(&all.iter().filter(|row| matches(&filter, row)).cloned().collect::<Vec<_>>());
        let mut got = ids(&found);
        assert_eq!(
            list.count(scope, &filter).await.unwrap(),
            i64::try_from(got.len()).unwrap(),
            "{n}: {filter:?}"
        );
        assert_eq!(
            got,
            ids(&pages(&list, scope, &filter, sort, false).await),
            "{n}: backwards, {filter:?} {sort:?}"
        );
        expected.sort_unstable();
        got.sort_unstable();
        assert_eq!(got, expected, "{n}: {filter:?}");
    }
}

/// The consumer behind the rows: once it is there, so are they.
const CHANGES: &str = "todo_changes.v1";

#[tokio::test(flavor = "multi_thread")]
async fn everything_written_again_from_zero_is_what_it_was() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let owner = given::somebody(&node.entropy);
    let both = || (node.run(TodoListProjection::default()), node.run(TodoChangesProjection::default()));
    let running = both();
    let _tags = node.run(TagListProjection::default());
    fill(&node, owner, &mut Dice(7)).await;
    node.caught_up(CHANGES, &["todo"]).await;
    let dump = "SELECT md5(string_agg(t::text, '|' ORDER BY id)) || md5((SELECT string_agg(c::text, '|' \
                ORDER BY tx_id, position) FROM todo_changes c)) FROM todo_list t";
    let client = node.client().await;
    let live: String = client.query_one(dump, &[]).await.unwrap().get(0);

    // The same batches once more, over the rows that are there: nothing changes. An idle runner
    // notices a checkpoint that was moved by hand only after seconds, so another one starts.
    running.0.stop().await;
    running.1.stop().await;
    client
        .batch_execute(
            "UPDATE projection_checkpoints SET tx_id = '0', position = 0 WHERE name LIKE 'todo\\_%'",
        )
        .await
        .unwrap();
    let running = both();
    node.caught_up(CHANGES, &["todo"]).await;
    assert_eq!(client.query_one(dump, &[]).await.unwrap().get::<_, String>(0), live, "delivered twice");

    running.0.stop().await;
    running.1.stop().await;
    client
        .batch_execute("DELETE FROM todo_list; DELETE FROM todo_changes; DELETE FROM projection_checkpoints WHERE name LIKE 'todo\\_%'")
        .await
        .unwrap();
    let _again = both();
    node.caught_up(CHANGES, &["todo"]).await;
    assert_eq!(client.query_one(dump, &[]).await.unwrap().get::<_, String>(0), live, "from zero");
}
