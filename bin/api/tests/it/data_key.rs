//! Another `DATA_KEY`, while people work, with a kill in between.

use serde_json::json;

use crate::{
    database::Database,
    person::{ME, Person, REFRESH},
    process::{self, Process},
    service::{Service, Settings},
    wait::until,
};

const OTHER: &str = "b3RoZXItdGVzdC1rZXktb2YtMzItYnl0ZXMtbG9uZyE=";
/// Keys beside those of real people: enough that re-wrapping can be interrupted.
const KEYS: i64 = 60_000;

#[tokio::test]
async fn keys_move_under_another_data_key_through_a_kill_while_people_work() {
    let database = Database::migrated().await;
    let before = Settings::user(&database);
    let old = before.get("DATA_KEY").to_owned();
    let person = {
        let api = Service::ready("api", &before).await;
        Person::new(&api).await
    };
    // From before there was a DATA_KEY: stored plain, and wrapped like all others from now on.
    let keys = "INSERT INTO subject_keys (subject_id, wrapped_key) SELECT gen_random_uuid(), \
                '\\x00'::bytea || sha256(n::text::bytea) FROM generate_series(1, $1::bigint) n";
    database.open().await.execute(keys, &[&KEYS]).await.unwrap();
    let moving = |settings: Settings| settings.with("DATA_KEY", OTHER).with("DATA_KEY_PREVIOUS", &old);
    let api = Service::ready("api", &moving(Settings::user(&database))).await;
    let plain = "SELECT count(*) FROM subject_keys WHERE get_byte(wrapped_key, 0) = 0";
    assert_eq!(database.number(plain).await, KEYS);

    let rewrap = || moving(Settings::common(&database)).command("worker", &["keys", "rewrap"]);
    let mut doomed = Process::start(rewrap());
    until("some are moved", async || database.number(plain).await < KEYS).await;
    doomed.kill();

    let left = database.number(plain).await;
    assert!(left > 0 && left < KEYS, "it was killed in the middle: {left} are left");
    assert_eq!(person.at(&api).ask(ME, json!({})).await["username"], person.username);
    let newcomer = Person::new(&api).await;
    let done = process::run(rewrap()).await;
    assert!(done.status.success(), "{done:?}");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(said.contains(" 0 that none of the keys opens"), "{said}");
    assert_eq!(database.number(plain).await, 0);

    let after = Settings::user(&database).with("DATA_KEY", OTHER);
    let alone = Service::ready("api", &after).await;
    for person in [&person, &newcomer] {
        assert_eq!(person.at(&alone).ask(ME, json!({})).await["email"], person.email);
    }
    let refreshed = alone.client().ask(REFRESH, json!({"token": person.refresh})).await;
    assert!(refreshed["accessToken"].is_string(), "sessions go on");
    // With the old key alone nothing opens, and the command says so.
    let late = process::run(Settings::common(&database).command("worker", &["keys", "rewrap"])).await;
    assert_eq!(late.status.code(), Some(1), "{late:?}");
}
