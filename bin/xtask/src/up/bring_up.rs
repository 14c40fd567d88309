//! From nothing to two services that answer.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{
    State, Wishes,
    credentials::{Credentials, OPERATOR_EMAIL},
    service::{API, PORTAL, Service, Setting, Surface},
};
use crate::{
    account, database,
    dotenv::Dotenv,
    install,
    keys::{self, Pair, Strength},
    ports,
    postgres::{self, Plan, Postgres},
    process, random,
    redis::Redis,
    steps::{self, step},
    tools::PostgresTools,
    workspace::{self, Profile},
};

/// What `portal-api operator create` answers when the e-mail is taken.
const OPERATOR_EXISTS: i32 = 3;

/// Addresses of the stores: for whoever owns the schema, and for the services.
struct Stores {
    owner: String,
    app: String,
    redis: String,
}

/// Keys of both surfaces.
struct Keys {
    user: Pair,
    portal: Pair,
}

pub(super) fn bring_up(state: &State, wishes: &Wishes) -> Result<Vec<Service>> {
    let machine = Machine::check(state, wishes)?;
    build(wishes.profile)?;
    let programs = workspace::programs(wishes.profile)?;
    let mut credentials = Credentials::load(state)?;
    let keys = step("Development keys (RSA 4096, one pair a surface)", || make_keys(state))?;
    let stores = stores(state, wishes, &machine, &credentials, &programs)?;
    let api_port = port(&API, &[])?;
    let portal_port = port(&PORTAL, &[api_port])?;
    let setting = Setting {
        programs: &programs,
        database_url: &stores.app,
        redis_url: &stores.redis,
        data_key: credentials.get("DATA_KEY"),
        audit_key: credentials.get("AUDIT_SIGNING_KEY"),
    };
    let demo = seed(&setting, api_port, &keys)?;
    let api = setting.command(&API, api_port, &keys.user)?;
    let portal = setting.command(&PORTAL, portal_port, &keys.portal)?;
    let operator = ensure_operator(&programs, &stores, &keys, portal_port, &mut credentials)?;
    let mut services = vec![
        Service::start(state, &API, api_port, api)?,
        Service::start(state, &PORTAL, portal_port, portal)?,
    ];
    step("Waiting until both services are ready", || {
        services.iter_mut().try_for_each(|service| service.wait_until_ready(state))
    })?;
    write_settings(state, &stores, &keys, &credentials, &demo, &operator, &services)?;
    Ok(services)
}

/// The programs of other people that are needed.
struct Machine {
    postgres: Option<PostgresTools>,
    redis: Option<PathBuf>,
}

impl Machine {
    fn check(state: &State, wishes: &Wishes) -> Result<Self> {
        let postgres = match &wishes.database_url {
            Some(_) => {
                steps::note("PostgreSQL: the one of DATABASE_URL");
                None
            }
            None => Some(install::postgres_for(postgres::made_by(&state.folder))?),
        };
        let redis = if wishes.redis_url.is_some() {
            steps::note("Redis: the one of REDIS_URL");
            None
        } else {
            Some(install::redis()?)
        };
        if postgres.is_some() {
            account::Account::for_postgres()?;
        }
        Ok(Self { postgres, redis })
    }
}

fn build(profile: Profile) -> Result<()> {
    step("Building the services", || {
        let mut command = workspace::cargo();
        command.arg("build").args(profile.flags()).args([
            "-p",
            "api",
            "-p",
            "portal-api",
            "-p",
            "worker",
            "-p",
            "migrator",
        ]);
        process::run_or_fail(&mut command)
    })
}

fn make_keys(state: &State) -> Result<Keys> {
    let folder = state.folder.join("keys");
    // The two are independent, and finding large primes takes seconds.
    std::thread::scope(|scope| {
        let pair = |private: &'static str, public: &'static str| {
            let folder = &folder;
            scope.spawn(move || keys::ensure(folder, (private, public), Strength::Development))
        };
        let user = pair("user_private_dev.pem", "user_public_dev.pem");
        let portal = pair("portal_private_dev.pem", "portal_public_dev.pem");
        let joined = |handle: std::thread::ScopedJoinHandle<'_, Result<Pair>>| match handle.join() {
            Ok(pair) => pair,
            Err(_) => bail!("making a key pair failed"),
        };
        Ok(Keys { user: joined(user)?, portal: joined(portal)? })
    })
}

/// Servers of our own where none is given, and a migrated database.
fn stores(
    state: &State,
    wishes: &Wishes,
    machine: &Machine,
    credentials: &Credentials,
    programs: &Path,
) -> Result<Stores> {
    let redis = match (&wishes.redis_url, &machine.redis) {
        (Some(url), _) => url.clone(),
        (None, Some(program)) => {
            step("Starting a private Redis", || {
                Redis::start(program, &state.folder, Some(credentials.get("REDIS_PASSWORD")))
            })?
            .url
        }
        (None, None) => bail!("there is no Redis"),
    };
    let migrate = |url: &str| step("Migrating the database", || database::migrate(programs, url));
    if let Some(url) = &wishes.database_url {
        migrate(url)?;
        return Ok(Stores { owner: url.clone(), app: url.clone(), redis });
    }
    let tools = machine.postgres.as_ref().context("there is no PostgreSQL")?;
    let plan = Plan { folder: &state.folder, password: credentials.get("SUPERUSER_PASSWORD"), settings: &[] };
    let owner_password = credentials.get("OWNER_PASSWORD");
    let app_password = credentials.get("APP_PASSWORD");
    let postgres = step(&format!("Starting a private PostgreSQL {}", tools.major), || {
        let postgres = Postgres::start(tools, &plan)?;
        database::prepare(&postgres, owner_password).context(
            "the database refused its own passwords; if target/dev/secrets was lost, type: cargo \
             xtask reset",
        )?;
        Ok(postgres)
    })?;
    let owner = postgres.url_as(database::OWNER, owner_password, database::DATABASE);
    migrate(&owner)?;
    database::allow_services(&postgres, app_password)?;
    let app = postgres.url_as(database::APP, app_password, database::DATABASE);
    Ok(Stores { owner, app, redis })
}

fn port(surface: &Surface, taken: &[u16]) -> Result<u16> {
    let port = ports::first_free(surface.port, taken)?;
    if port != surface.port {
        steps::note(&format!("{}: port {} is in use, taking {port}", surface.name, surface.port));
    }
    Ok(port)
}

/// The demo tenant; the answer holds who may sign in.
fn seed(setting: &Setting<'_>, port: u16, keys: &Keys) -> Result<Value> {
    step("Seeding the demo tenant", || {
        let mut command = setting.command(&API, port, &keys.user)?;
        command.arg("seed-demo");
        let (status, output) = process::capture(&mut command, "")?;
        ensure!(status.success(), "`api seed-demo` failed ({status}); its message is above");
        let line = output.lines().rev().find(|line| line.trim_start().starts_with('{'));
        let line = line.context("`api seed-demo` named no demo user")?;
        serde_json::from_str(line).context("`api seed-demo` did not answer in JSON")
    })
}

/// An operator whose password is known. A database of somebody else's may already hold one of that
/// name with another password: then we make our own beside.
fn ensure_operator(
    programs: &Path,
    stores: &Stores,
    keys: &Keys,
    port: u16,
    credentials: &mut Credentials,
) -> Result<String> {
    step("Creating the operator", || {
        let known = credentials.operator().map(str::to_owned);
        let mut email = known.clone().unwrap_or_else(|| OPERATOR_EMAIL.to_owned());
        loop {
            let setting = Setting {
                programs,
                database_url: &stores.app,
                redis_url: &stores.redis,
                data_key: credentials.get("DATA_KEY"),
                audit_key: credentials.get("AUDIT_SIGNING_KEY"),
            };
            let mut command = setting.command(&PORTAL, port, &keys.portal)?;
            command.args(["operator", "create", "--email", &email]);
            command.args(["--fullname", "Demo Operator", "--role", "SUPER_ADMIN"]);
            let password = format!("{}\n", credentials.get("OPERATOR_PASSWORD"));
            let (status, _) = process::capture(&mut command, &password)?;
            if status.success() || (status.code() == Some(OPERATOR_EXISTS) && known.is_some()) {
                credentials.remember("OPERATOR_EMAIL", &email)?;
                return Ok(email);
            }
            ensure!(
                status.code() == Some(OPERATOR_EXISTS) && email == OPERATOR_EMAIL,
                "`portal-api operator create` failed ({status}); its message is above"
            );
            email = format!("operator-{}@demo.test", random::suffix()?);
            steps::note(&format!("{OPERATOR_EMAIL} is taken there; trying {email}"));
        }
    })
}

fn write_settings(
    state: &State,
    stores: &Stores,
    keys: &Keys,
    credentials: &Credentials,
    demo: &Value,
    operator: &str,
    services: &[Service],
) -> Result<()> {
    let mut settings = Dotenv::default();
    for (service, name) in services.iter().zip(["API_URL", "PORTAL_URL"]) {
        settings.set(name, &*service.url);
    }
    settings.set("DATABASE_URL", &*stores.owner);
    settings.set("APP_DATABASE_URL", &*stores.app);
    settings.set("REDIS_URL", &*stores.redis);
    settings.set("DEMO_USER", demo["user"].as_str().unwrap_or_default());
    settings.set("DEMO_PASSWORD", demo["password"].as_str().unwrap_or_default());
    settings.set("OPERATOR_EMAIL", operator);
    settings.set("OPERATOR_PASSWORD", credentials.get("OPERATOR_PASSWORD"));
    for (service, name) in services.iter().zip(["API_PID", "PORTAL_PID"]) {
        settings.set(name, service.child.id().to_string());
    }
    settings.set("USER_PRIVATE_KEY_FILE", keys.user.private.display().to_string());
    settings.set("USER_PUBLIC_KEY_FILE", keys.user.public.display().to_string());
    settings.set("PORTAL_PRIVATE_KEY_FILE", keys.portal.private.display().to_string());
    settings.set("PORTAL_PUBLIC_KEY_FILE", keys.portal.public.display().to_string());
    settings.set("DATA_KEY", credentials.get("DATA_KEY"));
    settings.set("AUDIT_SIGNING_KEY", credentials.get("AUDIT_SIGNING_KEY"));
    settings.write(&state.settings_file())
}
