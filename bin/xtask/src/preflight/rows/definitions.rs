//! Task definitions, with what the environment adds.

use super::super::{
    Finding, Row, holds, nothing,
    subject::{PROCESSES, Subject},
};

/// Words in names of variables whose values nobody should see.
const SECRET_WORDS: [&str; 7] =
    ["PASSWORD", "PRIVATE", "SECRET", "TOKEN", "_PASS", "DATA_KEY", "SIGNING_KEY"];
const DATABASE: [&str; 4] = ["PROJECT_DB_HOST", "PROJECT_DB_NAME", "PROJECT_DB_PORT", "PROJECT_DB_USER"];
const REDIS: [&str; 4] = ["REDIS_BULL_HOST", "REDIS_BULL_PORT", "REDIS_PUBSUB_HOST", "REDIS_PUBSUB_PORT"];
const EDIT: &str = "correct ops/task-definitions and ops/environments";

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
        name: "every process runs as in production",
        cure: "NODE_ENV must be production (or staging): it turns off GraphiQL and demands TLS and a strict CSP",
        check: public,
    },
    Row {
        name: "TWOFA_BYPASS_PASSWORD is unset",
        cure: "remove it: a process refuses to start with it",
        check: no_bypass,
    },
    Row {
        name: "clients are told apart behind the load balancer",
        cure: "TRUSTED_PROXIES must be 1 for api and portal-api; otherwise all people share one rate limit",
        check: proxies,
    },
    Row {
        name: "keys of personal data are wrapped",
        cure: "add the secret DATA_KEY to every process but the migrator (ops/scripts/keys.sh upload makes it)",
        check: wrapped,
    },
    Row {
        name: "events are sealed with a key",
        cure: "add the secret AUDIT_SIGNING_KEY to whatever runs consumers (ops/scripts/keys.sh upload makes it)",
        check: sealed,
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

fn public(subject: &Subject) -> Finding {
    let places = PROCESSES.map(|process| (process, subject.variables(process).0.remove("NODE_ENV")));
    let is_public = |place: &Option<String>| matches!(place.as_deref(), Some("production" | "staging"));
    let wrong = places.into_iter().filter(|(_, place)| !is_public(place));
    nothing(
        &wrong
            .map(|(name, place)| format!("{name} runs as {}", place.unwrap_or_default()))
            .collect::<Vec<_>>(),
    )
}

fn no_bypass(subject: &Subject) -> Finding {
    let mut wrong = Vec::new();
    for process in PROCESSES {
        let (plain, secrets) = subject.variables(process);
        if plain.keys().chain(secrets.keys()).any(|name| name == "TWOFA_BYPASS_PASSWORD") {
            wrong.push(format!("{process} has it"));
        }
    }
    nothing(&wrong)
}

fn proxies(subject: &Subject) -> Finding {
    let surfaces = ["api", "portal-api"].into_iter();
    let wrong =
        surfaces.filter(|name| subject.variables(name).0.get("TRUSTED_PROXIES").is_none_or(|it| it != "1"));
    nothing(&wrong.map(|name| format!("{name} does not trust exactly one proxy")).collect::<Vec<_>>())
}

fn wrapped(subject: &Subject) -> Finding {
    let owners = PROCESSES.into_iter().filter(|name| *name != "migrator");
    let wrong = owners.filter(|name| !subject.variables(name).1.contains_key("DATA_KEY"));
    nothing(&wrong.map(|name| format!("{name} has no DATA_KEY")).collect::<Vec<_>>())
}

fn sealed(subject: &Subject) -> Finding {
    let (plain, own) = subject.variables("api");
    // Where workers run alone, theirs is the key that seals.
    let is_external = plain.get("WORKERS").is_some_and(|it| it == "external");
    let has_key = if is_external { subject.variables("worker").1 } else { own };
    holds(has_key.contains_key("AUDIT_SIGNING_KEY"), || "nobody seals them".to_owned())
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
