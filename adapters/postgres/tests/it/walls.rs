//! What read models show of given events: to whom, and to nobody else.

use std::sync::Arc;

use adapter_postgres::{
    PeopleProjection, PgPeople, PgTagList, TagListProjection, TodoChangesProjection, TodoListProjection,
    consumers::{self, Pace, Status},
};
use application::{
    Direction, Filter, Member, PageRequest, Window,
    live::ChangeLog,
    ports::{Cursor, Entropy, Signal},
    tag::{TagList, TagSort},
    todo::{TodoList, TodoRow, TodoScope, TodoSort, TodoStatus},
    user::{People, Register},
};
use domain::{
    StreamId, TagId, TodoId, UserId,
    tag::{Colour, Slug, Tag, TagEvent, TagName},
    todo::{Priority, Todo, TodoEvent},
};
use testkit::{
    TestDatabase, eventually,
    given::{
        append, bare, colleague, moment, nobody, somebody, tag_created, todo_completed, todo_created,
        todo_stream, todo_text,
    },
};

use crate::rig::{Node, QUICK};

const TODOS: &str = "todo_list.v1";
const CHANGES: &str = "todo_changes.v1";

fn everything() -> PageRequest<Filter<application::todo::TodoField>, TodoSort> {
    let sort = TodoSort::CreatedAt(Direction::Asc);
    PageRequest { filter: Filter::default(), sort, window: Window::First(100, None) }
}

/// The row that these events make.
async fn shown(events: &[TodoEvent], of: Member) -> (Option<TodoRow>, Vec<String>) {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let (stream, id) = todo_stream(of, &node.entropy);
    node.append([append::<Todo>(&stream, &[], events)]).await;
    let _running = node.run(TodoListProjection::default());
    node.caught_up(TODOS, &["todo"]).await;
    let (list, scope) = (node.todo_list(), TodoScope::Own(of));
    let history = list.history(scope, id, None, 100).await.unwrap();
    let row = list.get(scope, id).await.unwrap();
    assert!(row.as_ref().is_none_or(|row| row.id == id && row.number == 1));
    (row, history.into_iter().map(|entry| entry.event_type).collect())
}

fn member() -> Member {
    somebody(&testkit::TestEntropy::seeded(77))
}

#[tokio::test]
async fn a_deleted_todo_is_gone_and_its_history_stays() {
    let (row, history) =
        shown(&[todo_created(member(), "milk"), TodoEvent::Deleted { at: moment(1) }], member()).await;

    assert_eq!(row, None);
    assert_eq!(history, ["todo.created", "todo.deleted"]);
}

#[tokio::test]
async fn a_row_shows_everything_that_happened() {
    let (tag, other, bob) = (TagId(member().tenant.0), TagId(member().user.0), UserId(member().user.0));
    let (row, history) = shown(
        &[
            todo_created(member(), "milk"),
            todo_text("bread", 1),
            TodoEvent::Prioritised { priority: Priority::Urgent, at: moment(2) },
            TodoEvent::Rescheduled { due_at: Some(moment(100)), at: moment(3) },
            TodoEvent::Assigned { assignee: Some(bob), at: moment(4) },
            TodoEvent::Tagged { tag, at: moment(5) },
            TodoEvent::Tagged { tag: other, at: moment(6) },
            TodoEvent::Untagged { tag, at: moment(7) },
            todo_completed(8),
            TodoEvent::Archived { at: moment(9) },
        ],
        member(),
    )
    .await;

    let row = row.unwrap();
    assert_eq!(
        (row.text.as_str(), row.priority, row.status),
        ("bread", Priority::Urgent, TodoStatus::Archived)
    );
    assert_eq!((row.due_at, row.assignee, row.tags), (Some(moment(100)), Some(bob), vec![other]));
    assert_eq!((row.completed_at, row.created_at, row.updated_at), (Some(moment(8)), moment(0), moment(9)));
    assert_eq!((row.version, history.len()), (10, 10));
}

#[tokio::test]
async fn neither_tenants_nor_owners_see_each_others_todos() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let alice = somebody(&node.entropy);
    let (bob, carol) = (colleague(alice, &node.entropy), somebody(&node.entropy));
    let mut ids = Vec::new();
    for of in [alice, bob, carol] {
        let (stream, id) = todo_stream(of, &node.entropy);
        node.append([append::<Todo>(&stream, &[], &[todo_created(of, "milk")])]).await;
        ids.push((of, id));
    }
    let _running = node.run(TodoListProjection::default());
    node.caught_up(TODOS, &["todo"]).await;
    let list = node.todo_list();
    let rows = async |scope| {
        list.page(scope, &everything()).await.unwrap().edges.into_iter().map(|edge| edge.node.id)
    };

    for (me, own) in &ids {
        let mine = TodoScope::Own(*me);
        assert!(rows(mine).await.eq([*own]), "a page shows one's own");
        assert_eq!(list.count(mine, &Filter::default()).await.unwrap(), 1);
        for (them, id) in ids.iter().filter(|(_, id)| id != own) {
            assert_eq!(list.get(mine, *id).await.unwrap(), None);
            assert_eq!(list.history(mine, *id, None, 10).await.unwrap(), []);
            assert_eq!(
                list.rows(&[(*me, *id), (*them, *own)]).await.unwrap(),
                [],
                "an id with a wrong owner"
            );
        }
    }
    let of_tenant: Vec<TodoId> = rows(TodoScope::Tenant(alice.tenant)).await.collect();
    assert!(of_tenant.len() == 2 && !of_tenant.contains(&ids[2].1), "operators see one tenant at a time");
}

#[tokio::test]
async fn each_change_of_a_topic_names_the_one_before_it() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let alice = somebody(&node.entropy);
    let people = [alice, colleague(alice, &node.entropy), somebody(&node.entropy)];
    let mut streams = Vec::new();
    for n in 0..12 {
        let of = people[n % 3];
        let stream = todo_stream(of, &node.entropy).0;
        node.append([append::<Todo>(
            &stream,
            &[],
            &[todo_created(of, &format!("todo {n}")), todo_completed(1)],
        )])
        .await;
        streams.push((of, stream));
    }
    // Batches that end anywhere, with several topics in each.
    let rows = node.run_at(TodoListProjection::default(), Pace { batch: 5, ..QUICK });
    let running = node.run_at(TodoChangesProjection::default(), Pace { batch: 5, ..QUICK });
    node.caught_up(CHANGES, &["todo"]).await;
    rows.stop().await;
    running.stop().await;
    for (_, stream) in &streams {
        node.append([bare::<Todo>(stream, 2, &[TodoEvent::Reopened { at: moment(2) }])]).await;
    }
    let _rows = node.run_at(TodoListProjection::default(), Pace { batch: 7, ..QUICK });
    let _running = node.run_at(TodoChangesProjection::default(), Pace { batch: 7, ..QUICK });
    node.caught_up(CHANGES, &["todo"]).await;

    let log = node.todo_list();
    for of in people {
        let topic = format!("todo/{}/{}", of.tenant, of.user);
        let changes = log.after(&topic, Cursor::default(), 1000).await.unwrap();
        assert_eq!(changes.len(), 12);
        let mut before = Cursor::default();
        for change in &changes {
            assert_eq!(change.previous, before, "the chain of {topic} is broken");
            before = change.cursor;
        }
        assert_eq!(log.heads(std::slice::from_ref(&topic)).await.unwrap(), [(topic.clone(), before)]);
        let rest = log.after(&topic, changes[4].cursor, 3).await.unwrap();
        assert_eq!(rest, changes[5..8]);
    }
    assert_eq!(log.after("todo/nonsense", Cursor::default(), 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_change_is_never_ahead_of_its_row() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let alice = somebody(&node.entropy);
    let topic = format!("todo/{}/{}", alice.tenant, alice.user);
    let _changes = node.run(TodoChangesProjection::default());
    let mut ids = Vec::new();
    for n in 0..20 {
        let (stream, id) = todo_stream(alice, &node.entropy);
        node.append([append::<Todo>(&stream, &[], &[todo_created(alice, &format!("todo {n}"))])]).await;
        ids.push(id);
    }
    let log = node.todo_list();
    tokio::time::sleep(QUICK.poll * 5).await;
    assert_eq!(log.after(&topic, Cursor::default(), 100).await.unwrap(), [], "there is no row yet");

    let rows = node.run_at(TodoListProjection::default(), Pace { batch: 3, ..QUICK });
    eventually("every change is there", async || {
        let changes = log.after(&topic, Cursor::default(), 100).await.unwrap();
        for change in &changes {
            let row = log.get(TodoScope::Own(alice), TodoId(change.id)).await.unwrap();
            assert!(row.is_some(), "a change without its row");
        }
        changes.len() == ids.len()
    })
    .await;
    rows.stop().await;

    // Written again from zero: the rows are the same, and nothing is signalled a second time.
    let again = "UPDATE projection_checkpoints SET tx_id = '0', position = 0 WHERE name = 'todo_list.v1'; \
                 DELETE FROM todo_list";
    node.client().await.batch_execute(again).await.unwrap();
    let mut hints = application::ports::Signals::subscribe(&*node.signals);
    let _rows = node.run(TodoListProjection::default());
    node.caught_up(TODOS, &["todo"]).await;
    tokio::time::sleep(QUICK.poll * 3).await;
    while let Ok(hint) = hints.try_recv() {
        assert!(!matches!(&hint, Signal::Projected { changes, .. } if !changes.is_empty()), "{hint:?}");
    }
    assert_eq!(log.count(TodoScope::Own(alice), &Filter::default()).await.unwrap(), 20);
    assert_eq!(log.after(&topic, Cursor::default(), 100).await.unwrap().len(), 20);
}

#[tokio::test]
async fn an_event_of_a_later_release_halts_its_readers_and_no_others() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let alice = somebody(&node.entropy);
    let (stream, id) = todo_stream(alice, &node.entropy);
    node.append([append::<Todo>(&stream, &[], &[todo_created(alice, "milk")])]).await;
    let sql = "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
               VALUES ('todo', $1, 2, 'todo.levitated', '1', '{\"type\": \"todo.levitated\"}', \
               '{\"actor_kind\": \"system\", \"actor_id\": \"\"}')";
    node.client().await.execute(sql, &[&stream.as_str()]).await.unwrap();
    let _todos = node.run(TodoListProjection::default());
    let _tags = node.run(TagListProjection::default());

    let client = database.owner().await;
    eventually("the reader halted", async || {
        let listed = consumers::list(&client).await.unwrap();
        listed.iter().any(|it| it.name == TODOS && it.status == Status::Halted)
    })
    .await;

    let home = StreamId::within(alice.tenant, node.entropy.id());
    node.append([append::<Tag>(&home, &[], &[tag_created(alice.tenant, "home")])]).await;
    node.caught_up("tag_list.v1", &["tag"]).await;
    let row = node.todo_list().get(TodoScope::Own(alice), id).await.unwrap();
    assert_eq!(row.map(|row| row.version), Some(1), "what came before it is shown");
    let letter = client.query_one("SELECT error FROM projection_dead_letters", &[]).await.unwrap();
    assert!(letter.get::<_, String>(0).contains("todo.levitated"));
}

#[tokio::test]
async fn tags_are_shown_as_they_are_now_to_their_tenant() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let (alice, carol) = (somebody(&node.entropy), somebody(&node.entropy));
    let [kept, gone, foreign] = std::array::from_fn(|_| node.entropy.id());
    let history = [
        tag_created(alice.tenant, "home"),
        TagEvent::Renamed { name: TagName::try_from("Garden".to_owned()).unwrap(), at: moment(1) },
        TagEvent::SlugChanged { slug: Slug::of("garden").unwrap(), at: moment(2) },
        TagEvent::Recoloured { colour: Colour::try_from("#00ff00".to_owned()).unwrap(), at: moment(3) },
    ];
    node.append([append::<Tag>(&StreamId::within(alice.tenant, kept), &[], &history)]).await;
    let deleted = [tag_created(alice.tenant, "old"), TagEvent::Deleted { at: moment(1) }];
    node.append([append::<Tag>(&StreamId::within(alice.tenant, gone), &[], &deleted)]).await;
    node.append([append::<Tag>(
        &StreamId::within(carol.tenant, foreign),
        &[],
        &[tag_created(carol.tenant, "home")],
    )])
    .await;
    let running = node.run(TagListProjection::default());
    node.caught_up("tag_list.v1", &["tag"]).await;
    let list = PgTagList::new(node.pools.readers.clone());
    let all = [TagId(kept), TagId(gone), TagId(foreign)];

    let rows = list.by_ids(alice.tenant, &all).await.unwrap();
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((row.id, row.name.as_str(), row.slug.as_str()), (TagId(kept), "Garden", "garden"));
    assert_eq!((row.colour.as_str(), row.version, row.created_at), ("#00ff00", 4, moment(0)));
    let request = PageRequest {
        filter: Filter::default(),
        sort: TagSort::Name(Direction::Asc),
        window: Window::First(9, None),
    };
    assert_eq!(list.page(alice.tenant, &request).await.unwrap().edges.len(), 1);
    assert_eq!(list.count(carol.tenant, &Filter::default()).await.unwrap(), 1);

    // Everything a second time: nothing changes, and nothing comes back.
    running.stop().await;
    let again = "UPDATE projection_checkpoints SET tx_id = '0', position = 0";
    node.client().await.batch_execute(again).await.unwrap();
    let _running = node.run(TagListProjection::default());
    node.caught_up("tag_list.v1", &["tag"]).await;
    assert_eq!(list.by_ids(alice.tenant, &all).await.unwrap(), rows);
}

#[tokio::test]
async fn people_are_shown_to_their_tenant_only() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let running = node.run(PeopleProjection::new(Arc::clone(&node.vault) as _));
    let app = node.app();
    let mut people = Vec::new();
    for (name, tenant_name) in [("alice", None), ("carol", Some("Carol & Co"))] {
        let person = application::user::Person {
            fullname: format!("The {name}").try_into().unwrap(),
            username: name.to_owned().try_into().unwrap(),
            email: format!("{name}@example.org").try_into().unwrap(),
            password: "Correct7Horse".to_owned().try_into().unwrap(),
        };
        let tenant_name = tenant_name.map(|name| name.to_owned().try_into().unwrap());
        let register = Register { person, tenant_name, referral_code: None };
        people.push(app.send(&nobody(), register, application::Terms::default()).await.unwrap().person);
    }
    node.caught_up("people.v1", &["user", "tenant"]).await;
    let list = PgPeople::new(node.pools.readers.clone());
    let ids: Vec<UserId> = people.iter().map(|person| person.id).collect();

    for (person, tenant) in people.iter().zip(["The alice", "Carol & Co"]) {
        let rows = list.by_ids(person.tenant.id, &ids).await.unwrap();
        assert_eq!(rows, std::slice::from_ref(person), "the row is what the answer said");
        assert_eq!(rows[0].tenant.name, tenant);
    }

    // A rebuild after an erasure shows nothing of the person any more.
    running.stop().await;
    let client = node.client().await;
    client.execute("DELETE FROM subject_keys WHERE subject_id = $1", &[&people[0].id.0]).await.unwrap();
    client
        .batch_execute("DELETE FROM people; DELETE FROM tenants; DELETE FROM projection_checkpoints")
        .await
        .unwrap();
    let later = node.beside(&database, 5);
    let _running = later.run(PeopleProjection::new(Arc::clone(&later.vault) as _));
    later.caught_up("people.v1", &["user", "tenant"]).await;
    let erased = list.by_ids(people[0].tenant.id, &ids).await.unwrap().remove(0);
    assert_eq!(
        (erased.fullname.as_str(), erased.username.as_str(), erased.email.as_str()),
        ("erased", "erased", "erased")
    );
    assert_eq!(erased.tenant.name, "erased");
    assert_eq!(list.by_ids(people[1].tenant.id, &ids).await.unwrap(), people[1..]);
}
