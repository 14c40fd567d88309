//! Variables of processes: of all of them as they are deployed, or of one that looks at its own.

use std::collections::BTreeMap;

use crate::{Finding, Row, holds, nothing};

const NOT_ITS_BUSINESS: Finding = Finding::NotHere("it does not concern this process");
const SURFACES: [&str; 2] = ["api", "portal-api"];

/// The variables of one process.
#[derive(Debug, Clone, Default)]
pub struct Held {
    /// `api`, `portal-api`, `worker` or `migrator`.
    pub process: String,
    /// Those that anybody may see; of a process that looks at its own, all of them.
    pub plain: BTreeMap<String, String>,
    /// Those that stand as references to secrets.
    pub secrets: BTreeMap<String, String>,
}

impl Held {
    fn has(&self, name: &str) -> bool {
        self.plain.contains_key(name) || self.secrets.contains_key(name)
    }

    fn says(&self, name: &str, value: &str) -> bool {
        self.plain.get(name).is_some_and(|said| said == value)
    }

    fn is_surface(&self) -> bool {
        SURFACES.contains(&self.process.as_str())
    }

    fn leaves_consumers_to_others(&self) -> bool {
        self.process == "migrator" || self.says("WORKERS", "external")
    }
}

/// Who knows the variables of processes.
pub trait Deployed {
    /// The processes that can be looked at.
    fn processes(&self) -> Vec<Held>;
}

/// The rows.
pub fn rows<S: Deployed>() -> [Row<S>; 5] {
    [
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
    ]
}

/// What is wrong with those whom a rule concerns.
fn each(
    subject: &impl Deployed,
    concerned: impl Fn(&Held) -> bool,
    wrong: impl Fn(&Held) -> Option<String>,
) -> Finding {
    let concerned: Vec<Held> = subject.processes().into_iter().filter(concerned).collect();
    if concerned.is_empty() {
        return NOT_ITS_BUSINESS;
    }
    nothing(&concerned.iter().filter_map(wrong).collect::<Vec<_>>())
}

fn public(subject: &impl Deployed) -> Finding {
    each(
        subject,
        |_| true,
        |held| {
            let place = held.plain.get("NODE_ENV").or_else(|| held.plain.get("APP_ENV"));
            let place = place.map(String::as_str).unwrap_or_default();
            let is_public = ["production", "staging"].contains(&place);
            (!is_public).then(|| format!("{} runs as {place}", held.process))
        },
    )
}

fn no_bypass(subject: &impl Deployed) -> Finding {
    let bypassed =
        |held: &Held| held.has("TWOFA_BYPASS_PASSWORD").then(|| format!("{} has it", held.process));
    each(subject, |_| true, bypassed)
}

fn proxies(subject: &impl Deployed) -> Finding {
    each(subject, Held::is_surface, |held| {
        let trusts_one = held.says("TRUSTED_PROXIES", "1");
        (!trusts_one).then(|| format!("{} does not trust exactly one proxy", held.process))
    })
}

fn wrapped(subject: &impl Deployed) -> Finding {
    let owns = |held: &Held| held.process != "migrator";
    each(subject, owns, |held| (!held.has("DATA_KEY")).then(|| format!("{} has no DATA_KEY", held.process)))
}

fn sealed(subject: &impl Deployed) -> Finding {
    let all = subject.processes();
    let of = |name: &str| all.iter().find(|held| held.process == name);
    // Of a whole deployment it is `api`, or the worker where that runs alone; a process by itself
    // knows only whether it is one of those that seal.
    let sealer = match of("api") {
        Some(api) if !api.leaves_consumers_to_others() => Some(api),
        Some(_) => of("worker"),
        None => all.first().filter(|held| !held.leaves_consumers_to_others()),
    };
    sealer.map_or(NOT_ITS_BUSINESS, |sealer| {
        holds(sealer.has("AUDIT_SIGNING_KEY"), || "nobody seals them".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Deployed for Held {
        fn processes(&self) -> Vec<Held> {
            vec![self.clone()]
        }
    }

    fn held(process: &str, plain: &[(&str, &str)]) -> Held {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Held { process: process.to_owned(), plain: plain.iter().map(own).collect(), secrets: BTreeMap::new() }
    }

    const WHOLE: [(&str, &str); 4] =
        [("NODE_ENV", "production"), ("TRUSTED_PROXIES", "1"), ("DATA_KEY", "x"), ("AUDIT_SIGNING_KEY", "x")];

    #[test]
    fn a_process_alone_is_asked_what_concerns_it() {
        let open = |process: &str, plain: &[(&str, &str)]| {
            let held = held(process, plain);
            let findings = rows().map(|row: Row<Held>| (row.check)(&held));
            assert!(!findings.iter().any(|it| matches!(it, Finding::Fail(_))), "{process}: {findings:?}");
            findings.iter().filter(|it| matches!(it, Finding::NotHere(_))).count()
        };
        assert_eq!(open("api", &WHOLE), 0);
        assert_eq!(open("worker", &WHOLE), 1, "nobody stands in front of a worker");
        assert_eq!(open("migrator", &WHOLE), 3, "it has the database and nothing else");
        let external: Vec<_> = WHOLE[..3].iter().copied().chain([("WORKERS", "external")]).collect();
        assert_eq!(open("api", &external), 1, "the worker seals");
        assert_eq!(open("portal-api", &external), 1);
    }

    #[test]
    fn each_row_finds_what_a_process_lacks() {
        for (at, name, value) in [
            (0, "NODE_ENV", "development"),
            (1, "TWOFA_BYPASS_PASSWORD", "x"),
            (2, "TRUSTED_PROXIES", "2"),
            (3, "DATA_KEY", ""),
            (4, "AUDIT_SIGNING_KEY", ""),
        ] {
            let mut held = held("api", &WHOLE);
            if value.is_empty() {
                held.plain.remove(name);
            } else {
                held.plain.insert(name.to_owned(), value.to_owned());
            }
            let failed: Vec<usize> = rows()
                .iter()
                .enumerate()
                .filter(|(_, row): &(usize, &Row<Held>)| matches!((row.check)(&held), Finding::Fail(_)))
                .map(|(row, _)| row)
                .collect();
            assert_eq!(failed, [at], "{name}");
        }
    }
}
