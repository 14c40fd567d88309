//! One row a tag.

use application::{
    BoxError, Direction, Edge, Keyset, Page, PageRequest,
    ports::ReadModel,
    tag::{TagField, TagFilter, TagList, TagRow, TagSort},
};
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Transaction;
use domain::{
    TagId, TenantId,
    tag::{Tag, TagEvent},
    upcasters,
};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    consumers::{Piece, Projection, ProjectionError, Written},
    keyset::Where,
    log::Recorded,
    readers::TenantReaders,
    todo::ids,
};

/// Writes the rows. Tags change seldom: an event is a statement.
pub struct TagListProjection {
    steps: Vec<Box<dyn EventUpcaster>>,
}

impl Default for TagListProjection {
    fn default() -> Self {
        Self { steps: upcasters() }
    }
}

#[async_trait]
impl Projection for TagListProjection {
    fn name(&self) -> &'static str {
        ReadModel::TagList.name()
    }

    fn reads(&self) -> &'static [&'static str] {
        &[Tag::TYPE]
    }

    fn pieces(&self) -> Vec<Piece> {
        vec![Piece::within("tag_list", Tag::TYPE)]
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        for recorded in batch {
            let poison = |cause| ProjectionError::Poison { at: recorded.cursor, cause };
            let event: TagEvent = recorded.event(&self.steps).map_err(poison)?;
            let (tenant, id) = ids(&recorded.stream).map_err(poison)?;
            write_one(tx, tenant, id, recorded, event).await?;
        }
        Ok(Written::default())
    }
}

async fn write_one(
    tx: &Transaction<'_>,
    tenant: TenantId,
    id: Uuid,
    recorded: &Recorded,
    event: TagEvent,
) -> Result<(), tokio_postgres::Error> {
    let (version, position) = (recorded.sequence, recorded.cursor.position);
    let set = |column: &str| {
        format!(
            "UPDATE tag_list SET {column} = $3, version = $4, position = $5 \
             WHERE tenant_id = $1 AND id = $2 AND version < $4"
        )
    };
    match event {
        TagEvent::Created { name, slug, colour, at, .. } => {
            let sql = "INSERT INTO tag_list (tenant_id, id, name, slug, colour, created_at, version, position) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
            let (name, slug, colour) = (name.as_str(), slug.as_str(), colour.as_str());
            tx.execute(sql, &[&tenant.0, &id, &name, &slug, &colour, &at, &version, &position]).await?;
        }
        TagEvent::Renamed { name, .. } => {
            tx.execute(&set("name"), &[&tenant.0, &id, &name.as_str(), &version, &position]).await?;
        }
        TagEvent::SlugChanged { slug, .. } => {
            tx.execute(&set("slug"), &[&tenant.0, &id, &slug.as_str(), &version, &position]).await?;
        }
        TagEvent::Recoloured { colour, .. } => {
            tx.execute(&set("colour"), &[&tenant.0, &id, &colour.as_str(), &version, &position]).await?;
        }
        TagEvent::Deleted { .. } => {
            tx.execute("DELETE FROM tag_list WHERE tenant_id = $1 AND id = $2", &[&tenant.0, &id]).await?;
        }
    }
    Ok(())
}

const SELECT: &str = "SELECT id, name, slug, colour, created_at, version FROM tag_list";

/// The read model in Postgres.
pub struct PgTagList {
    readers: TenantReaders,
}

impl PgTagList {
    /// Queries from `readers`.
    pub fn new(readers: TenantReaders) -> Self {
        Self { readers }
    }
}

#[async_trait]
impl TagList for PgTagList {
    async fn get(&self, tenant: TenantId, id: TagId) -> Result<Option<TagRow>, BoxError> {
        Ok(self.by_ids(tenant, &[id]).await?.pop())
    }

    async fn by_ids(&self, tenant: TenantId, ids: &[TagId]) -> Result<Vec<TagRow>, BoxError> {
        let mut reader = self.readers.of(tenant).await?;
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let sql = format!("{SELECT} WHERE tenant_id = $1 AND id = ANY($2)");
        Ok(reader.query(&sql, &[&tenant.0, &ids]).await?.iter().map(read).collect())
    }

    async fn page(
        &self,
        tenant: TenantId,
        request: &PageRequest<TagFilter, TagSort>,
    ) -> Result<Page<TagRow>, BoxError> {
        let mut reader = self.readers.of(tenant).await?;
        let mut sql = start(SELECT, tenant);
        sql.filter(&request.filter, &mut field);
        let (expression, cast, direction) = match request.sort {
            TagSort::CreatedAt(direction) => ("created_at", "timestamptz", direction),
            TagSort::Name(direction) => ("name", "text", direction),
            TagSort::Slug(direction) => ("slug", "text", direction),
        };
        sql.page(expression, cast, direction as Direction, &request.window);
        let rows = reader.query(&sql.sql, &sql.borrowed()).await?;
        let edges =
            rows.iter().map(read).map(|row| Edge { key: key(&row, request.sort), node: row }).collect();
        Ok(Page::from_read(edges, &request.window))
    }

    async fn count(&self, tenant: TenantId, filter: &TagFilter) -> Result<i64, BoxError> {
        let mut reader = self.readers.of(tenant).await?;
        let mut sql = start("SELECT count(*) FROM tag_list", tenant);
        sql.filter(filter, &mut field);
        reader.count(&sql.sql, &sql.borrowed()).await
    }
}

/// A statement of this read model: it cannot be begun without a tenant.
fn start(select: &str, tenant: TenantId) -> Where {
    let mut sql = Where::default();
    let tenant = sql.bind(tenant.0);
    sql.push(&format!("{select} WHERE tenant_id = {tenant} AND "));
    sql
}

fn field(sql: &mut Where, field: &TagField) {
    match field {
        TagField::Id(test) => sql.test("id", "uuid", test, |id| id.0),
        TagField::Name(test) => sql.test("name", "text", test, Clone::clone),
        TagField::Slug(test) => sql.test("slug", "text", test, Clone::clone),
        TagField::CreatedAt(test) => sql.test("created_at", "timestamptz", test, |at| *at),
    }
}

fn key(row: &TagRow, sort: TagSort) -> Keyset {
    let value = match sort {
        TagSort::CreatedAt(_) => row.created_at.to_rfc3339(),
        TagSort::Name(_) => row.name.clone(),
        TagSort::Slug(_) => row.slug.clone(),
    };
    Keyset { value: Some(value), id: row.id.0 }
}

fn read(row: &Row) -> TagRow {
    TagRow {
        id: TagId(row.get(0)),
        name: row.get(1),
        slug: row.get(2),
        colour: row.get(3),
        created_at: row.get(4),
        version: row.get(5),
    }
}
