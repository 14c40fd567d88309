//! Many todos at once, as lines: in and out.

use application::{
    App,
    todo::{CreateTodo, ExportTodos},
};
use chrono::{DateTime, Utc};
use poem::{Request, http::HeaderMap};
use poem_openapi::{
    ApiResponse, OpenApi,
    param::{Header, Query},
};

use super::{
    export::{self, EXPORTS_EACH, EXPORTS_MAX, Export},
    filter::Wanted,
    import::{self, IMPORTS_EACH, IMPORTS_MAX, Import, ImportReport, ImportResult, ImportTodo},
    types::{Todo, TodoPriority, TodoStatus},
};
use crate::{
    Problem,
    asker::{Asker, refused},
    gate::unpacked,
    lines::Lines,
    ndjson::Ndjson,
    packing::Packing,
    slots::Slots,
};

/// The operations.
pub(crate) struct TodoBulkApi {
    exports: Slots,
    imports: Slots,
}

impl Default for TodoBulkApi {
    fn default() -> Self {
        Self {
            exports: Slots::new(EXPORTS_EACH, EXPORTS_MAX),
            imports: Slots::new(IMPORTS_EACH, IMPORTS_MAX),
        }
    }
}

#[derive(ApiResponse)]
enum Imported {
    /// One line for each line that was sent, in the same order, while more are read; then one with
    /// `end`. A last line with `problem` and without `line` means that it stopped there.
    #[oai(status = 200)]
    Lines(Ndjson<ImportResult>),
}

#[derive(ApiResponse)]
enum Exported {
    /// One line for each todo, oldest first, each with the `cursor` to go on from; then
    /// `{"end":true,…}`. A last line with `problem`, after which the connection is cut, means that
    /// it stopped there.
    #[oai(status = 200)]
    Lines(
        Ndjson<Todo>,
        /// The position that all lines show: changes after it are in none of them.
        #[oai(header = "X-Consistency-Token")]
        String,
        /// How it is packed, when the client takes that.
        #[oai(header = "Content-Encoding")]
        Option<String>,
        /// It depends on what the client takes.
        #[oai(header = "Vary")]
        String,
    ),
}

#[expect(clippy::unused_async, reason = "the macro wants all operations async")]
#[OpenApi]
impl TodoBulkApi {
    /// Write many todos down
    ///
    /// One todo a line, each judged and written on its own. Send an `Idempotency-Key`, and the same
    /// lines again add nothing: a key and the number of a line are one request. To go on after a
    /// cut, send the rest with `firstLine`. Needs `create-todo`, and `update-todo` for lines that are
    /// `done`.
    #[oai(path = "/v1/todos/import", method = "post", operation_id = "importTodos")]
    async fn import(
        &self,
        asker: Asker,
        /// 1 to 100 characters.
        #[oai(name = "Idempotency-Key")]
        key: Header<Option<String>>,
        /// The number of the first line that is sent; 1 when absent.
        #[oai(name = "firstLine")]
        first: Query<Option<u64>>,
        /// `all` when absent. Clients that send everything before they read anything want
        /// `problems`: it tells lines that failed, and how far it came every 1,000 lines.
        report: Query<Option<ImportReport>>,
        request: &Request,
        todos: Ndjson<ImportTodo>,
    ) -> Result<Imported, Problem> {
        unpacked(request)?;
        App::may_send::<CreateTodo>(&asker.caller).map_err(refused)?;
        let key = key.0.map(import::checked).transpose()?;
        let first = first.0.unwrap_or(1).max(1);
        let slot = self.imports.take(asker.member()?, "imports")?;
        let report = report.0.unwrap_or(ImportReport::All);
        let import = Import::new(asker, key, Lines::new(todos.body, first), report, slot);
        Ok(Imported::Lines(Ndjson::streamed(import.chunks(), None)?))
    }

    /// All your own todos
    ///
    /// As they all are at one moment. `gzip` and `zstd` are there for clients that take them. To go on
    /// after a cut, send the `cursor` of the last line that came: what follows is of a later moment.
    #[oai(path = "/v1/todos/export", method = "get", operation_id = "exportTodos")]
    #[expect(clippy::too_many_arguments, reason = "the parameters of a list")]
    async fn export(
        &self,
        asker: Asker,
        /// The `cursor` of a line: only those after it.
        cursor: Query<Option<String>>,
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
        headers: &HeaderMap,
    ) -> Result<Exported, Problem> {
        let wanted = Wanted {
            status: status.0,
            done: done.0,
            priority: priority.0,
            assignee: assignee.0,
            tag: tag.0,
            updated_since: updated_since.0,
        };
        let list = export::list_name();
        let after = cursor.0.map(|text| asker.edge.codec.read_keyset(&list, &text)).transpose();
        let after = after.map_err(|bad| Problem::from(application::Problem::from(bad).of_field("cursor")))?;
        let filter = wanted.filter()?;
        let slot = self.exports.take(asker.member()?, "exports")?;
        let scan = asker.ask(ExportTodos { filter, after }).await?;
        let position = asker.position(scan.position());
        let packing = Packing::wanted(headers);
        let export = Export::new(asker, scan, slot);
        let lines = Ndjson::streamed(export.chunks(), packing)?;
        let packed = packing.map(|packing| packing.name().to_owned());
        Ok(Exported::Lines(lines, position, packed, "Accept-Encoding".to_owned()))
    }
}
