//! One's own password: whoever made the operator chose the first one.

use askama::Template;
use poem::Endpoint;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shown;
use crate::{
    ask::{NotAnswered, Visit},
    view::{self, Frame, Operator, Said},
};

const TITLE: &str = "Your password";
const DOCUMENT: &str = "query ConsolePassword { me { fullname email role } }";
const CHANGE: &str = "mutation ConsoleChangePassword($current: String!, $new: String!) { \
    changePassword(input: {currentPassword: $current, newPassword: $new}) { cursor } }";

#[derive(Deserialize)]
struct Found {
    me: Operator,
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    frame: Frame,
}

/// The page with the form.
pub(super) async fn show<G: Endpoint>(visit: Visit<'_, G>) -> Shown {
    let found: Found = visit.ask(DOCUMENT, Value::Null).await?;
    Ok(view::page(&PasswordPage { frame: Frame::new(TITLE, "", found.me) }))
}

/// Both passwords were sent. All sessions end with the old one, this one too.
pub(super) async fn change<G: Endpoint>(mut visit: Visit<'_, G>) -> Shown {
    let form = visit.form().await;
    let again = |said: String| {
        Ok(view::page(&PasswordPage { frame: Frame::outside(TITLE).saying(Some(Said::bad(said))) }))
    };
    // Nobody could mend a slip: operators cannot reset a password.
    if form.raw("new") != form.raw("repeated") {
        return again("The new passwords differ.".to_owned());
    }
    let variables = json!({ "current": form.raw("current"), "new": form.raw("new") });
    let cookies = visit.cookies.sign_out();
    match visit.ask::<Value>(CHANGE, variables).await {
        Ok(_) => Ok(view::go("/console/sign-in", cookies)),
        Err(NotAnswered::Refused { message, .. }) => again(message),
        Err(other) => Err(other),
    }
}
