//! Tenants as operators list them: rows that the projection of people writes.

use application::{
    BoxError, Direction, Edge, Keyset, Page, PageRequest,
    tenant::{TenantField, TenantFilter, TenantList, TenantListing},
};
use async_trait::async_trait;
use domain::TenantId;
use tokio_postgres::Row;

use crate::{keyset::Where, readers::AcrossTenants};

/// The read model in Postgres, across all tenants.
pub struct PgTenantList {
    across: AcrossTenants,
}

impl PgTenantList {
    /// Queries from `across`.
    pub fn new(across: AcrossTenants) -> Self {
        Self { across }
    }
}

const SELECT: &str = "SELECT id, name, slug, active, created_at FROM tenants";

#[async_trait]
impl TenantList for PgTenantList {
    async fn get(&self, id: TenantId) -> Result<Option<TenantListing>, BoxError> {
        let client = self.across.client().await?;
        let statement = client.prepare_cached(&format!("{SELECT} WHERE id = $1")).await?;
        let row = client.query_opt(&statement, &[&id.0]).await?;
        row.as_ref().map(|row| read(row).map(|edge| edge.node)).transpose()
    }

    async fn page(
        &self,
        request: &PageRequest<TenantFilter, Direction>,
    ) -> Result<Page<TenantListing>, BoxError> {
        let client = self.across.client().await?;
        let mut sql = start(SELECT, &request.filter);
        sql.page("created_at", "timestamptz", request.sort, &request.window);
        let statement = client.prepare_cached(&sql.sql).await?;
        let rows = client.query(&statement, &sql.borrowed()).await?;
        let edges = rows.iter().map(read).collect::<Result<Vec<_>, BoxError>>()?;
        Ok(Page::from_read(edges, &request.window))
    }

    async fn count(&self, filter: &TenantFilter) -> Result<i64, BoxError> {
        let client = self.across.client().await?;
        let sql = start("SELECT count(*) FROM tenants", filter);
        let statement = client.prepare_cached(&sql.sql).await?;
        Ok(client.query_one(&statement, &sql.borrowed()).await?.try_get(0)?)
    }
}

fn start(select: &str, filter: &TenantFilter) -> Where {
    let mut sql = Where::default();
    sql.push(&format!("{select} WHERE "));
    sql.filter(filter, &mut |sql, field| match field {
        TenantField::Name(test) => sql.test("name", "text", test, Clone::clone),
        TenantField::Slug(test) => sql.test("slug", "text", test, Clone::clone),
        TenantField::Active(test) => sql.test("active", "boolean", test, |active| *active),
    });
    sql
}

fn read(row: &Row) -> Result<Edge<TenantListing>, BoxError> {
    let node = TenantListing {
        id: TenantId(row.try_get(0)?),
        name: row.try_get(1)?,
        slug: row.try_get(2)?,
        active: row.try_get(3)?,
        created_at: row.try_get(4)?,
    };
    let key = Keyset { value: Some(node.created_at.to_rfc3339()), id: node.id.0 };
    Ok(Edge { key, node })
}
