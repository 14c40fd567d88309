//! The rows, in the order of the list.

use adapter_postgres::{Fitness, SERVICE_ROLE, migrations};
use preflight::{BITS_MIN, Finding, PrivateKey, Row, holds, nothing, of_running, of_variables};

use super::subject::Subject;
use crate::settings::Process;

/// The oldest `PostgreSQL` that the statements are written for.
const SERVER_MIN: i32 = 150_000;

const UNSET: Finding = Finding::NotHere("the settings have to be right first");
const NO_DATABASE: Finding = Finding::NotHere("the database has to answer first");
const MIGRATE: &str = "run the migrator of this release: it makes the roles and what they may";

/// All of them.
pub(super) fn all() -> impl Iterator<Item = Row<Subject>> {
    SETTINGS
        .iter()
        .copied()
        .chain(of_variables::<Subject>())
        .chain(KEYS.iter().chain(BEHIND).copied())
        .chain(of_running::<Subject>())
        .chain(ELSEWHERE.iter().copied())
}

const SETTINGS: &[Row<Subject>] = &[Row {
    name: "the settings are complete and sound",
    cure: "docs/configuration.md names each variable",
    check: |it| match &it.settings {
        Ok(_) => Finding::Pass,
        Err(problems) => nothing(problems),
    },
}];

const KEYS: &[Row<Subject>] = &[
    Row {
        name: "it holds no keys that are another process's",
        cure: "remove them from its definition: api reads JWT_*, the portal its own pair, the others none",
        check: no_others_keys,
    },
    Row {
        name: "its keys are a pair, RSA of 4096 bits",
        cure: "run ops/scripts/keys.sh make FOLDER, and upload",
        check: strong_pair,
    },
];

const BEHIND: &[Row<Subject>] = &[
    Row {
        name: "the database answers",
        cure: "see PROJECT_DB_*, DB_CA_FILE and the security group",
        check: |it| match &it.database {
            None => UNSET,
            Some(Ok(_)) => Finding::Pass,
            Some(Err(why)) => Finding::Fail(why.clone()),
        },
    },
    Row {
        name: "its connection is encrypted and its certificate verified",
        cure: "NODE_ENV must be production or staging, and the server speak TLS",
        check: |it| {
            let verified = it.settings.as_ref().is_ok_and(|settings| settings.environment.is_public());
            of_database(it, |database| {
                holds(database.encrypted && verified, || {
                    "it is in the clear, or nobody is verified".to_owned()
                })
            })
        },
    },
    Row {
        name: "the server is PostgreSQL 15 or newer",
        cure: "upgrade it",
        check: |it| {
            of_database(it, |database| {
                holds(database.server >= SERVER_MIN, || format!("it is {}", database.server / 10_000))
            })
        },
    },
    Row {
        name: "the login is no superuser",
        cure: "log in as the owner of the database, and no more: row-level security stops no superuser",
        check: |it| {
            of_database(it, |database| holds(!database.superuser, || "it may do everything".to_owned()))
        },
    },
    Row { name: "the schema is that of this release", cure: MIGRATE, check: schema },
    Row {
        name: "the roles are there, and the login may take theirs",
        cure: MIGRATE,
        check: |it| of_database(it, |database| nothing(&database.roles)),
    },
    Row {
        name: "no service can change events",
        cure: "revoke it: services append, and nobody changes what is stored",
        check: |it| {
            of_database(it, |database| {
                let changes = database.changes.join(", ");
                holds(changes.is_empty(), || format!("{SERVICE_ROLE} may {changes}"))
            })
        },
    },
    Row {
        name: "Redis answers, over TLS",
        cure: "see REDIS_*, REDIS_CA_FILE and the security group; NODE_ENV decides whether TLS is spoken",
        check: |it| match &it.redis {
            _ if it.settings.is_err() => UNSET,
            None => Finding::NotHere("it does not concern this process"),
            Some(Ok(())) => Finding::Pass,
            Some(Err(why)) => Finding::Fail(why.clone()),
        },
    },
    Row {
        name: "the mail server takes this process",
        cure: "see SMTP_*, and whether the security group lets it out",
        check: |it| match &it.mail {
            _ if it.settings.is_err() => UNSET,
            None => Finding::NotHere("SMTP_HOST is not set: mail is off"),
            Some(Ok(())) => Finding::Pass,
            Some(Err(why)) => Finding::Fail(why.clone()),
        },
    },
];

const ELSEWHERE: &[Row<Subject>] = &[Row {
    name: "infrastructure, task definitions, workflows and files of keys are right",
    cure: "cargo xtask preflight",
    check: |_| Finding::NotHere("`cargo xtask preflight` looks at them in a checkout"),
}];

fn of_database(subject: &Subject, look: impl FnOnce(&Fitness) -> Finding) -> Finding {
    match &subject.database {
        Some(Ok(database)) => look(database),
        Some(Err(_)) | None => NO_DATABASE,
    }
}

fn schema(subject: &Subject) -> Finding {
    of_database(subject, |database| {
        let (is, needed) = (database.schema, migrations::NEWEST);
        holds(is >= needed, || format!("it is at version {is}, this release needs {needed}"))
    })
}

fn no_others_keys(subject: &Subject) -> Finding {
    let others = |name: &&String| {
        let is_key = name.contains("JWT_") && name.contains("_KEY");
        is_key
            && match subject.process {
                Process::Api => name.starts_with("ADMIN_"),
                Process::Portal => false,
                // Nobody else signs anything.
                Process::Worker | Process::Migrator => true,
            }
    };
    nothing(&subject.variables.keys().filter(others).cloned().collect::<Vec<_>>())
}

fn strong_pair(subject: &Subject) -> Finding {
    let Ok(settings) = &subject.settings else { return UNSET };
    let Some(keys) = &settings.keys else { return Finding::NotHere("it signs no tokens") };
    // In a definition line ends may be written as two characters.
    let (private, public) = (keys.private.expose().replace("\\n", "\n"), keys.public.replace("\\n", "\n"));
    let Some(key) = PrivateKey::read(&private) else {
        return Finding::Fail("the private key cannot be read".to_owned());
    };
    if !key.is_of(&public) {
        return Finding::Fail("the public key is that of another one".to_owned());
    }
    holds(key.bits() >= BITS_MIN, || format!("it has {} bits", key.bits()))
}
