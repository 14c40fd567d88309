//! Versions as entity tags: `"3"`.

use application::{Code, Failure, Refusal};
use poem::http::StatusCode;

use crate::{Problem, asker::refused};

/// The tag of a version.
pub(crate) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The version that `If-Match` demands; `*` and no header demand none.
pub(crate) fn if_match(header: Option<&str>) -> Result<Option<i64>, Problem> {
    let Some(header) = header.map(str::trim) else { return Ok(None) };
    if header == "*" {
        return Ok(None);
    }
    match tagged(header) {
        Some(version) => Ok(Some(version)),
        None => Err(Problem::invalid("If-Match must be one ETag as answers have it").of_field("If-Match")),
    }
}

/// Whether `If-None-Match` names this version already.
pub(crate) fn known(header: Option<&str>, version: i64) -> bool {
    let same = |tag: &str| {
        let tag = tag.trim();
        tag == "*" || tagged(tag.strip_prefix("W/").unwrap_or(tag)) == Some(version)
    };
    header.is_some_and(|header| header.split(',').any(same))
}

fn tagged(tag: &str) -> Option<i64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok().filter(|version| *version > 0)
}

/// The problem of a command whose client demanded a version, or none: HTTP has a status of its own
/// for a condition that did not hold.
pub(crate) fn unmet<R: Refusal>(failure: Failure<R>, demanded: Option<i64>) -> Problem {
    let conflict = matches!(failure, Failure::Conflict { .. });
    let problem = refused(failure);
    if !conflict || demanded.is_none() {
        return problem;
    }
    let status = StatusCode::PRECONDITION_FAILED;
    let changed = Problem::with_status(status, Code::Conflict, problem.detail);
    Problem { current_version: problem.current_version, request_id: problem.request_id, ..changed }
}

#[cfg(test)]
mod tests {
    use application::Never;

    use super::*;

    #[test]
    fn a_condition_is_one_strong_tag_or_none() {
        assert_eq!(if_match(None), Ok(None));
        assert_eq!(if_match(Some("*")), Ok(None));
        assert_eq!(if_match(Some(" \"17\" ")), Ok(Some(17)));
        for wrong in ["17", "\"\"", "W/\"17\"", "\"1\", \"2\"", "\"0\"", "\"-1\"", "\"x\"", ""] {
            assert_eq!(if_match(Some(wrong)).map_err(|problem| problem.status), Err(400), "{wrong}");
        }
    }

    #[test]
    fn what_a_client_has_already_is_known_by_any_of_its_tags() {
        assert!(known(Some("\"3\""), 3) && known(Some("\"1\", W/\"3\""), 3) && known(Some("*"), 3));
        assert!(!known(Some("\"2\""), 3) && !known(None, 3) && !known(Some("3"), 3));
    }

    #[test]
    fn a_conflict_is_a_failed_condition_only_for_who_made_one() {
        let conflict = || Failure::<Never>::Conflict { current_version: 7 };
        let (demanded, not) = (unmet(conflict(), Some(3)), unmet(conflict(), None));
        assert_eq!((demanded.status, demanded.current_version), (412, Some(7)));
        assert_eq!((not.status, not.current_version), (409, Some(7)));
        assert_eq!((demanded.code.as_str(), not.code.as_str()), ("CONFLICT", "CONFLICT"));
    }
}
