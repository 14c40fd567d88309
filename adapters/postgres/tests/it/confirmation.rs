//! For how long a password that was shown allows what is sensitive.

use std::time::Duration;

use application::{
    App, CONFIRMATION_AGE_MAX, Caller, Failure, Terms,
    ports::Clock,
    user::{ConfirmPassword, Entry, GenerateTwoFactor, Refresh, SessionTokens},
};
use domain::user::UserError;
use testkit::{TestDatabase, given::nobody};

use crate::{
    accounts::{PASSWORD, login, verified},
    rig::Node,
};

const SECOND: Duration = Duration::from_secs(1);

async fn sign_in(app: &App) -> SessionTokens {
    match app.send(&nobody(), login("alice"), Terms::default()).await {
        Ok(Entry::Open(tokens)) => tokens,
        Ok(Entry::Challenged { .. }) => panic!("no second factor is bound"),
        Err(failure) => panic!("{failure:?}"),
    }
}

fn bearer(app: &App, token: &str) -> Caller {
    app.tokens.verify(token, app.clock.now()).unwrap()
}

async fn generate(app: &App, caller: &Caller) -> Result<(), Failure<UserError>> {
    app.send(caller, GenerateTwoFactor, Terms::default()).await.map(drop)
}

fn asks_again(outcome: &Result<(), Failure<UserError>>) {
    assert!(matches!(outcome, Err(Failure::NotConfirmed)), "{outcome:?}");
}

#[tokio::test]
async fn what_is_sensitive_is_allowed_for_15_minutes_after_the_password_was_shown() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let age = CONFIRMATION_AGE_MAX.to_std().unwrap();
    assert_eq!(age, Duration::from_mins(15));
    verified(&node, "alice").await;
    let app = node.app();
    let tokens = sign_in(&app).await;
    let caller = bearer(&app, &tokens.access);
    node.clock.advance(age.saturating_sub(SECOND));
    generate(&app, &caller).await.unwrap();
    let refreshed = app.send(&nobody(), Refresh { token: tokens.refresh }, Terms::default()).await;
    let refreshed = bearer(&app, &refreshed.map_err(|failure| format!("{failure:?}")).unwrap().access);
    generate(&app, &refreshed).await.unwrap();

    node.clock.advance(SECOND);
    asks_again(&generate(&app, &caller).await);
    asks_again(&generate(&app, &refreshed).await);
    let wrong = ConfirmPassword { password: "Wr0ngPassword".to_owned(), code: None };
    let wrong = app.send(&refreshed, wrong, Terms::default()).await;
    assert!(matches!(wrong, Err(Failure::Rejected(UserError::PasswordWrong))), "{wrong:?}");
    asks_again(&generate(&app, &refreshed).await);

    let right = ConfirmPassword { password: PASSWORD.to_owned(), code: None };
    let confirmed = app.send(&refreshed, right, Terms::default()).await.unwrap();
    assert_eq!(confirmed.until(), node.clock.now() + CONFIRMATION_AGE_MAX);
    let confirmed = bearer(&app, &confirmed.access);
    node.clock.advance(age.saturating_sub(SECOND));
    generate(&app, &confirmed).await.unwrap();
    asks_again(&generate(&app, &refreshed).await);
    node.clock.advance(SECOND);
    asks_again(&generate(&app, &confirmed).await);
}
