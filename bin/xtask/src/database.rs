//! Databases, roles and migrations on a private server.

use std::{path::Path, process::Command};

use anyhow::{Result, ensure};

use crate::{environment, postgres::Postgres, process};

/// Owns the schema and migrates it.
pub(crate) const OWNER: &str = "todo_owner";
/// What the services sign in as.
pub(crate) const APP: &str = "todo_app";
/// Made by the migrations: what the services may do.
const SERVICE_ROLE: &str = "enterprise_todo_service";
pub(crate) const DATABASE: &str = "enterprise_todo";

/// Variables of our own programs. None of them is inherited by accident: a setting of the
/// person's shell must not point a service at another database.
const OURS: [&str; 9] =
    ["PROJECT_", "REDIS_", "JWT_", "ADMIN_JWT_", "DATABASE_URL", "DATA_KEY", "NODE_ENV", "APP_ENV", "TEST_"];

/// The owner's role and database. Run again, it only sets the password again.
pub(crate) fn prepare(postgres: &Postgres, owner_password: &str) -> Result<()> {
    postgres.sql("postgres", &login(OWNER, owner_password, "CREATEROLE"))?;
    postgres.sql(
        "postgres",
        &format!(
            "SELECT 'CREATE DATABASE {DATABASE} OWNER {OWNER}' \
             WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = '{DATABASE}') \\gexec\n"
        ),
    )?;
    Ok(())
}

/// The services' login, after the migrations made the role that carries its rights.
pub(crate) fn allow_services(postgres: &Postgres, app_password: &str) -> Result<()> {
    postgres.sql(DATABASE, &login(APP, app_password, "NOCREATEROLE"))?;
    postgres.sql(DATABASE, &format!("GRANT {SERVICE_ROLE} TO {APP};"))?;
    Ok(())
}

/// Run the migrator on a database.
pub(crate) fn migrate(programs: &Path, url: &str) -> Result<()> {
    let mut command = program(programs, "migrator");
    command.env("DATABASE_URL", url).env("APP_ENV", "development");
    let (status, output) = process::capture(&mut command, "")?;
    ensure!(status.success(), "migrator failed ({status}); it said:\n{output}");
    Ok(())
}

/// One of our programs, with the person's environment but without settings that are ours to give.
pub(crate) fn program(programs: &Path, name: &str) -> Command {
    let mut command = Command::new(programs.join(name));
    let inherited = environment::names();
    for variable in inherited.iter().filter(|name| is_ours(name)) {
        command.env_remove(variable);
    }
    command
}

fn is_ours(variable: &str) -> bool {
    OURS.iter().any(|prefix| variable.starts_with(prefix))
}

fn login(name: &str, password: &str, right: &str) -> String {
    format!(
        "DO $$ BEGIN CREATE ROLE {name} LOGIN {right}; \
         EXCEPTION WHEN duplicate_object THEN NULL; END $$;\n\
         ALTER ROLE {name} LOGIN {right} PASSWORD '{password}';\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_services_are_not_inherited() {
        assert!(is_ours("PROJECT_DB_HOST"));
        assert!(is_ours("DATABASE_URL"));
        assert!(!is_ours("RUST_LOG"));
        assert!(!is_ours("PATH"));
    }
}
