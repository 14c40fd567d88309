//! The list of people as it was at a place of the log, sealed as it is stored.

use std::collections::{BTreeSet, HashMap};

use application::{
    BoxError, Direction, Keyset, Window,
    ports::Cursor,
    user::{PastPerson, PeoplePast, PersonFilter, PersonStatus},
};
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Client;
use domain::{
    Root, Sealed, StreamId, TenantId, UserId,
    role::{Role, RoleEvent, RoleRef},
    upcasters,
};

use super::people_list::field;
use crate::{
    keyset::Where,
    log,
    readers::{AcrossTenants, TenantReaders},
    versions,
    xid::Xid,
};

/// The versions in Postgres.
pub struct PgPeoplePast {
    readers: TenantReaders,
    /// Roles of that time are read from their streams.
    log: AcrossTenants,
    steps: Vec<Box<dyn EventUpcaster>>,
}

impl PgPeoplePast {
    /// Versions from `readers`, roles from the log.
    pub fn new(readers: TenantReaders, log: AcrossTenants) -> Self {
        Self { readers, log, steps: upcasters() }
    }
}

/// What may change of a person.
const REST: &str = "fullname, username, email, status, roles, referral_code, erased";
const COLUMNS: &str = "id, fullname, username, email, status, roles, referral_code, created_at, erased";

#[async_trait]
impl PeoplePast for PgPeoplePast {
    async fn read(
        &self,
        tenant: TenantId,
        at: Cursor,
        filter: &PersonFilter,
        window: &Window<Keyset>,
    ) -> Result<Vec<PastPerson>, BoxError> {
        let mut reader = self.readers.of(tenant).await?;
        let mut sql = start(COLUMNS, tenant, at);
        sql.filter(filter, &mut field);
        sql.page("created_at", "timestamptz", Direction::Desc, window);
        let rows = reader.query(&sql.sql, &sql.borrowed()).await?;
        let mut people = Vec::with_capacity(rows.len());
        for row in &rows {
            people.push(PastPerson {
                id: UserId(row.try_get(0)?),
                tenant,
                fullname: Sealed::new(row.try_get::<_, String>(1)?),
                username: row.try_get::<_, Option<String>>(2)?.map(Sealed::new),
                email: Sealed::new(row.try_get::<_, String>(3)?),
                status: match row.try_get(4)? {
                    "ACTIVE" => PersonStatus::Active,
                    "SUSPENDED" => PersonStatus::Suspended,
                    _ => PersonStatus::Inactive,
                },
                roles: row.try_get(5)?,
                referral_code: row.try_get(6)?,
                created_at: row.try_get(7)?,
                erased: row.try_get(8)?,
            });
        }
        self.name_roles(tenant, at, &mut people).await?;
        Ok(people)
    }

    async fn count(&self, tenant: TenantId, at: Cursor, filter: &PersonFilter) -> Result<i64, BoxError> {
        let mut reader = self.readers.of(tenant).await?;
        let mut sql = start("count(*)", tenant, at);
        sql.filter(filter, &mut field);
        reader.count(&sql.sql, &sql.borrowed()).await
    }
}

impl PgPeoplePast {
    /// Puts the names of that time in the place of the ids of the tenant's own roles; those that were
    /// gone are left out.
    async fn name_roles(
        &self,
        tenant: TenantId,
        at: Cursor,
        people: &mut [PastPerson],
    ) -> Result<(), BoxError> {
        let own = |role: &String| matches!(role.parse(), Ok(RoleRef::Custom(_)));
        let wanted: BTreeSet<&String> = people.iter().flat_map(|it| &it.roles).filter(|it| own(it)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let streams = wanted.into_iter().filter_map(|id| id.parse().ok());
        let streams: Vec<String> =
            streams.map(|id| StreamId::within(tenant, id).as_str().to_owned()).collect();
        let client = self.log.client().await?;
        let names = self.role_names(&client, &streams, at).await?;
        for person in people {
            let named = person
                .roles
                .iter()
                .filter_map(|role| if own(role) { names.get(role).cloned() } else { Some(role.clone()) });
            person.roles = named.collect();
        }
        Ok(())
    }

    async fn role_names(
        &self,
        client: &Client,
        streams: &[String],
        at: Cursor,
    ) -> Result<HashMap<String, String>, BoxError> {
        let sql = format!(
            "SELECT {} FROM events WHERE aggregate_type = $1 AND aggregate_id = ANY($2::text[]) \
             AND (tx_id, position) <= ($3, $4) ORDER BY aggregate_id, sequence",
            log::COLUMNS
        );
        let statement = client.prepare_cached(&sql).await?;
        let rows = client.query(&statement, &[&Role::TYPE, &streams, &Xid(at.tx), &at.position]).await?;
        let mut roles: HashMap<String, Role> = HashMap::new();
        for row in &rows {
            let Some(recorded) = log::recorded(row, 0)? else { continue };
            let Some(id) = recorded.stream.own() else { continue };
            let event: RoleEvent = recorded.event(&self.steps)?;
            roles.entry(id.to_string()).or_default().evolve(event);
        }
        let named = roles.into_iter().filter_map(|(id, role)| {
            let name = role.defined()?.name.as_str().to_owned();
            Some((id, name))
        });
        Ok(named.collect())
    }
}

fn start(select: &str, tenant: TenantId, at: Cursor) -> Where {
    let mut sql = versions::newest(select, "people_versions", REST, tenant, at);
    sql.push(" WHERE ");
    sql
}
