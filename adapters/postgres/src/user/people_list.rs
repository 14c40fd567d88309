//! Questions about tenants and their people.

use application::{
    BoxError, Direction, Edge, Keyset, Page, PageRequest,
    user::{People, PersonField, PersonFilter, PersonRow, PersonSort, PersonStatus, TenantRow},
};
use async_trait::async_trait;
use domain::{TenantId, UserId, role::SystemRole};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{keyset::Where, readers::TenantReaders};

/// The read model in Postgres.
pub struct PgPeople {
    readers: TenantReaders,
}

impl PgPeople {
    /// Queries from `readers`.
    pub fn new(readers: TenantReaders) -> Self {
        Self { readers }
    }
}

/// A role of the tenant's own is stored by its id, which is 36 characters long, and shown by its
/// name; one that is gone is left out. Columns of the tenant have names of their own: those of the person stay plain in filters.
const SELECT: &str = "SELECT id, fullname, username, email, status, \
     ARRAY(SELECT COALESCE(own.name, held.role) FROM unnest(roles) WITH ORDINALITY AS held (role, nth) \
       LEFT JOIN role_list AS own ON own.tenant_id = people.tenant_id AND own.id::text = held.role \
       WHERE own.id IS NOT NULL OR length(held.role) < 36 ORDER BY held.nth), \
     referral_code, created_at, tenant_id, tenant_name, slug, active FROM people JOIN (SELECT id AS of_tenant, name AS tenant_name, slug, active \
     FROM tenants) AS t ON of_tenant = tenant_id";

#[async_trait]
impl People for PgPeople {
    async fn by_ids(&self, tenant: TenantId, ids: &[UserId]) -> Result<Vec<PersonRow>, BoxError> {
        let mut reader = self.readers.of(tenant).await?;
        let sql = format!("{SELECT} WHERE tenant_id = $1 AND id = ANY($2)");
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        reader.query(&sql, &[&tenant.0, &ids]).await?.iter().map(read).collect()
    }

    async fn page(
        &self,
        tenant: TenantId,
        request: &PageRequest<PersonFilter, PersonSort>,
    ) -> Result<Page<PersonRow>, BoxError> {
        let mut reader = self.readers.of(tenant).await?;
        let mut sql = start(SELECT, tenant);
        sql.filter(&request.filter, &mut field);
        let (expression, cast, direction) = order(request.sort);
        sql.page(expression, cast, direction, &request.window);
        let rows = reader.query(&sql.sql, &sql.borrowed()).await?;
        let edges = rows
            .iter()
            .map(|row| read(row).map(|row| Edge { key: key(&row, request.sort), node: row }))
            .collect::<Result<Vec<_>, BoxError>>()?;
        Ok(Page::from_read(edges, &request.window))
    }

    async fn count(&self, tenant: TenantId, filter: &PersonFilter) -> Result<i64, BoxError> {
        let mut reader = self.readers.of(tenant).await?;
        let mut sql = start("SELECT count(*) FROM people", tenant);
        sql.filter(filter, &mut field);
        reader.count(&sql.sql, &sql.borrowed()).await
    }

    async fn active_with_role(&self, tenant: TenantId, role: SystemRole) -> Result<Vec<UserId>, BoxError> {
        let mut reader = self.readers.of(tenant).await?;
        let sql = "SELECT id FROM people WHERE tenant_id = $1 AND status = 'ACTIVE' AND $2 = ANY(roles)";
        let rows = reader.query(sql, &[&tenant.0, &role.name()]).await?;
        Ok(rows.iter().map(|row| UserId(row.get(0))).collect())
    }
}

/// A statement of this read model: it cannot be begun without a tenant.
fn start(select: &str, tenant: TenantId) -> Where {
    let mut sql = Where::default();
    let tenant = sql.bind(tenant.0);
    sql.push(&format!("{select} WHERE tenant_id = {tenant} AND "));
    sql
}

pub(super) fn field(sql: &mut Where, field: &PersonField) {
    match field {
        PersonField::Id(test) => sql.test("id", "uuid", test, |id| id.0),
        PersonField::Fullname(test) => sql.test("fullname", "text", test, Clone::clone),
        PersonField::Username(test) => sql.test("username", "text", test, Clone::clone),
        PersonField::Email(test) => sql.test("email", "text", test, Clone::clone),
        PersonField::Status(test) => sql.test("status", "text", test, |status| stored(*status)),
        PersonField::CreatedAt(test) => sql.test("created_at", "timestamptz", test, |at| *at),
    }
}

/// The sort expression, its type and direction. None is ever null.
const fn order(sort: PersonSort) -> (&'static str, &'static str, Direction) {
    match sort {
        PersonSort::CreatedAt(direction) => ("created_at", "timestamptz", direction),
        PersonSort::Fullname(direction) => ("fullname", "text", direction),
        PersonSort::Username(direction) => ("username", "text", direction),
        PersonSort::Email(direction) => ("email", "text", direction),
    }
}

fn key(row: &PersonRow, sort: PersonSort) -> Keyset {
    let value = match sort {
        PersonSort::CreatedAt(_) => row.created_at.to_rfc3339(),
        PersonSort::Fullname(_) => row.fullname.clone(),
        PersonSort::Username(_) => row.username.clone(),
        PersonSort::Email(_) => row.email.clone(),
    };
    Keyset { value: Some(value), id: row.id.0 }
}

const fn stored(status: PersonStatus) -> &'static str {
    match status {
        PersonStatus::Inactive => "INACTIVE",
        PersonStatus::Active => "ACTIVE",
        PersonStatus::Suspended => "SUSPENDED",
    }
}

fn read(row: &Row) -> Result<PersonRow, BoxError> {
    Ok(PersonRow {
        id: UserId(row.try_get(0)?),
        fullname: row.try_get(1)?,
        username: row.try_get(2)?,
        email: row.try_get(3)?,
        status: match row.try_get(4)? {
            "ACTIVE" => PersonStatus::Active,
            "SUSPENDED" => PersonStatus::Suspended,
            _ => PersonStatus::Inactive,
        },
        roles: row.try_get(5)?,
        referral_code: row.try_get(6)?,
        created_at: row.try_get(7)?,
        tenant: TenantRow {
            id: TenantId(row.try_get(8)?),
            name: row.try_get(9)?,
            slug: row.try_get(10)?,
            active: row.try_get(11)?,
        },
    })
}
