//! The rules of a todo, refused cases first.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::Actor;

const TENANT: TenantId = TenantId(Uuid::from_u128(1));
const ALICE: UserId = UserId(Uuid::from_u128(2));
const BOB: UserId = UserId(Uuid::from_u128(3));
const HOME: TagId = TagId(Uuid::from_u128(4));
const WORK: TagId = TagId(Uuid::from_u128(5));

fn noon() -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000, 0).unwrap()
}

fn given<const N: usize>(events: [TodoEvent; N]) -> AggregateTestExecutor<Todo> {
    TestFramework::with(()).given(events.into())
}

fn asked(command: TodoCommand) -> Issued<TodoCommand> {
    Issued { command, by: Actor::User(ALICE), at: noon() }
}

fn text(raw: &str) -> TodoText {
    raw.to_owned().try_into().unwrap()
}

fn create(raw: &str, tags: &[TagId]) -> Issued<TodoCommand> {
    asked(TodoCommand::Create(CreateTodo {
        tenant: TENANT,
        owner: ALICE,
        text: text(raw),
        priority: Priority::Normal,
        due_at: None,
        tags: tags.to_vec(),
        assignee: None,
    }))
}

fn created(raw: &str) -> TodoEvent {
    with_tags(raw, &[])
}

fn with_tags(raw: &str, tags: &[TagId]) -> TodoEvent {
    TodoEvent::Created {
        tenant: TENANT,
        owner: ALICE,
        number: 0,
        text: text(raw),
        priority: Priority::Normal,
        due_at: None,
        tags: tags.to_vec(),
        assignee: None,
        at: noon(),
    }
}

fn archived() -> TodoEvent {
    TodoEvent::Archived { at: noon() }
}

fn completed() -> TodoEvent {
    TodoEvent::Completed { at: noon() }
}

fn deleted() -> TodoEvent {
    TodoEvent::Deleted { at: noon() }
}

fn rename(raw: &str) -> Issued<TodoCommand> {
    asked(TodoCommand::Update(UpdateTodo { text: Some(text(raw)), ..UpdateTodo::default() }))
}

fn edits() -> Vec<TodoCommand> {
    vec![
        TodoCommand::Update(UpdateTodo::default()),
        TodoCommand::Complete,
        TodoCommand::Tag(HOME),
        TodoCommand::Untag(HOME),
        TodoCommand::Assign(Some(BOB)),
    ]
}

#[test]
fn a_todo_never_written_or_gone_cannot_be_touched() {
    for command in edits().into_iter().chain([TodoCommand::Reopen, TodoCommand::Archive]) {
        given([]).when(asked(command.clone())).then_expect_error(TodoError::NotFound);
        given([created("milk"), deleted()]).when(asked(command)).then_expect_error(TodoError::NotFound);
    }
    given([]).when(asked(TodoCommand::Delete)).then_expect_error(TodoError::NotFound);
}

#[test]
fn a_todo_cannot_be_created_twice() {
    given([created("milk")]).when(create("milk", &[])).then_expect_error(TodoError::AlreadyCreated);
}

#[test]
fn an_archived_todo_rests() {
    for command in edits() {
        given([created("milk"), archived()]).when(asked(command)).then_expect_error(TodoError::Archived);
    }
}

#[test]
fn more_than_twenty_tags_are_refused() {
    let many: Vec<TagId> = (0..21).map(|n| TagId(Uuid::from_u128(100 + n))).collect();
    given([]).when(create("milk", &many)).then_expect_error(TodoError::TooManyTags);
    given([with_tags("milk", &many[..20])])
        .when(asked(TodoCommand::Tag(HOME)))
        .then_expect_error(TodoError::TooManyTags);
    let update = UpdateTodo { tags: Some(many), ..UpdateTodo::default() };
    given([created("milk")])
        .when(asked(TodoCommand::Update(update)))
        .then_expect_error(TodoError::TooManyTags);
}

#[test]
fn a_text_is_trimmed_and_neither_blank_nor_too_long() {
    assert_eq!(TodoText::try_from(" \t\n".to_owned()), Err(TodoError::TextBlank));
    assert_eq!(TodoText::try_from("ä".repeat(501)), Err(TodoError::TextTooLong { chars: 501 }));
    assert_eq!(text(&"ä".repeat(500)).as_str().chars().count(), 500);
    assert_eq!(text("  milk ").as_str(), "milk");
    assert_eq!(TodoText::try_from("a\0b".to_owned()), Err(TodoError::TextUnprintable));
    assert_eq!(text("one\n\ttwo").as_str(), "one\n\ttwo");
}

#[test]
fn a_todo_is_due_in_a_year_that_clients_can_hold() {
    let year_zero = "0000-01-01T00:00:00Z".parse().unwrap();
    let update = UpdateTodo { due_at: Some(Some(year_zero)), ..UpdateTodo::default() };
    given([created("milk")])
        .when(asked(TodoCommand::Update(update)))
        .then_expect_error(TodoError::DueOutOfRange);
}

#[test]
fn a_tag_given_twice_counts_once() {
    given([]).when(create("milk", &[HOME, HOME])).then_expect_events(vec![with_tags("milk", &[HOME])]);
}

#[test]
fn an_update_says_each_fact_that_changed_and_no_other() {
    let update = UpdateTodo {
        text: Some(text("bread")),
        priority: Some(Priority::Normal),
        due_at: Some(Some(noon())),
        tags: Some(vec![WORK]),
        assignee: Some(Some(BOB)),
    };
    given([with_tags("milk", &[HOME])]).when(asked(TodoCommand::Update(update))).then_expect_events(vec![
        TodoEvent::TextChanged { text: text("bread"), at: noon() },
        TodoEvent::Rescheduled { due_at: Some(noon()), at: noon() },
        TodoEvent::Assigned { assignee: Some(BOB), at: noon() },
        TodoEvent::Untagged { tag: HOME, at: noon() },
        TodoEvent::Tagged { tag: WORK, at: noon() },
    ]);
}

#[test]
fn what_holds_already_changes_nothing() {
    given([created("milk")]).when(rename("milk")).then_expect_events(vec![]);
    given([created("milk"), completed()]).when(asked(TodoCommand::Complete)).then_expect_events(vec![]);
    given([created("milk")]).when(asked(TodoCommand::Reopen)).then_expect_events(vec![]);
    given([created("milk"), archived()]).when(asked(TodoCommand::Archive)).then_expect_events(vec![]);
    given([created("milk"), deleted()]).when(asked(TodoCommand::Delete)).then_expect_events(vec![]);
    given([with_tags("milk", &[HOME])]).when(asked(TodoCommand::Tag(HOME))).then_expect_events(vec![]);
    given([created("milk")]).when(asked(TodoCommand::Untag(HOME))).then_expect_events(vec![]);
    given([created("milk")]).when(asked(TodoCommand::Assign(None))).then_expect_events(vec![]);
}

#[test]
fn reopening_takes_a_todo_out_of_the_archive() {
    let mut todo = Todo::default();
    for event in [created("milk"), completed(), archived(), TodoEvent::Reopened { at: noon() }] {
        todo.evolve(event);
    }
    let sheet = todo.sheet().unwrap();
    assert!(!sheet.archived && sheet.completed_at.is_none());
}

#[test]
fn only_an_active_todo_holds_its_text() {
    let mut todo = Todo::default();
    todo.evolve(created("milk"));
    todo.evolve(completed());
    assert_eq!(todo.claims(), [Claim::new("todo.active_text", format!("{ALICE}/milk"))]);
    todo.evolve(archived());
    assert!(todo.claims().is_empty());
    todo.evolve(TodoEvent::Reopened { at: noon() });
    assert_eq!(todo.claims().len(), 1);
    todo.evolve(deleted());
    assert!(todo.claims().is_empty());
}

#[test]
fn the_store_gives_the_number_and_people_read_it_padded() {
    assert_eq!(Todo::series(&created("milk")), Some(format!("todo/{TENANT}")));
    assert_eq!(Todo::series(&completed()), None);
    let mut todo = Todo::default();
    todo.evolve(Todo::numbered(created("milk"), 7));
    assert_eq!(todo.sheet().unwrap().number, 7);
    assert_eq!((reference(7), reference(12_345)), ("TODO-0007".to_owned(), "TODO-12345".to_owned()));
}
