//! One JSON object a line: `text`, and optionally `done`, `priority`, `dueAt`, `tags`. Other
//! fields are passed over, so that an export of another program can be taken as it is.

use serde_json::{Map, Value};

use super::{
    date::{is_date, is_timestamp},
    entry::{NewTodo, Priority},
};

pub(super) fn parse(line: &str) -> Result<NewTodo, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| format!("is not valid JSON: {error}"))?;
    let Value::Object(object) = value else {
        return Err("is not a JSON object".to_owned());
    };
    Ok(NewTodo {
        text: text(&object)?,
        is_done: done(&object)?,
        priority: priority(&object)?,
        due_at: due_at(&object)?,
        tags: tags(&object)?,
    })
}

/// An absent field and `null` are the same.
fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

fn text(object: &Map<String, Value>) -> Result<String, String> {
    match field(object, "text") {
        Some(Value::String(text)) => Ok(text.trim().to_owned()),
        Some(_) => Err("`text` is not a string".to_owned()),
        None => Err("has no `text`".to_owned()),
    }
}

fn done(object: &Map<String, Value>) -> Result<bool, String> {
    match field(object, "done") {
        None => Ok(false),
        Some(Value::Bool(done)) => Ok(*done),
        Some(_) => Err("`done` is neither true nor false".to_owned()),
    }
}

fn priority(object: &Map<String, Value>) -> Result<Priority, String> {
    let Some(value) = field(object, "priority") else {
        return Ok(Priority::default());
    };
    let name = value.as_str().unwrap_or_default();
    let found = Priority::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(name));
    found.ok_or_else(|| format!("`priority` is {value}; it may be LOW, NORMAL, HIGH or URGENT"))
}

fn due_at(object: &Map<String, Value>) -> Result<Option<String>, String> {
    let Some(value) = field(object, "dueAt") else {
        return Ok(None);
    };
    let text = value.as_str().unwrap_or_default();
    if is_date(text) == Some(true) {
        return Ok(Some(format!("{text}T23:59:59Z")));
    }
    if is_timestamp(text) {
        return Ok(Some(text.to_owned()));
    }
    Err(format!("`dueAt` is {value}; write it as 2026-12-31T17:00:00Z or 2026-12-31"))
}

fn tags(object: &Map<String, Value>) -> Result<Vec<String>, String> {
    let Some(value) = field(object, "tags") else {
        return Ok(Vec::new());
    };
    let wrong = || "`tags` is not a list of names".to_owned();
    let mut tags: Vec<String> = Vec::new();
    for tag in value.as_array().ok_or_else(wrong)? {
        let name = tag.as_str().map(str::trim).filter(|name| !name.is_empty());
        let name = name.ok_or_else(wrong)?;
        if !tags.iter().any(|known| known == name) {
            tags.push(name.to_owned());
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said() {
        for (line, reason) in [
            ("{\"text\"", "is not valid JSON"),
            ("[1]", "is not a JSON object"),
            ("{}", "has no `text`"),
            (r#"{"text":7}"#, "`text` is not a string"),
            (r#"{"text":"a","done":"yes"}"#, "`done` is neither true nor false"),
            (r#"{"text":"a","priority":"HOT"}"#, "`priority` is \"HOT\""),
            (r#"{"text":"a","dueAt":"2026-02-30"}"#, "`dueAt` is \"2026-02-30\""),
            (r#"{"text":"a","tags":"home"}"#, "`tags` is not a list of names"),
            (r#"{"text":"a","tags":[" "]}"#, "`tags` is not a list of names"),
        ] {
            let found = parse(line).unwrap_err();
            assert!(found.starts_with(reason), "{line}: {found}");
        }
    }

    #[test]
    fn a_whole_object_is_read() {
        let line = r#"{"text":" Pay ","done":true,"priority":"high",
            "dueAt":"2026-12-31T10:00:00+01:00","tags":["home","home"],"id":"other"}"#;
        let expected = NewTodo {
            text: "Pay".to_owned(),
            is_done: true,
            priority: Priority::High,
            due_at: Some("2026-12-31T10:00:00+01:00".to_owned()),
            tags: vec!["home".to_owned()],
        };
        assert_eq!(parse(line), Ok(expected));
    }

    #[test]
    fn null_is_as_good_as_absent() {
        let line = r#"{"text":"a","done":null,"priority":null,"dueAt":null,"tags":null}"#;
        assert_eq!(parse(line), Ok(NewTodo { text: "a".to_owned(), ..NewTodo::default() }));
    }
}
