//! One todo at a time, and pages of them.

use application::{
    App, Command, Committed, Handle, PageRequest, Refusal, Terms,
    todo::{ArchiveTodo, CompleteTodo, DeleteTodo, GetTodo, ListTodos, ReopenTodo, TodoSort, written_row},
};
use chrono::{DateTime, Utc};
use domain::{TodoId, todo};
use poem_openapi::{
    ApiResponse, OpenApi,
    param::{Header, Path, Query},
    payload::Json,
};
use uuid::Uuid;

use super::{
    etag::{etag, if_match, known, unmet},
    filter::{TodoOrder, Wanted},
    types::{NewTodo, Todo, TodoChange, TodoPage, TodoPriority, TodoStatus},
};
use crate::{
    Problem,
    asker::{Asker, consistency},
    page::{next_link, window},
};

/// The operations.
pub(crate) struct TodoApi;

/// Where todos are.
const TODOS: &str = "/v1/todos";

#[derive(ApiResponse)]
enum Created {
    /// It is written down.
    #[oai(status = 201)]
    Created(
        Json<Todo>,
        /// Where it is from now on.
        #[oai(header = "Location")]
        String,
        /// Its version, for `If-Match`.
        #[oai(header = "ETag")]
        String,
        /// The position of the change: send it back, and the answer is at least as new.
        #[oai(header = "X-Consistency-Token")]
        String,
        /// `LATE` or `HELD`: lists do not show the change yet.
        #[oai(header = "X-Consistency")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum Changed {
    /// The todo after the change.
    #[oai(status = 200)]
    Changed(
        Json<Todo>,
        /// Its version, for `If-Match`.
        #[oai(header = "ETag")]
        String,
        /// The position of the change: send it back, and the answer is at least as new.
        #[oai(header = "X-Consistency-Token")]
        String,
        /// `LATE` or `HELD`: lists do not show the change yet.
        #[oai(header = "X-Consistency")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum Deleted {
    /// It is gone.
    #[oai(status = 204)]
    Deleted(
        /// The position of the change: send it back, and the answer is at least as new.
        #[oai(header = "X-Consistency-Token")]
        String,
        /// `LATE` or `HELD`: lists do not show the change yet.
        #[oai(header = "X-Consistency")]
        Option<String>,
    ),
}

#[expect(clippy::large_enum_variant, reason = "it is made once a request")]
#[derive(ApiResponse)]
enum Found {
    /// The todo.
    #[oai(status = 200)]
    Found(
        Json<Todo>,
        /// Its version, for `If-Match` and `If-None-Match`.
        #[oai(header = "ETag")]
        String,
    ),
    /// The version that `If-None-Match` names is still the one.
    #[oai(status = 304)]
    Known(
        /// That version.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Listed {
    /// A page.
    #[oai(status = 200)]
    Page(
        Json<TodoPage>,
        /// The next page, `rel="next"` (RFC 8288); absent on the last one.
        #[oai(header = "Link")]
        Option<String>,
    ),
}

#[OpenApi]
impl TodoApi {
    /// Write a todo down
    ///
    /// Needs the permission `create-todo`.
    #[oai(path = "/v1/todos", method = "post", operation_id = "createTodo")]
    async fn create(
        &self,
        asker: Asker,
        /// 1 to 128 characters. The same key and request again gives the first answer, and does
        /// nothing; another request with the same key is refused.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<String>>,
        new: Json<NewTodo>,
    ) -> Result<Created, Problem> {
        let terms = Terms { idempotency_key: key.0, expected_version: None };
        let done = carry_out(&asker, new.0.command()?, terms).await?;
        let (todo, tag, token, late) = shown(&asker, &done)?;
        let place = format!("{TODOS}/{}", done.stream.own().unwrap_or_default());
        Ok(Created::Created(Json(todo), place, tag, token, late))
    }

    /// A page of your own todos
    ///
    /// Newest first, unless you say otherwise. Go on with the `cursor` of the page, under the same
    /// parameters.
    #[oai(path = "/v1/todos", method = "get", operation_id = "listTodos")]
    #[expect(clippy::too_many_arguments, reason = "the parameters of a list")]
    async fn list(
        &self,
        asker: Asker,
        /// 1 to 100; 20 when absent.
        limit: Query<Option<i32>>,
        /// `nextCursor` of the page before.
        cursor: Query<Option<String>>,
        /// `-createdAt` when absent.
        sort: Query<Option<TodoOrder>>,
        /// In the archive or not.
        status: Query<Option<TodoStatus>>,
        /// Done or not.
        done: Query<Option<bool>>,
        /// That press so much.
        priority: Query<Option<TodoPriority>>,
        /// That this person does; `none`: that nobody does.
        #[oai(name = "assigneeId")]
        assignee: Query<Option<String>>,
        /// Under this tag.
        #[oai(name = "tagId")]
        tag: Query<Option<String>>,
        /// To which something happened since.
        #[oai(name = "updatedSince")]
        updated_since: Query<Option<DateTime<Utc>>>,
        /// At least as new as this position.
        #[oai(name = "X-Consistency-Token")]
        _after: Header<Option<String>>,
        request: &poem::http::Uri,
    ) -> Result<Listed, Problem> {
        let sort = sort.0.unwrap_or(TodoOrder::CreatedAtDown);
        let wanted = Wanted {
            status: status.0,
            done: done.0,
            priority: priority.0,
            assignee: assignee.0,
            tag: tag.0,
            updated_since: updated_since.0,
        };
        let (page, next_cursor) = page(&asker, limit.0, cursor.0.as_deref(), sort.into(), wanted).await?;
        let link = next_cursor.as_deref().map(|cursor| next_link(request, cursor));
        Ok(Listed::Page(Json(TodoPage { items: page, next_cursor }), link))
    }

    /// One of your own todos
    #[oai(path = "/v1/todos/:id", method = "get", operation_id = "getTodo")]
    async fn get(
        &self,
        asker: Asker,
        /// Which.
        id: Path<String>,
        /// ETags that you have already.
        #[oai(name = "If-None-Match")]
        none_match: Header<Option<String>>,
        /// At least as new as this position.
        #[oai(name = "X-Consistency-Token")]
        _after: Header<Option<String>>,
    ) -> Result<Found, Problem> {
        // What cannot be an id is as unknown as any other.
        let id = TodoId(id.0.parse().unwrap_or(Uuid::nil()));
        let row = asker.ask(GetTodo { id }).await?.ok_or_else(not_found)?;
        let (version, tag) = (row.version, etag(row.version));
        if known(none_match.0.as_deref(), version) {
            return Ok(Found::Known(tag));
        }
        Ok(Found::Found(Json(row.into()), tag))
    }

    /// Change a todo
    ///
    /// Absent is unchanged, null clears what can be empty (RFC 7396). Needs `update-todo`.
    #[oai(path = "/v1/todos/:id", method = "patch", operation_id = "updateTodo")]
    async fn update(
        &self,
        asker: Asker,
        /// Which.
        id: Path<String>,
        /// As for `createTodo`.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<String>>,
        /// The ETag you saw: another version is refused with 412.
        #[oai(name = "If-Match")]
        matches: Header<Option<String>>,
        change: Json<TodoChange>,
    ) -> Result<Changed, Problem> {
        let (id, terms) = (own(&id.0)?, terms(key.0, matches.0.as_deref())?);
        changed(&asker, change.0.command(id)?, terms).await
    }

    /// It is done
    ///
    /// Needs `update-todo`.
    #[oai(path = "/v1/todos/:id/complete", method = "post", operation_id = "completeTodo")]
    async fn complete(
        &self,
        asker: Asker,
        /// Which.
        id: Path<String>,
        /// As for `createTodo`.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<String>>,
        /// The ETag you saw: another version is refused with 412.
        #[oai(name = "If-Match")]
        matches: Header<Option<String>>,
    ) -> Result<Changed, Problem> {
        let (id, terms) = (own(&id.0)?, terms(key.0, matches.0.as_deref())?);
        changed(&asker, CompleteTodo { id }, terms).await
    }

    /// It is not done after all, or wanted back from the archive
    ///
    /// Needs `update-todo`.
    #[oai(path = "/v1/todos/:id/reopen", method = "post", operation_id = "reopenTodo")]
    async fn reopen(
        &self,
        asker: Asker,
        /// Which.
        id: Path<String>,
        /// As for `createTodo`.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<String>>,
        /// The ETag you saw: another version is refused with 412.
        #[oai(name = "If-Match")]
        matches: Header<Option<String>>,
    ) -> Result<Changed, Problem> {
        let (id, terms) = (own(&id.0)?, terms(key.0, matches.0.as_deref())?);
        changed(&asker, ReopenTodo { id }, terms).await
    }

    /// Out of sight, until it is reopened
    ///
    /// Needs `update-todo`.
    #[oai(path = "/v1/todos/:id/archive", method = "post", operation_id = "archiveTodo")]
    async fn archive(
        &self,
        asker: Asker,
        /// Which.
        id: Path<String>,
        /// As for `createTodo`.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<String>>,
        /// The ETag you saw: another version is refused with 412.
        #[oai(name = "If-Match")]
        matches: Header<Option<String>>,
    ) -> Result<Changed, Problem> {
        let (id, terms) = (own(&id.0)?, terms(key.0, matches.0.as_deref())?);
        changed(&asker, ArchiveTodo { id }, terms).await
    }

    /// Delete a todo, for ever
    ///
    /// Needs `delete-todo`.
    #[oai(path = "/v1/todos/:id", method = "delete", operation_id = "deleteTodo")]
    async fn delete(
        &self,
        asker: Asker,
        /// Which.
        id: Path<String>,
        /// As for `createTodo`.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<String>>,
        /// The ETag you saw: another version is refused with 412.
        #[oai(name = "If-Match")]
        matches: Header<Option<String>>,
    ) -> Result<Deleted, Problem> {
        let (id, terms) = (own(&id.0)?, terms(key.0, matches.0.as_deref())?);
        let done = carry_out(&asker, DeleteTodo { id }, terms).await?;
        Ok(Deleted::Deleted(asker.position(done.cursor), consistency(&done)))
    }
}

/// A page, and the cursor of the next one.
async fn page(
    asker: &Asker,
    limit: Option<i32>,
    cursor: Option<&str>,
    sort: TodoSort,
    wanted: Wanted,
) -> Result<(Vec<Todo>, Option<String>), Problem> {
    let of_list = format!("todos {sort:?}");
    let window = window(asker, &of_list, limit, cursor)?;
    let request = PageRequest { filter: wanted.filter()?, sort, window };
    let page = asker.ask(ListTodos { request }).await?;
    let next = page.edges.last().filter(|_| page.has_next);
    let next = next.map(|edge| asker.edge.codec.keyset(&of_list, &edge.key));
    Ok((page.edges.into_iter().map(|edge| edge.node.into()).collect(), next))
}

/// The terms of a change.
fn terms(idempotency_key: Option<String>, matches: Option<&str>) -> Result<Terms, Problem> {
    Ok(Terms { idempotency_key, expected_version: if_match(matches)? })
}

async fn carry_out<C>(asker: &Asker, command: C, terms: Terms) -> Result<C::Output, Problem>
where
    C: Command<Output = Committed<todo::Todo>>,
    C::Rejection: Refusal,
    App: Handle<C>,
{
    let demanded = terms.expected_version;
    asker.send(command, terms).await.map_err(|failure| unmet(failure, demanded))
}

async fn changed<C>(asker: &Asker, command: C, terms: Terms) -> Result<Changed, Problem>
where
    C: Command<Output = Committed<todo::Todo>>,
    C::Rejection: Refusal,
    App: Handle<C>,
{
    let done = carry_out(asker, command, terms).await?;
    let (todo, tag, token, late) = shown(asker, &done)?;
    Ok(Changed::Changed(Json(todo), tag, token, late))
}

/// A todo after a change, its tag, the position of the change, and whether lists show it.
fn shown(
    asker: &Asker,
    done: &Committed<todo::Todo>,
) -> Result<(Todo, String, String, Option<String>), Problem> {
    let row = written_row(done).ok_or_else(not_found)?;
    Ok((row.into(), etag(done.version), asker.position(done.cursor), consistency(done)))
}

fn own(id: &str) -> Result<TodoId, Problem> {
    id.parse().map_err(|_| not_found())
}

fn not_found() -> Problem {
    Problem::new(application::Code::NotFound, "todo not found")
}
