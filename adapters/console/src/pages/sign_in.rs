//! Signing in, with the second factor where one is bound, and out.

use askama::Template;
use poem::{Endpoint, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shown;
use crate::{
    ask::{NotAnswered, Visit},
    view::{self, Frame, Said},
};

const LOGIN: &str = "mutation ConsoleLogin($email: String!, $password: String!) { \
    entry: portalLogin(input: {email: $email, password: $password}) { accessToken expiresIn twoFactorToken } }";
const VERIFY: &str = "mutation ConsoleSecondStep($token: String!, $code: String!) { \
    entry: verifyTwoFactor(input: {twoFactorToken: $token, code: $code}) { accessToken expiresIn twoFactorToken } }";
const LOGOUT: &str = "mutation ConsoleLogout { logout { signedOut } }";

#[derive(Deserialize)]
struct Entered {
    entry: Entry,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    access_token: Option<String>,
    expires_in: Option<i64>,
    two_factor_token: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    frame: Frame,
    email: &'a str,
}

#[derive(Template)]
#[template(path = "second_step.html")]
struct SecondStepPage {
    frame: Frame,
}

/// The page with the form.
pub(super) fn ask(said: Option<Said>, email: &str) -> Response {
    view::page(&SignInPage { frame: Frame::outside("Sign in").saying(said), email })
}

/// The page for the second step.
pub(super) fn ask_code(said: Option<Said>) -> Response {
    view::page(&SecondStepPage { frame: Frame::outside("Second step").saying(said) })
}

/// The password was sent.
pub(super) async fn password<G: Endpoint>(mut visit: Visit<'_, G>) -> Shown {
    let form = visit.form().await;
    let email = form.get("email").unwrap_or_default().to_owned();
    let variables = json!({ "email": email, "password": form.raw("password") });
    let (set, secret) = (visit.cookies.clone(), visit.without_session());
    match secret.run::<Entered>(LOGIN, variables).await {
        Ok(Entered { entry }) => Ok(match (entry.access_token, entry.two_factor_token) {
            (Some(token), _) => view::go("/console", set.sign_in(&token, entry.expires_in.unwrap_or(0))),
            (None, Some(token)) => view::go("/console/second-step", set.challenge(&token)),
            (None, None) => ask(Some(Said::bad("Please try again.")), &email),
        }),
        Err(NotAnswered::Refused { message, .. }) => Ok(ask(Some(Said::bad(message)), &email)),
        Err(other) => Err(other),
    }
}

/// A code was sent.
pub(super) async fn code<G: Endpoint>(mut visit: Visit<'_, G>) -> Shown {
    let form = visit.form().await;
    let Some(token) = visit.cookies.second_step.clone() else {
        return Ok(ask(Some(Said::bad("The second step took too long. Please start again.")), ""));
    };
    let variables = json!({ "token": token, "code": form.get("code").unwrap_or_default() });
    let (set, secret) = (visit.cookies.clone(), visit.without_session());
    match secret.run::<Entered>(VERIFY, variables).await {
        Ok(Entered { entry: Entry { access_token: Some(token), expires_in, .. } }) => {
            Ok(view::go("/console", set.sign_in(&token, expires_in.unwrap_or(0))))
        }
        Ok(_) => Ok(ask_code(Some(Said::bad("Please try again.")))),
        Err(NotAnswered::Refused { message, .. }) => Ok(ask_code(Some(Said::bad(message)))),
        Err(other) => Err(other),
    }
}

/// Ends the session; whoever had none is signed out as well.
pub(super) async fn out<G: Endpoint>(visit: Visit<'_, G>) -> Shown {
    let cookies = visit.cookies.sign_out();
    match visit.ask::<Value>(LOGOUT, Value::Null).await {
        Ok(_) | Err(NotAnswered::SignIn) => Ok(view::go("/console/sign-in", cookies)),
        Err(other) => Err(other),
    }
}
