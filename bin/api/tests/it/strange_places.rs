//! Sign-ins from networks that a person never came from.

use serde_json::{Value, json};

use crate::{
    client::Client,
    database::Database,
    person::{PASSWORD, Person, login, outbox},
    service::{Service, Settings},
    two_factor::{PASS, challenged, set_up},
    wait::until,
};

const SUBJECT: &str = "A new sign-in to your account";
const HOME: &str = "203.0.113.9";
const NEIGHBOUR: &str = "203.0.200.1";
const ELSEWHERE: &str = "198.51.100.7";

/// A node behind a proxy that we trust.
async fn behind_a_proxy() -> (Database, Service) {
    let database = Database::migrated().await;
    let api = Service::ready("api", &Settings::user(&database).with("TRUSTED_PROXIES", "1")).await;
    (database, api)
}

fn from(api: &Service, address: &str) -> Client {
    api.client().with("x-forwarded-for", address)
}

async fn told(client: &Client, person: &Person) -> Vec<Value> {
    let mails = outbox(client, &person.email).await;
    mails.as_array().unwrap().iter().filter(|mail| mail["subject"] == SUBJECT).cloned().collect()
}

#[tokio::test]
async fn a_sign_in_from_elsewhere_is_told_by_mail_and_one_from_home_is_not() {
    let (database, api) = behind_a_proxy().await;
    // The first sign-in comes without the header: from the address of this machine.
    let person = Person::new(&api).await;
    login(&from(&api, HOME), &person.username, PASSWORD).await;
    until("a mail", async || told(&api.client(), &person).await.len() == 1).await;
    for known in [HOME, NEIGHBOUR, HOME] {
        login(&from(&api, known), &person.username, PASSWORD).await;
    }

    login(&from(&api, ELSEWHERE), &person.email, PASSWORD).await;

    until("another mail", async || told(&api.client(), &person).await.len() == 2).await;
    let mails = told(&api.client(), &person).await;
    let text = mails[0]["text"].as_str().unwrap();
    assert!(text.contains("from a network that was not used for it before"), "{text}");
    assert!(!text.contains(ELSEWHERE), "{text}");
    // Where people come from is sealed, as all that is theirs.
    let clear =
        "SELECT count(*) FROM events WHERE payload::text LIKE '%203.0%' OR payload::text LIKE '%198.51%'";
    assert_eq!(database.number(clear).await, 0);
    let strange = "SELECT count(*) FROM events WHERE event_type = 'user.signed_in' AND payload ? 'strange'";
    assert_eq!(database.number(strange).await, 2);
}

#[tokio::test]
async fn the_second_factor_tells_of_elsewhere_too() {
    let (_database, api) = behind_a_proxy().await;
    let person = Person::new(&api).await;
    let (mut device, _) = set_up(&person.at(&api)).await;
    let stranger = from(&api, ELSEWHERE);
    let token = challenged(&stranger, &person.username).await;
    assert!(told(&stranger, &person).await.is_empty(), "a password alone opens nothing");
    stranger.ask(PASS, json!({"token": token, "code": device.code().await})).await;
    until("a mail", async || told(&stranger, &person).await.len() == 1).await;
}
