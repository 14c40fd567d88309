//! The GraphQL documents that tests send.

use serde_json::{Value, json};

use crate::client::Client;

/// The fields of a todo, as far as they do not change by themselves.
macro_rules! todo_fields {
    () => {
        "id reference text status done priority dueAt owner { id username } assignee { id } \
         tags { id slug } createdAt updatedAt completedAt version"
    };
}

macro_rules! changes {
    ($name:literal) => {
        concat!(
            "mutation($id: ID!, $key: String, $version: Int) { ",
            $name,
            "(id: $id, idempotencyKey: $key, expectedVersion: $version) { todo { ",
            todo_fields!(),
            " } version cursor } }"
        )
    };
}

macro_rules! changes_with {
    ($name:literal, $argument:literal, $kind:literal) => {
        concat!(
            "mutation($id: ID!, $with: ",
            $kind,
            ", $key: String, $version: Int) { ",
            $name,
            "(id: $id, ",
            $argument,
            ": $with, idempotencyKey: $key, expectedVersion: $version) { todo { ",
            todo_fields!(),
            " } version cursor } }"
        )
    };
}

pub(crate) const CREATE: &str = concat!(
    "mutation($input: CreateTodoInput!, $key: String) { createTodo(input: $input, idempotencyKey: $key) { todo { ",
    todo_fields!(),
    " } version cursor } }"
);
pub(crate) const UPDATE: &str = changes_with!("updateTodo", "input", "UpdateTodoInput!");
pub(crate) const TAG_TODO: &str = changes_with!("tagTodo", "tagId", "ID!");
pub(crate) const UNTAG_TODO: &str = changes_with!("untagTodo", "tagId", "ID!");
pub(crate) const ASSIGN: &str = changes_with!("assignTodo", "assigneeId", "ID");
pub(crate) const COMPLETE: &str = changes!("completeTodo");
pub(crate) const REOPEN: &str = changes!("reopenTodo");
pub(crate) const ARCHIVE: &str = changes!("archiveTodo");
pub(crate) const DELETE: &str = changes!("deleteTodo");

pub(crate) const TODO: &str = concat!("query($id: ID!) { todo(id: $id) { ", todo_fields!(), " } }");
pub(crate) const TODOS: &str = concat!(
    "query($first: Int, $after: Cursor, $last: Int, $before: Cursor, $filter: TodoFilter, $sort: TodoSort) { ",
    "todos(first: $first, after: $after, last: $last, before: $before, filter: $filter, sort: $sort) { ",
    "edges { cursor node { id text } } nodes { ",
    todo_fields!(),
    " } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }"
);
pub(crate) const HISTORY: &str = "query($id: ID!, $first: Int, $after: Cursor) { \
    todoHistory(id: $id, first: $first, after: $after) { edges { cursor node { version } } \
    nodes { change eventType at byId by { username } version } pageInfo { hasNextPage endCursor } } }";

pub(crate) const CREATE_TAG: &str = "mutation($input: CreateTagInput!, $key: String) { \
    createTag(input: $input, idempotencyKey: $key) { tag { id name slug color version } version cursor } }";
pub(crate) const UPDATE_TAG: &str = "mutation($id: ID!, $input: UpdateTagInput!, $key: String, $version: Int) { \
    updateTag(id: $id, input: $input, idempotencyKey: $key, expectedVersion: $version) { \
    tag { id name slug color version } version cursor } }";
pub(crate) const DELETE_TAG: &str = "mutation($id: ID!, $key: String, $version: Int) { \
    deleteTag(id: $id, idempotencyKey: $key, expectedVersion: $version) { \
    tag { id name slug color version } version cursor } }";
pub(crate) const TAG: &str = "query($id: ID!) { tag(id: $id) { id name slug color version } }";
pub(crate) const TAGS: &str = "query($first: Int, $after: Cursor, $filter: TagFilter, $sort: TagSort) { \
    tags(first: $first, after: $after, filter: $filter, sort: $sort) { \
    nodes { slug name } pageInfo { hasNextPage endCursor } totalCount } }";

/// Writes a todo down; the payload.
pub(crate) async fn create(client: &Client, text: &str) -> Value {
    client.ask(CREATE, json!({"input": {"text": text}})).await
}

/// Makes a tag; its id.
pub(crate) async fn create_tag(client: &Client, name: &str) -> String {
    let made = client.ask(CREATE_TAG, json!({"input": {"name": name}})).await;
    made["tag"]["id"].as_str().expect("an id").to_owned()
}
