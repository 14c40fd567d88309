//! Whether a database is fit to be lived in: asked before going live, by whoever is to live there.

use tokio_postgres::Client;

use crate::{BoxedError, PgSettings, READER_ROLE, SERVICE_ROLE, connector, migrations};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitness {
    /// The version of the server: 150004 is 15.4.
    pub server: i32,
    /// Whether this connection is encrypted.
    pub encrypted: bool,
    /// Whether the login may do everything, whatever is granted to it.
    pub superuser: bool,
    /// The newest migration; 0 when nothing was migrated yet.
    pub schema: i64,
    /// What is missing of our roles, and of what they may and may not do.
    pub roles: Vec<String>,
    /// What a service may do to events that it must not.
    pub changes: Vec<String>,
}

const SERVER: &str = "SELECT current_setting('server_version_num')::int, \
     COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false), \
     COALESCE((SELECT rolsuper FROM pg_roles WHERE rolname = current_user), false)";
const ROLES: &str = "SELECT to_regrole($1::text) IS NOT NULL, to_regrole($2::text) IS NOT NULL, \
     to_regclass('public.events') IS NOT NULL";
const MEMBERS: &str =
    "SELECT pg_has_role(current_user, $1::name, 'MEMBER'), pg_has_role($1::name, $2::name, 'MEMBER')";
const CHANGES: &str = "SELECT kind FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS kind \
     WHERE has_table_privilege($1::name, 'public.events', kind)";

/// Looks at the database behind these settings, as the login itself; the text says why it cannot.
pub async fn look(settings: &PgSettings) -> Result<Fitness, String> {
    let as_the_login = PgSettings { role: None, ..settings.clone() };
    let connector = connector(&as_the_login).map_err(|error| BoxedError(&error).to_string())?;
    let client = connector.connect().await.map_err(|error| BoxedError(&error).to_string())?;
    asked(&client).await.map_err(|error| BoxedError(&error).to_string())
}

async fn asked(client: &Client) -> Result<Fitness, tokio_postgres::Error> {
    let server = client.query_one(SERVER, &[]).await?;
    let known = client.query_one(ROLES, &[&SERVICE_ROLE, &READER_ROLE]).await?;
    let (service, reader, events): (bool, bool, bool) =
        (known.try_get(0)?, known.try_get(1)?, known.try_get(2)?);
    let mut roles = Vec::new();
    let missing = [(SERVICE_ROLE, service), (READER_ROLE, reader)].into_iter().filter(|(_, there)| !there);
    roles.extend(missing.map(|(role, _)| format!("there is no role {role}")));
    if service && reader {
        let members = client.query_one(MEMBERS, &[&SERVICE_ROLE, &READER_ROLE]).await?;
        if !members.try_get::<_, bool>(0)? {
            roles.push(format!("the login is no member of {SERVICE_ROLE}"));
        }
        if !members.try_get::<_, bool>(1)? {
            roles.push(format!("{SERVICE_ROLE} is no member of {READER_ROLE}"));
        }
    }
    let changes = if service && events {
        let rows = client.query(CHANGES, &[&SERVICE_ROLE]).await?;
        rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?
    } else {
        Vec::new()
    };
    Ok(Fitness {
        server: server.try_get(0)?,
        encrypted: server.try_get(1)?,
        superuser: server.try_get(2)?,
        schema: if events { migrations::schema_version(client).await? } else { 0 },
        roles,
        changes,
    })
}
