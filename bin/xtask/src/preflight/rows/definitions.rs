//! Task definitions, with what the environment adds.

use super::super::{
    Finding, Row, nothing,
    subject::{PROCESSES, Subject},
};

/// Words in names of variables whose values nobody should see.
const SECRET_WORDS: [&str; 8] =
    ["PASSWORD", "PRIVATE", "SECRET", "TOKEN", "_PASS", "DATA_KEY", "SIGNING_KEY", "OTLP_HEADERS"];
const DATABASE: [&str; 4] = ["PROJECT_DB_HOST", "PROJECT_DB_NAME", "PROJECT_DB_PORT", "PROJECT_DB_USER"];
const REDIS: [&str; 4] = ["REDIS_BULL_HOST", "REDIS_BULL_PORT", "REDIS_PUBSUB_HOST", "REDIS_PUBSUB_PORT"];
const EDIT: &str = "correct ops/task-definitions and ops/environments";

/// How many rows stand before those of variables, which are in `bin/preflight`.
pub(super) const BEFORE_VARIABLES: usize = 3;

pub(super) const ROWS: &[Row] = &[
    Row { name: "each process has the variables it needs", cure: EDIT, check: complete },
    Row {
        name: "secrets are not in the plain environment",
        cure: "put the variable among the secrets, and its value into Secrets Manager",
        check: secrets_apart,
    },
    Row {
        name: "the portal's keys are absent from api, and the reverse",
        cure: "api reads SECRET_JWT_*, portal-api SECRET_PORTAL_JWT_*, under the same names",
        check: own_keys,
    },
    Row {
        name: "containers run as nobody, read-only, and check their own health",
        cure: EDIT,
        check: hardened,
    },
];

fn complete(subject: &Subject) -> Finding {
    let mut wrong = Vec::new();
    for process in PROCESSES {
        let (plain, secrets) = subject.variables(process);
        let mut needed: Vec<&str> = DATABASE.to_vec();
        needed.push("NODE_ENV");
        if process != "migrator" {
            needed.extend(REDIS);
        }
        let is_surface = ["api", "portal-api"].contains(&process);
        needed.extend(is_surface.then_some("PROJECT_PORT"));
        let mut hidden = vec!["PROJECT_DB_PASSWORD"];
        hidden.extend(is_surface.then_some(["JWT_PRIVATE_KEY", "JWT_PUBLIC_KEY"]).into_iter().flatten());
        let missing = needed.iter().filter(|name| plain.get(**name).is_none_or(String::is_empty));
        let unhidden = hidden.iter().filter(|name| !secrets.contains_key(**name));
        wrong.extend(missing.chain(unhidden).map(|name| format!("{process} has no {name}")));
    }
    nothing(&wrong)
}

fn secrets_apart(subject: &Subject) -> Finding {
    let mut wrong = Vec::new();
    for process in PROCESSES {
        let names = subject.variables(process).0.into_keys();
        // The name of a file is no secret.
        let secret = names
            .filter(|name| SECRET_WORDS.iter().any(|word| name.contains(word)) && !name.ends_with("_FILE"));
        wrong.extend(secret.map(|name| format!("{name} of {process} is plain")));
    }
    nothing(&wrong)
}

fn own_keys(subject: &Subject) -> Finding {
    let mut wrong = Vec::new();
    for process in PROCESSES {
        let (plain, secrets) = subject.variables(process);
        for (name, source) in
            plain.iter().chain(&secrets).filter(|(name, _)| name.contains("JWT_") && name.ends_with("_KEY"))
        {
            let is_portals = source.contains("PORTAL_JWT") || name.starts_with("ADMIN_");
            let is_right = match process {
                "api" => !is_portals,
                "portal-api" => is_portals,
                // Nobody else signs anything.
                _ => false,
            };
            if !is_right {
                wrong.push(format!("{process} gets {name} from {source}"));
            }
        }
    }
    nothing(&wrong)
}

fn hardened(subject: &Subject) -> Finding {
    let mut wrong = Vec::new();
    for process in PROCESSES {
        let container = &subject.definitions[process]["containerDefinitions"][0];
        let is_nobody =
            container["user"].as_str().is_some_and(|user| !user.is_empty() && !user.starts_with('0'));
        if !is_nobody || container["readonlyRootFilesystem"] != true {
            wrong.push(format!("{process} runs as root or can write to its image"));
        }
        let check = &container["healthCheck"]["command"];
        let is_checked = check[0] == "CMD" && check[2] == "healthcheck";
        if ["api", "portal-api"].contains(&process) && !is_checked {
            wrong.push(format!("{process} does not check its health by itself"));
        }
    }
    nothing(&wrong)
}
