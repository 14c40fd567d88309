//! What a browser remembers for the console: the operator's token, out of reach of any script.

use http::{HeaderValue, header::COOKIE};
use poem::Request;

/// The portal's token.
const SESSION: &str = "console_session";
/// Between the password and the second factor: what the second step is shown with.
const SECOND_STEP: &str = "console_second_step";
/// What a browser takes over HTTPS only, and sends nowhere else, may be called.
const HTTPS_ONLY: &str = "__Secure-";
/// As long as the second step may take.
const SECOND_STEP_SECONDS: i64 = 5 * 60;

/// The cookies of a request.
#[derive(Clone)]
pub(crate) struct Cookies {
    pub(crate) session: Option<String>,
    pub(crate) second_step: Option<String>,
    secure: bool,
}

impl Cookies {
    /// Those that came with `request`.
    pub(crate) fn of(request: &Request, secure: bool) -> Self {
        let lines: Vec<&str> =
            request.headers().get_all(COOKIE).iter().filter_map(|line| line.to_str().ok()).collect();
        let prefix = prefix(secure);
        let find = |name: &str| {
            let mut pairs = lines.iter().flat_map(|line| line.split(';')).filter_map(|it| it.split_once('='));
            let (_, value) = pairs.find(|(key, _)| key.trim().strip_prefix(prefix) == Some(name))?;
            Some(value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        Self { session: find(SESSION), second_step: find(SECOND_STEP), secure }
    }

    /// Keeps the token as long as it works.
    pub(crate) fn sign_in(&self, token: &str, seconds: i64) -> [HeaderValue; 2] {
        [self.set(SESSION, token, seconds), self.set(SECOND_STEP, "", 0)]
    }

    /// Keeps what the second step is shown with.
    pub(crate) fn challenge(&self, token: &str) -> [HeaderValue; 2] {
        [self.set(SECOND_STEP, token, SECOND_STEP_SECONDS), self.set(SESSION, "", 0)]
    }

    /// Forgets everything.
    pub(crate) fn sign_out(&self) -> [HeaderValue; 2] {
        [self.set(SESSION, "", 0), self.set(SECOND_STEP, "", 0)]
    }

    fn set(&self, name: &str, value: &str, seconds: i64) -> HeaderValue {
        let (prefix, secure) = (prefix(self.secure), if self.secure { "; Secure" } else { "" });
        let rest = format!("Path=/console; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
        let text = format!("{prefix}{name}={value}; {rest}");
        // Tokens are base64url and dots.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
    }
}

fn prefix(secure: bool) -> &'static str {
    if secure { HTTPS_ONLY } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(line: &'static str) -> Cookies {
        Cookies::of(&Request::builder().header(COOKIE, line).finish(), true)
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let found = cookies("a=1; __Secure-console_session=token; x__Secure-console_second_step=no");
        assert_eq!((found.session.as_deref(), found.second_step), (Some("token"), None));
        assert_eq!(cookies("__Secure-console_session=").session, None);
        assert_eq!(cookies("console_session=token").session, None, "from a page without HTTPS");
    }

    #[test]
    fn cookies_are_out_of_reach_of_scripts_and_of_other_sites() {
        for line in cookies("").sign_in("a.b.c", 10) {
            let line = line.to_str().expect("text");
            assert!(line.starts_with("__Secure-console_"), "{line}");
            for flag in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/console"] {
                assert!(line.contains(flag), "{line}");
            }
        }
    }
}
