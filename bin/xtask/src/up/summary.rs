//! The table of addresses and credentials that `up` ends with.

use std::fmt;

use super::State;
use crate::{dotenv::Dotenv, workspace};

/// Everything a person needs to begin, read back from the settings file.
pub(super) struct Summary {
    settings: Dotenv,
    file: String,
}

impl Summary {
    pub(super) fn of(state: &State) -> Self {
        let path = state.settings_file();
        let file = path.strip_prefix(workspace::root()).unwrap_or(&path).display().to_string();
        Self { settings: state.settings(), file }
    }

    pub(super) fn print(&self) {
        answer!("{self}");
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let get = |name: &str| self.settings.get(name).unwrap_or_default().to_owned();
        let (api, portal) = (get("API_URL"), get("PORTAL_URL"));
        vec![
            ("Users: GraphiQL", format!("{api}/")),
            ("  GraphQL", format!("{api}/graphql")),
            ("  REST (Swagger)", format!("{api}/docs")),
            ("  health", format!("{api}/graphql?query=%7Bhealth%7D")),
            ("  ready", format!("{api}/health/ready")),
            ("  mail outbox", format!("{api}/dev/outbox")),
            ("Portal: console", format!("{portal}/console")),
            ("  GraphiQL", format!("{portal}/")),
            ("  GraphQL", format!("{portal}/graphql")),
            ("  REST (Swagger)", format!("{portal}/docs")),
            ("  health", format!("{portal}/graphql?query=%7Bhealth%7D")),
            ("  ready", format!("{portal}/health/ready")),
            ("Demo user", format!("{}   password  {}", get("DEMO_USER"), get("DEMO_PASSWORD"))),
            ("Operator", format!("{}   password  {}", get("OPERATOR_EMAIL"), get("OPERATOR_PASSWORD"))),
            ("Database", get("DATABASE_URL")),
            ("Redis", get("REDIS_URL")),
            ("For scripts", self.file.clone()),
            ("Logs", "target/dev/api.log   target/dev/portal-api.log".to_owned()),
        ]
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "\nEnterprise Todo is ready.\n")?;
        for (name, value) in self.rows() {
            writeln!(formatter, "  {name:<18} {value}")?;
        }
        Ok(())
    }
}
