//! 100,000 todos of one person, written straight into the read model.
//!
//! The person and the tags are made through the API, so that owner, tenant and tags of the rows are
//! as consistent as rows of the projection. What the rows do not have is a history in the log: they
//! can be read, and are never changed by a benchmark.

use anyhow::Result;
use uuid::Uuid;

use crate::{account::Account, database::Database};

/// How many todos the person has.
pub(crate) const TODOS: usize = 100_000;

/// None to three tags each, half of them with a due time, a fifth of them done, one a second.
const INSERT: &str = "INSERT INTO todo_list (tenant_id, owner_id, id, number, text, archived, priority, due_at, tags, \
     completed_at, created_at, updated_at, version, position) \
     SELECT $1, $2, ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, n, \
       'Write the report number ' || n || ' and send it', false, n % 4, \
       CASE WHEN n % 2 = 0 THEN now() + n * interval '1 minute' END, ($3::uuid[])[1:n % 4], \
       CASE WHEN n % 5 = 0 THEN now() END, now() - ($4 - n) * interval '1 second', now(), 1, n \
     FROM generate_series(1, $4) AS n";

/// Writes them.
pub(crate) async fn todos(database: &Database, owner: &Account, tags: &[String]) -> Result<()> {
    let client = database.client().await?;
    let tags = tags.iter().map(|tag| tag.parse()).collect::<Result<Vec<Uuid>, _>>()?;
    let (tenant, user): (Uuid, Uuid) = (owner.tenant.parse()?, owner.user.parse()?);
    client.execute(INSERT, &[&tenant, &user, &tags, &i32::try_from(TODOS)?]).await?;
    database.settle().await
}

/// The id of one of them, by its number from 1.
pub(crate) fn id(number: usize) -> String {
    format!("01900000-0000-7000-8000-{number:012x}")
}
