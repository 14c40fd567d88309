//! An operator chooses another password in the console. Refused cases first.

use super::{at, content, sign_in};
use crate::{browser::Browser, operators::colleague, portal::PASSWORD, system::shared};

const NEW: &str = "Another7Secret";

async fn change(browser: &Browser, current: &str, new: &str, repeated: &str) {
    for (name, value) in [("current", current), ("new", new), ("repeated", repeated)] {
        browser.fill(&format!("input[name={name}]"), value).await;
    }
    browser.click("main button").await;
}

#[tokio::test]
async fn an_operator_chooses_another_password_and_signs_in_with_it() {
    let system = shared().await;
    let (_, email, _) = colleague(&system, "SUPPORT").await;
    let browser = at(&system, "/password").await;
    browser.shows("h1", "Sign in").await;
    sign_in(&browser, &email, PASSWORD).await;
    browser.shows("h1", "Overview").await;
    browser.click(".who a").await;
    browser.shows("h1", "Your password").await;
    change(&browser, PASSWORD, NEW, "Another7Secre").await;
    browser.shows(".said", "The new passwords differ").await;
    change(&browser, "Wrong7Secret", NEW, NEW).await;
    browser.shows(".said", "currentPassword is wrong").await;

    change(&browser, PASSWORD, NEW, NEW).await;

    browser.shows("h1", "Sign in").await;
    sign_in(&browser, &email, PASSWORD).await;
    browser.shows(".said", "Invalid credentials").await;
    sign_in(&browser, &email, NEW).await;
    browser.shows("h1", "Overview").await;
    content(&browser).await;
}
