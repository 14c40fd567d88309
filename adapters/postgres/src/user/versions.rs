//! Every version of every person that lists show, with personal data as it was sealed.
//!
//! It follows the same events as the list of people, by the same rules, in memory in place of SQL.

use std::{collections::HashMap, time::Duration};

use application::ports::{Cursor, ReadModel};
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Transaction;
use domain::{
    Sealed, Timestamp,
    role::RoleRef,
    upcasters,
    user::{User, UserEvent},
};
use tokio_postgres::{Error, types::ToSql};
use uuid::Uuid;

use crate::{
    consumers::{LOOKS_BACK, Piece, Projection, ProjectionError, Written},
    log::Recorded,
    projections::passed_over,
    todo::ids,
    xid::Xid,
};

/// See the module.
pub struct PeopleVersionsProjection {
    steps: Vec<Box<dyn EventUpcaster>>,
}

impl Default for PeopleVersionsProjection {
    fn default() -> Self {
        Self { steps: upcasters() }
    }
}

/// What lists show of a person.
#[derive(Clone)]
struct Sheet {
    fullname: Sealed,
    username: Option<Sealed>,
    email: Sealed,
    status: &'static str,
    verified: bool,
    roles: Vec<String>,
    referral_code: String,
    created_at: Timestamp,
    erased: bool,
}

/// A person while a batch moves it on.
#[derive(Default)]
struct Person {
    version: i64,
    sheet: Option<Sheet>,
}

/// A person after an event.
struct Moved {
    tenant: Uuid,
    id: Uuid,
    version: i64,
    cursor: Cursor,
    sheet: Sheet,
}

const INACTIVE: &str = "INACTIVE";
const ACTIVE: &str = "ACTIVE";
const SUSPENDED: &str = "SUSPENDED";

impl Person {
    /// Records what happened; whether a list shows it.
    fn evolve(&mut self, event: UserEvent) -> bool {
        if let Some(sheet) = &mut self.sheet {
            return sheet.evolve(event);
        }
        self.sheet = Sheet::first(event);
        self.sheet.is_some()
    }
}

impl Sheet {
    /// The person that an event makes.
    fn first(event: UserEvent) -> Option<Self> {
        let made = |fullname, username, email, roles: &[RoleRef], referral_code, created_at| Self {
            fullname,
            username,
            email,
            status: INACTIVE,
            verified: false,
            roles: stored(roles),
            referral_code,
            created_at,
            erased: false,
        };
        match event {
            UserEvent::Registered { fullname, username, email, roles, referral_code, at, .. } => {
                Some(made(fullname, Some(username), email, &roles, referral_code, at))
            }
            UserEvent::Invited { fullname, email, roles, at, .. } => {
                Some(made(fullname, None, email, &roles, String::new(), at))
            }
            _ => None,
        }
    }

    /// Records what happened; whether a list shows it.
    fn evolve(&mut self, event: UserEvent) -> bool {
        match event {
            // An invitation that replaces the one before.
            UserEvent::Invited { fullname, email, roles, .. } => {
                (self.fullname, self.email) = (fullname, email);
                (self.status, self.roles) = (INACTIVE, stored(&roles));
            }
            UserEvent::InvitationAccepted { fullname, username, referral_code, .. } => {
                (self.fullname, self.username, self.referral_code) =
                    (fullname, Some(username), referral_code);
                (self.status, self.verified) = (ACTIVE, true);
            }
            UserEvent::EmailVerified { .. } => (self.status, self.verified) = (ACTIVE, true),
            UserEvent::Renamed { fullname, .. } => self.fullname = fullname,
            UserEvent::UsernameChanged { username, .. } => self.username = Some(username),
            UserEvent::Erased { .. } => {
                (self.erased, self.status, self.verified) = (true, SUSPENDED, false);
                self.roles.clear();
                self.referral_code.clear();
            }
            UserEvent::RoleAssigned { role, .. } => self.roles.push(role.to_string()),
            UserEvent::RoleRevoked { role, .. } => {
                let revoked = role.to_string();
                self.roles.retain(|role| *role != revoked);
            }
            UserEvent::Suspended { .. } => self.status = SUSPENDED,
            UserEvent::Reinstated { .. } => self.status = if self.verified { ACTIVE } else { INACTIVE },
            UserEvent::Registered { .. }
            | UserEvent::SignedIn { .. }
            | UserEvent::SessionRefreshed { .. }
            | UserEvent::SessionConfirmed { .. }
            | UserEvent::SessionRevoked { .. }
            | UserEvent::TwoFactorGenerated(_)
            | UserEvent::TwoFactorBound(_)
            | UserEvent::TwoFactorUnbound(_)
            | UserEvent::TwoFactorReset(_)
            | UserEvent::TwoFactorChallenged(_)
            | UserEvent::TwoFactorPassed(_)
            | UserEvent::TwoFactorRefused(_)
            | UserEvent::Referred { .. }
            | UserEvent::TokensExpired { .. }
            | UserEvent::VerificationRequested { .. }
            | UserEvent::PasswordResetRequested { .. }
            | UserEvent::PasswordChanged { .. } => return false,
        }
        true
    }
}

fn stored(roles: &[RoleRef]) -> Vec<String> {
    roles.iter().map(ToString::to_string).collect()
}

fn status(stored: &str) -> &'static str {
    match stored {
        ACTIVE => ACTIVE,
        SUSPENDED => SUSPENDED,
        _ => INACTIVE,
    }
}

#[async_trait]
impl Projection for PeopleVersionsProjection {
    fn name(&self) -> &'static str {
        ReadModel::PeopleVersions.name()
    }

    fn reads(&self) -> &'static [&'static str] {
        &[User::TYPE]
    }

    fn passed_over(&self) -> &'static [&'static str] {
        passed_over(ReadModel::PeopleVersions)
    }

    fn pieces(&self) -> Vec<Piece> {
        vec![Piece::within("people_versions", User::TYPE)]
    }

    fn rests(&self) -> Duration {
        LOOKS_BACK
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        let mut facts = Vec::with_capacity(batch.len());
        for recorded in batch {
            let poison = |cause| ProjectionError::Poison { at: recorded.cursor, cause };
            let (tenant, id) = ids(&recorded.stream).map_err(poison)?;
            let event: UserEvent = recorded.event(&self.steps).map_err(poison)?;
            facts.push(((tenant.0, id), recorded, event));
        }
        let known = facts.iter().filter(|(_, recorded, _)| recorded.sequence > 1).map(|(key, ..)| *key);
        let mut people = newest(tx, known).await?;
        let mut versions = Vec::new();
        for ((tenant, id), recorded, event) in facts {
            let person = people.entry((tenant, id)).or_default();
            // Written already: a batch that is read twice changes nothing.
            if recorded.sequence <= person.version {
                continue;
            }
            let shown = person.evolve(event);
            person.version = recorded.sequence;
            if let (true, Some(sheet)) = (shown, &person.sheet) {
                let (version, cursor) = (person.version, recorded.cursor);
                versions.push(Moved { tenant, id, version, cursor, sheet: sheet.clone() });
            }
        }
        insert(tx, &versions).await?;
        Ok(Written::default())
    }
}

async fn newest(
    tx: &Transaction<'_>,
    keys: impl Iterator<Item = (Uuid, Uuid)>,
) -> Result<HashMap<(Uuid, Uuid), Person>, Error> {
    let (tenants, ids): (Vec<Uuid>, Vec<Uuid>) = keys.unzip();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT tenant_id, id, fullname, username, email, status, verified, roles, referral_code, created_at, \
               version, erased FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[])) AS k (of_tenant, of_id) \
               CROSS JOIN LATERAL (SELECT * FROM people_versions AS v WHERE v.tenant_id = k.of_tenant \
               AND v.id = k.of_id ORDER BY v.version DESC LIMIT 1) AS n";
    let statement = tx.prepare_cached(sql).await?;
    let found = tx.query(&statement, &[&tenants, &ids]).await?;
    let read = |row: &tokio_postgres::Row| {
        let sheet = Sheet {
            fullname: Sealed::new(row.get::<_, String>(2)),
            username: row.get::<_, Option<String>>(3).map(Sealed::new),
            email: Sealed::new(row.get::<_, String>(4)),
            status: status(row.get(5)),
            verified: row.get(6),
            roles: row.get(7),
            referral_code: row.get(8),
            created_at: row.get(9),
            erased: row.get(11),
        };
        ((row.get(0), row.get(1)), Person { version: row.get(10), sheet: Some(sheet) })
    };
    Ok(found.iter().map(read).collect())
}

/// Writes versions of which some may be there already.
async fn insert(tx: &Transaction<'_>, versions: &[Moved]) -> Result<(), Error> {
    let sql = "INSERT INTO people_versions (tenant_id, id, fullname, username, email, status, verified, roles, \
               referral_code, created_at, version, position, tx_id, erased) \
               SELECT t, i, f, u, e, s, v, string_to_array(r, ','), c, at, n, p, x, g FROM unnest($1::uuid[], \
               $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bool[], $8::text[], $9::text[], \
               $10::timestamptz[], $11::bigint[], $12::bigint[], $13::xid8[], $14::bool[]) \
               AS w (t, i, f, u, e, s, v, r, c, at, n, p, x, g) ON CONFLICT DO NOTHING";
    if versions.is_empty() {
        return Ok(());
    }
    macro_rules! column {
        (|$it:ident| $value:expr) => {
            &versions.iter().map(|$it| $value).collect::<Vec<_>>()
        };
    }
    let params: [&(dyn ToSql + Sync); 14] = [
        column!(|it| it.tenant),
        column!(|it| it.id),
        column!(|it| it.sheet.fullname.as_str()),
        column!(|it| it.sheet.username.as_ref().map(Sealed::as_str)),
        column!(|it| it.sheet.email.as_str()),
        column!(|it| it.sheet.status),
        column!(|it| it.sheet.verified),
        // Names of seeded roles and ids have no comma.
        column!(|it| it.sheet.roles.join(",")),
        column!(|it| it.sheet.referral_code.as_str()),
        column!(|it| it.sheet.created_at),
        column!(|it| it.version),
        column!(|it| it.cursor.position),
        column!(|it| Xid(it.cursor.tx)),
        column!(|it| it.sheet.erased),
    ];
    let statement = tx.prepare_cached(sql).await?;
    tx.execute(&statement, &params).await.map(drop)
}
