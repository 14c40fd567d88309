//! What is different between two states.

use serde_json::Value;

/// One thing that is different.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Where: a JSON pointer, as `/two_factor/wrong`.
    pub path: String,
    /// What it is in the first state; null where there is nothing.
    pub before: Value,
    /// What it is in the second.
    pub after: Value,
}

/// A state as it is, and as it may be shown.
pub(super) struct Pair<'a> {
    pub(super) stored: &'a Value,
    pub(super) shown: &'a Value,
}

/// What is different, told in values that may be shown: two secrets that differ are told as one
/// that changed.
pub(super) fn differences(before: &Pair<'_>, after: &Pair<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", before, after, &mut found);
    found
}

fn compare(path: &str, before: &Pair<'_>, after: &Pair<'_>, found: &mut Vec<Difference>) {
    if before.stored == after.stored {
        return;
    }
    // What is hidden as a whole is compared as a whole.
    let shown = before.shown.as_object().zip(after.shown.as_object());
    let stored = before.stored.as_object().zip(after.stored.as_object());
    let Some(((left, right), (left_stored, right_stored))) = shown.zip(stored) else {
        let (before, after) = (before.shown.clone(), after.shown.clone());
        return found.push(Difference { path: path.to_owned(), before, after });
    };
    let mut keys: Vec<&String> =
        left.keys().chain(right.keys().filter(|key| !left.contains_key(*key))).collect();
    keys.sort_unstable();
    for key in keys {
        let escaped = key.replace('~', "~0").replace('/', "~1");
        let of = |stored: Option<&'_ Value>| stored.cloned().unwrap_or(Value::Null);
        let (left_stored, right_stored) = (of(left_stored.get(key)), of(right_stored.get(key)));
        let (left, right) = (of(left.get(key)), of(right.get(key)));
        let before = Pair { stored: &left_stored, shown: &left };
        let after = Pair { stored: &right_stored, shown: &right };
        compare(&format!("{path}/{escaped}"), &before, &after, found);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: &Value, after: &Value) -> Vec<(String, Value, Value)> {
        let pair = |value| Pair { stored: value, shown: value };
        let all = differences(&pair(before), &pair(after));
        all.into_iter().map(|it| (it.path, it.before, it.after)).collect()
    }

    #[test]
    fn equal_states_have_no_difference() {
        assert_eq!(told(&json!({"a": [1]}), &json!({"a": [1]})), []);
    }

    #[test]
    fn differences_are_told_by_path_and_what_is_missing_is_null() {
        let (before, after) =
            (json!({"a": 1, "b": {"c/d": 2, "e": 3}}), json!({"b": {"c/d": 4, "e": 3}, "f": [5]}));
        let expected = [
            ("/a".to_owned(), json!(1), json!(null)),
            ("/b/c~1d".to_owned(), json!(2), json!(4)),
            ("/f".to_owned(), json!(null), json!([5])),
        ];
        assert_eq!(told(&before, &after), expected);
        assert_eq!(told(&Value::Null, &after), [(String::new(), Value::Null, after.clone())]);
    }

    #[test]
    fn two_hidden_values_that_differ_are_told_as_hidden() {
        let (old, new, shown) =
            (json!({"email": "x"}), json!({"email": "y"}), json!({"email": "[personal]"}));
        let all = differences(&Pair { stored: &old, shown: &shown }, &Pair { stored: &new, shown: &shown });
        let hidden = Value::from("[personal]");
        assert_eq!(all, [Difference { path: "/email".to_owned(), before: hidden.clone(), after: hidden }]);
    }
}
