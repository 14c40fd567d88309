//! Keys: strong, in pairs, and none in two places.

use std::collections::BTreeMap;

use preflight::{BITS_MIN, PrivateKey, der};

use super::super::{Finding, Row, nothing, subject::Subject};

const NOT_HERE: Finding = Finding::NotHere("name the folder of the key files with --keys");

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "the twelve key files are there, in pairs",
        cure: "ops/scripts/keys.sh make FOLDER; a public key is made from its private one, never by hand",
        check: pairs,
    },
    Row {
        name: "keys are RSA of 4096 bits",
        cure: "move the weak files away and run ops/scripts/keys.sh make FOLDER",
        check: strength,
    },
    Row {
        name: "keys differ per surface and environment",
        cure: "move all but one of the equal files away and run ops/scripts/keys.sh make FOLDER",
        check: differ,
    },
];

fn names() -> impl Iterator<Item = (String, String)> {
    let surfaces = ["user", "portal"].into_iter();
    surfaces.flat_map(|surface| {
        ["dev", "staging", "prod"].map(|environment| {
            (format!("{surface}_private_{environment}.pem"), format!("{surface}_public_{environment}.pem"))
        })
    })
}

fn private(keys: &BTreeMap<String, String>, name: &str) -> Option<PrivateKey> {
    PrivateKey::read(keys.get(name)?)
}

fn pairs(subject: &Subject) -> Finding {
    let Some(keys) = &subject.keys else { return NOT_HERE };
    let mut wrong = Vec::new();
    for (private_name, public_name) in names() {
        let Some(pair) = private(keys, &private_name) else {
            wrong.push(format!("{private_name} is missing or no private key"));
            continue;
        };
        if !keys.get(&public_name).is_some_and(|public| pair.is_of(public)) {
            wrong.push(format!("{public_name} is not the public half of {private_name}"));
        }
    }
    nothing(&wrong)
}

fn strength(subject: &Subject) -> Finding {
    let Some(keys) = &subject.keys else { return NOT_HERE };
    let bits = names().filter_map(|(name, _)| Some((private(keys, &name)?.bits(), name)));
    let weak =
        bits.filter(|(bits, _)| *bits < BITS_MIN).map(|(bits, name)| format!("{name} has {bits} bits"));
    nothing(&weak.collect::<Vec<_>>())
}

fn differ(subject: &Subject) -> Finding {
    let Some(keys) = &subject.keys else { return NOT_HERE };
    let mut seen: BTreeMap<Vec<u8>, String> = BTreeMap::new();
    let mut wrong = Vec::new();
    for name in names().flat_map(|(private, public)| [private, public]) {
        let Some(key) = keys.get(&name).and_then(|pem| der(pem)) else { continue };
        if let Some(other) = seen.insert(key, name.clone()) {
            wrong.push(format!("{other} and {name} are the same key"));
        }
    }
    nothing(&wrong)
}
