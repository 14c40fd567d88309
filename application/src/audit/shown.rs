//! What of stored values somebody may see: secrets never, personal data by role and while it is there.

use std::collections::HashMap;

use domain::{Sealed, Shown, operator::OperatorRole, shown};
use serde_json::Value;
use uuid::Uuid;

use crate::{App, Caller, ports::VaultError};

/// Stands for personal data that the caller may not see.
pub const PERSONAL: &str = "[personal]";
/// Stands for personal data that nobody can see any more.
pub const ERASED: &str = "[erased]";
/// Stands for what nobody ever sees: hashes, keyed hashes, sealed secrets.
pub const SECRET: &str = "[secret]";
/// Stands for personal data that does not open with its key: somebody has changed it.
pub const UNREADABLE: &str = "[unreadable]";
/// Who sees personal data.
const OPENED_FOR: OperatorRole = OperatorRole::Operations;

/// A sealed value and the name it was sealed under.
type Locked = (&'static str, String);

impl App {
    /// A stored value as the caller may see it. What is personal in it is sealed with the key of
    /// `subject`.
    pub(crate) async fn shown(
        &self,
        caller: &Caller,
        subject: Option<Uuid>,
        value: &Value,
    ) -> Result<Value, VaultError> {
        let mut sealed: HashMap<Locked, String> = HashMap::new();
        visit(value, "", &mut |field, text| {
            sealed.insert((field, text.to_owned()), ERASED.to_owned());
        });
        if let Some(subject) = subject {
            let sees = caller.is_system() || caller.operator_role() >= Some(OPENED_FOR);
            for ((field, text), shown) in &mut sealed {
                // Also for those who do not see it: what is gone is gone for everybody.
                *shown = match self.vault.open(subject, field, &Sealed::new(text.clone())).await {
                    Ok(Some(clear)) if sees => clear,
                    Ok(Some(_)) => PERSONAL.to_owned(),
                    Ok(None) => ERASED.to_owned(),
                    Err(VaultError::Broken(_)) => UNREADABLE.to_owned(),
                    Err(error @ VaultError::Unavailable(_)) => return Err(error),
                };
            }
        }
        Ok(mask(value, "", &sealed))
    }
}

/// The name that a value is judged by: keys that are ids, and names of variants, are no names.
fn name<'a>(key: &'a str, outer: &'a str) -> &'a str {
    let variant = key.starts_with(|first: char| first.is_ascii_uppercase());
    if variant || key.parse::<Uuid>().is_ok() { outer } else { key }
}

/// Meets every sealed text.
fn visit(value: &Value, field: &str, meet: &mut impl FnMut(&'static str, &str)) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| visit(value, name(key, field), meet)),
        Value::Array(values) => values.iter().for_each(|value| visit(value, field, meet)),
        Value::String(text) => {
            if let Shown::Personally(sealed_as) = shown(field) {
                meet(sealed_as, text);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn mask(value: &Value, field: &str, opened: &HashMap<Locked, String>) -> Value {
    match value {
        Value::Object(fields) => {
            let masked =
                |(key, value): (&String, &Value)| (key.clone(), mask(value, name(key, field), opened));
            Value::Object(fields.iter().map(masked).collect())
        }
        // How many there are of a secret is part of it.
        Value::Array(values) if shown(field) != Shown::Never || values.iter().any(Value::is_object) => {
            values.iter().map(|value| mask(value, field, opened)).collect()
        }
        Value::Null | Value::Bool(_) => value.clone(),
        Value::Array(_) | Value::Number(_) | Value::String(_) => match (shown(field), value) {
            (Shown::Plainly, _) => value.clone(),
            (Shown::Personally(sealed_as), Value::String(text)) => {
                let known = opened.get(&(sealed_as, text.clone()));
                known.map_or_else(|| ERASED.into(), |clear| clear.clone().into())
            }
            (Shown::Personally(_) | Shown::Never, _) => SECRET.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use serde_json::json;

    use super::*;

    #[test]
    fn of_no_stored_event_anything_secret_is_shown() {
        let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../domain/tests/golden");
        let mut seen = 0;
        for file in fs::read_dir(golden).unwrap() {
            let stored: Value =
                serde_json::from_str(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
            let masked = mask(&stored, "", &HashMap::new()).to_string();
            // So the golden files call their samples.
            for secret in ["sealed-", "-hash\"", "-index\"", "recovery-"] {
                assert!(!masked.contains(secret), "{masked}");
            }
            seen += 1;
        }
        assert!(seen > 20, "the golden files are read");
    }

    #[test]
    fn what_nobody_has_thought_about_is_a_secret() {
        let value =
            json!({"something_new": "x", "list": ["y"], "deep": {"newer": 1, "text": "milk"}, "gone": null});
        let masked = json!({"something_new": SECRET, "list": SECRET, "deep": {"newer": SECRET, "text": "milk"}, "gone": null});
        assert_eq!(mask(&value, "", &HashMap::new()), masked);
    }

    #[test]
    fn variants_and_ids_are_looked_through() {
        let value = json!({"standing": {"Inactive": {"verification": "hash", "expires_at": "t"}},
            "roles": {"00000000-0000-0000-0000-000000000001": "Owner"}});
        let masked = json!({"standing": {"Inactive": {"verification": SECRET, "expires_at": "t"}},
            "roles": {"00000000-0000-0000-0000-000000000001": "Owner"}});
        assert_eq!(mask(&value, "", &HashMap::new()), masked);
    }
}
