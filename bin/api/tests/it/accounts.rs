//! From registration to the first question.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    person::{LOGIN, ME, PASSWORD, Person, REGISTER, VERIFY, fresh_name, input, login, mailed_token},
    system::shared,
};

#[tokio::test]
async fn a_newcomer_verifies_the_address_signs_in_and_is_known() {
    let system = shared().await;
    let client = system.a.client();
    let username = fresh_name();
    let email = format!("{username}@people.test");

    let registered = client.ask(REGISTER, json!({"input": input(&username)})).await;
    let user = &registered["user"];
    assert_eq!(user["status"], "INACTIVE");
    assert_eq!(user["roles"], json!(["Owner"]));
    assert_eq!(user["tenant"]["name"], format!("Person {username}"), "named after the person");
    assert_eq!(registered["version"], 1);
    let code = user["referralCode"].as_str().unwrap();
    let digits = code.strip_prefix("REF-").unwrap();
    assert!(digits.len() == 6 && digits.chars().all(|c| "0123456789ABCDEF".contains(c)), "{code}");

    let early = client.refused(LOGIN, json!({"identifier": username, "password": PASSWORD})).await;
    assert_eq!(early.code, "UNAUTHENTICATED");
    assert_eq!(early.message, "Please verify your email address before logging in");

    let token = mailed_token(&client, &email).await;
    let mails = client.get(&format!("/dev/outbox?to={email}")).await.unwrap().json();
    assert_eq!(mails.as_array().unwrap().len(), 1, "one mail for one registration: {mails}");
    assert_eq!(mails[0]["links"][0], format!("http://web.test/verify-email?token={token}"));
    let verified = client.ask(VERIFY, json!({"token": token})).await;
    assert_eq!((&verified["verified"], &verified["version"]), (&json!(true), &json!(2)));

    for identifier in [username.clone(), username.to_uppercase(), email.clone(), email.to_uppercase()] {
        let tokens = login(&system.b.client(), &identifier, PASSWORD).await;
        assert_eq!(tokens["requiresTwoFactor"], false);
        assert_eq!(tokens["expiresIn"], 900);
        let me = system.b.client().bearer(tokens["accessToken"].as_str().unwrap());
        let me = me.after(&verified["cursor"]).ask(ME, json!({})).await;
        let mut expected = user.clone();
        expected["status"] = "ACTIVE".into();
        assert_eq!(me, expected, "{identifier}");
    }
}

#[tokio::test]
async fn an_unknown_person_and_a_wrong_password_look_alike() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = system.a.client();
    let mut seen = Vec::new();
    for (identifier, password) in [
        (person.username.as_str(), "Wrong7Horse"),
        (person.email.as_str(), "Wrong7Horse"),
        ("nobody_at_all", PASSWORD),
        ("nobody@people.test", PASSWORD),
        ("", ""),
    ] {
        let answer =
            client.graphql(LOGIN, json!({"identifier": identifier, "password": password})).await.unwrap();
        let refused = answer.refused(identifier);
        assert_eq!(
            (refused.code.as_str(), refused.message.as_str()),
            ("UNAUTHENTICATED", "Invalid credentials")
        );
        seen.push((answer.status, refused));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
}

#[tokio::test]
async fn a_verification_token_works_once_and_garbage_never() {
    let system = shared().await;
    let client = system.a.client();
    let username = fresh_name();
    client.ask(REGISTER, json!({"input": input(&username)})).await;
    let token = mailed_token(&client, &format!("{username}@people.test")).await;

    let uses = join_all((0..8).map(|n| {
        let client = if n % 2 == 0 { system.a.client() } else { system.b.client() };
        let token = token.clone();
        async move { client.graphql(VERIFY, json!({"token": token})).await.unwrap() }
    }))
    .await;
    let good = uses.iter().filter(|answer| answer.json().get("errors").is_none()).count();
    assert_eq!(good, 1, "of uses at the same time one succeeds");
    for answer in uses.iter().filter(|answer| answer.json().get("errors").is_some()) {
        assert_eq!(answer.refused("used").what(), ("VALIDATION_FAILED", "token"));
    }
    for garbage in [token.as_str(), "garbage", "", "' OR 1=1 --"] {
        let refused = client.refused(VERIFY, json!({"token": garbage})).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", "token"), "{garbage}");
    }
}

#[tokio::test]
async fn a_username_and_an_address_belong_to_one_person_in_any_case() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = system.b.client();
    let mut again = input(&fresh_name());
    again["username"] = person.username.to_uppercase().into();
    assert_eq!(
        client.refused(REGISTER, json!({"input": again})).await.what(),
        ("ALREADY_EXISTS", "username")
    );
    let mut again = input(&fresh_name());
    again["email"] = person.email.to_uppercase().into();
    assert_eq!(client.refused(REGISTER, json!({"input": again})).await.what(), ("ALREADY_EXISTS", "email"));
}

#[tokio::test]
async fn of_many_who_want_one_username_at_once_one_gets_it() {
    let system = shared().await;
    let username = fresh_name();
    let answers = join_all((0..32).map(|n| {
        let client = if n % 2 == 0 { system.a.client() } else { system.b.client() };
        let mut input = input(&username);
        input["email"] = format!("{username}.{n}@people.test").into();
        async move { client.graphql(REGISTER, json!({"input": input})).await.unwrap() }
    }))
    .await;
    let won = answers.iter().filter(|answer| answer.json().get("errors").is_none()).count();
    assert_eq!(won, 1);
    for answer in answers.iter().filter(|answer| answer.json().get("errors").is_some()) {
        assert_eq!(answer.refused("taken").what(), ("ALREADY_EXISTS", "username"));
    }
}

#[tokio::test]
async fn of_many_who_want_one_address_at_once_one_gets_it() {
    let system = shared().await;
    let username = fresh_name();
    let answers = join_all((0..32).map(|n| {
        let client = if n % 2 == 0 { system.a.client() } else { system.b.client() };
        let mut input = input(&username);
        input["username"] = format!("{username}_{n}").into();
        async move { client.graphql(REGISTER, json!({"input": input})).await.unwrap() }
    }))
    .await;
    let won = answers.iter().filter(|answer| answer.json().get("errors").is_none()).count();
    assert_eq!(won, 1);
    for answer in answers.iter().filter(|answer| answer.json().get("errors").is_some()) {
        assert_eq!(answer.refused("taken").what(), ("ALREADY_EXISTS", "email"));
    }
}

#[tokio::test]
async fn each_bad_field_of_a_registration_is_named() {
    let system = shared().await;
    let client = system.a.client();
    let long = |n: usize| Value::from("x".repeat(n));
    let bad: [(&str, Value); 20] = [
        ("fullname", "".into()),
        ("fullname", "   ".into()),
        ("fullname", long(101)),
        ("fullname", "Ada\r\nBcc: all@people.test".into()),
        ("username", "".into()),
        ("username", "with space".into()),
        ("username", "umläut".into()),
        ("username", "da-sh".into()),
        ("username", long(41)),
        ("email", "".into()),
        ("email", "nobody".into()),
        ("email", "a@b".into()),
        ("email", "two@at@signs.test".into()),
        ("email", format!("{}@people.test", "x".repeat(65)).into()),
        ("password", "Short7x".into()),
        ("password", "no7uppercase".into()),
        ("password", "NoDigitAtAll".into()),
        ("password", "Password123!".into()),
        ("password", format!("A7{}", "x".repeat(127)).into()),
        ("tenantName", "  ".into()),
    ];
    let username = fresh_name();
    for (field, value) in bad {
        let mut input = input(&username);
        input[field] = value.clone();
        let refused = client.refused(REGISTER, json!({"input": input})).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", field), "{field} = {value}");
        let secret = value.as_str().filter(|text| field == "password" && !text.is_empty());
        assert!(secret.is_none_or(|secret| !refused.message.contains(secret)), "{refused:?}");
    }
    // Nothing of it stayed behind.
    client.ask(REGISTER, json!({"input": input(&username)})).await;
}
