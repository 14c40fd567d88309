//! Who brought whom: one row for each person and each one above. A page of everybody below costs
//! one range of an index, however deep the tree.

use application::{
    BoxError, Direction, Edge, Keyset, Member, Page, PageRequest,
    ports::ReadModel,
    user::{ReferralField, ReferralFilter, ReferralRow, ReferralSort, ReferralStats, Referrals},
};
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Transaction;
use domain::{
    TenantId, Timestamp, UserId, upcasters,
    user::{User, UserEvent},
};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    consumers::{Made, Piece, Projection, ProjectionError, Written},
    keyset::Where,
    log::Recorded,
    projections::passed_over,
    readers::TenantReaders,
    todo::ids,
};

/// Writes the rows. People come seldom: an event is a statement.
pub struct ReferralsProjection {
    steps: Vec<Box<dyn EventUpcaster>>,
}

impl Default for ReferralsProjection {
    fn default() -> Self {
        Self { steps: upcasters() }
    }
}

#[async_trait]
impl Projection for ReferralsProjection {
    fn name(&self) -> &'static str {
        ReadModel::Referrals.name()
    }

    fn reads(&self) -> &'static [&'static str] {
        &[User::TYPE]
    }

    fn passed_over(&self) -> &'static [&'static str] {
        passed_over(ReadModel::Referrals)
    }

    fn pieces(&self) -> Vec<Piece> {
        // The rows of one person are made of the events of those above, too.
        const UP: &str = "WITH RECURSIVE up (id) AS (SELECT $1 UNION \
             SELECT (payload->>'referrer_tenant') || '/' || (payload->>'referrer') FROM up JOIN events e \
             ON e.aggregate_type = 'user' AND e.aggregate_id = up.id AND e.event_type = 'user.referred') \
             SELECT $3, id FROM up";
        vec![Piece {
            table: "referrals",
            key: "descendant_tenant::text || '/' || id::text",
            rows: "descendant_tenant = split_part($1, '/', 1)::uuid AND id = split_part($1, '/', 2)::uuid",
            made: Made::Streams(UP),
            ..Piece::within("referrals", User::TYPE)
        }]
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        // Sessions make most of a user's events; those are not even decoded.
        let told = ["user.registered", "user.invitation_accepted", "user.referred"];
        for recorded in batch.iter().filter(|recorded| told.contains(&recorded.event_type.as_str())) {
            let poison = |cause| ProjectionError::Poison { at: recorded.cursor, cause };
            let event: UserEvent = recorded.event(&self.steps).map_err(poison)?;
            let (tenant, id) = ids(&recorded.stream).map_err(poison)?;
            match event {
                UserEvent::Registered { referral_code, at, .. }
                | UserEvent::InvitationAccepted { referral_code, at, .. } => {
                    root(tx, tenant, id, &referral_code, at).await?;
                }
                UserEvent::Referred { referrer_tenant, referrer, .. } => {
                    below(tx, id, Member { tenant: referrer_tenant, user: referrer }).await?;
                }
                UserEvent::RoleAssigned { .. }
                | UserEvent::RoleRevoked { .. }
                | UserEvent::Erased { .. }
                | UserEvent::TokensExpired { .. }
                | UserEvent::EmailVerified { .. }
                | UserEvent::SignedIn { .. }
                | UserEvent::SessionRefreshed { .. }
                | UserEvent::SessionConfirmed { .. }
                | UserEvent::SessionRevoked { .. }
                | UserEvent::VerificationRequested { .. }
                | UserEvent::PasswordResetRequested { .. }
                | UserEvent::PasswordChanged { .. }
                | UserEvent::Renamed { .. }
                | UserEvent::UsernameChanged { .. }
                | UserEvent::Suspended { .. }
                | UserEvent::Reinstated { .. }
                | UserEvent::Invited { .. }
                | UserEvent::TwoFactorGenerated(_)
                | UserEvent::TwoFactorBound(_)
                | UserEvent::TwoFactorUnbound(_)
                | UserEvent::TwoFactorReset(_)
                | UserEvent::TwoFactorChallenged(_)
                | UserEvent::TwoFactorPassed(_)
                | UserEvent::TwoFactorRefused(_) => {}
            }
        }
        Ok(Written::default())
    }
}

/// Everybody is a root at first.
async fn root(
    tx: &Transaction<'_>,
    tenant: TenantId,
    id: Uuid,
    code: &str,
    at: Timestamp,
) -> Result<(), tokio_postgres::Error> {
    let sql = "INSERT INTO referrals (tenant_id, ancestor_id, level, descendant_tenant, id, depth, referral_code, \
               joined_at) VALUES ($1, $2, 0, $1, $2, 0, $3, $4) ON CONFLICT DO NOTHING";
    tx.execute(sql, &[&tenant.0, &id, &code, &at]).await.map(drop)
}

/// Whoever is above the referrer is above the newcomer, one level further. The referrer's own row
/// is there: nobody can be referred to somebody whose events come later.
async fn below(tx: &Transaction<'_>, id: Uuid, referrer: Member) -> Result<(), tokio_postgres::Error> {
    let sql = "INSERT INTO referrals (tenant_id, ancestor_id, level, descendant_tenant, id, depth, referral_code, \
               joined_at) SELECT above.tenant_id, above.ancestor_id, above.level + 1, own.tenant_id, own.id, \
               above.depth + 1, own.referral_code, own.joined_at \
               FROM referrals AS above, (SELECT * FROM referrals WHERE id = $1 AND level = 0) AS own \
               WHERE above.id = $2 AND above.descendant_tenant = $3 ON CONFLICT DO NOTHING";
    tx.execute(sql, &[&id, &referrer.user.0, &referrer.tenant.0]).await?;
    let sql = "UPDATE referrals SET depth = above.depth + 1 FROM (SELECT depth FROM referrals WHERE id = $2 \
               AND descendant_tenant = $3 AND level = 0) AS above WHERE id = $1 AND level = 0";
    tx.execute(sql, &[&id, &referrer.user.0, &referrer.tenant.0]).await.map(drop)
}

/// The read model in Postgres.
pub struct PgReferrals {
    readers: TenantReaders,
}

impl PgReferrals {
    /// Queries from `readers`.
    pub fn new(readers: TenantReaders) -> Self {
        Self { readers }
    }
}

#[async_trait]
impl Referrals for PgReferrals {
    async fn stats(&self, of: Member) -> Result<ReferralStats, BoxError> {
        let mut reader = self.readers.of(of.tenant).await?;
        let sql = "SELECT count(*) FILTER (WHERE level = 1), count(*) FILTER (WHERE level > 0), \
                   COALESCE(max(depth) FILTER (WHERE level = 0), 0)::bigint \
                   FROM referrals WHERE tenant_id = $1 AND ancestor_id = $2";
        let row = reader.query_opt(sql, &[&of.tenant.0, &of.user.0]).await?.ok_or("a count has one row")?;
        Ok(ReferralStats { direct: row.try_get(0)?, descendants: row.try_get(1)?, depth: row.try_get(2)? })
    }

    async fn page(
        &self,
        of: Member,
        request: &PageRequest<ReferralFilter, ReferralSort>,
    ) -> Result<Page<ReferralRow>, BoxError> {
        let mut reader = self.readers.of(of.tenant).await?;
        let columns = "SELECT id, descendant_tenant, referral_code, joined_at, level FROM referrals";
        let mut sql = start(columns, of);
        sql.filter(&request.filter, &mut field);
        let (expression, cast, direction) = match request.sort {
            ReferralSort::JoinedAt(direction) => ("joined_at", "timestamptz", direction),
            ReferralSort::Level(direction) => ("level", "int", direction),
        };
        sql.page(expression, cast, direction as Direction, &request.window);
        let rows = reader.query(&sql.sql, &sql.borrowed()).await?;
        let edges =
            rows.iter().map(read).map(|row| Edge { key: key(&row, request.sort), node: row }).collect();
        Ok(Page::from_read(edges, &request.window))
    }

    async fn count(&self, of: Member, filter: &ReferralFilter) -> Result<i64, BoxError> {
        let mut reader = self.readers.of(of.tenant).await?;
        let mut sql = start("SELECT count(*) FROM referrals", of);
        sql.filter(filter, &mut field);
        reader.count(&sql.sql, &sql.borrowed()).await
    }
}

/// A statement about those below somebody: it cannot be begun without saying whom.
fn start(select: &str, of: Member) -> Where {
    let mut sql = Where::default();
    let (tenant, user) = (sql.bind(of.tenant.0), sql.bind(of.user.0));
    sql.push(&format!("{select} WHERE tenant_id = {tenant} AND ancestor_id = {user} AND level > 0 AND "));
    sql
}

fn field(sql: &mut Where, field: &ReferralField) {
    match field {
        ReferralField::Direct(test) => sql.test("(level = 1)", "bool", test, |direct| *direct),
        ReferralField::JoinedAt(test) => sql.test("joined_at", "timestamptz", test, |at| *at),
    }
}

fn key(row: &ReferralRow, sort: ReferralSort) -> Keyset {
    let value = match sort {
        ReferralSort::JoinedAt(_) => row.joined_at.to_rfc3339(),
        ReferralSort::Level(_) => row.level.to_string(),
    };
    Keyset { value: Some(value), id: row.user.0 }
}

fn read(row: &Row) -> ReferralRow {
    ReferralRow {
        user: UserId(row.get(0)),
        tenant: TenantId(row.get(1)),
        referral_code: row.get(2),
        joined_at: row.get(3),
        level: row.get(4),
    }
}
