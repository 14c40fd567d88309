//! The second factor of people: set up, asked for, guessed at, removed.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    client::Client,
    database::Database,
    device::Device,
    operators::colleague,
    person::{LOGIN, ME, PASSWORD, Person, REFRESH, login},
    portal::operator,
    service::{Service, Settings},
    system::shared,
};

pub(crate) const GENERATE: &str = "mutation($key: String) { generateTwoFactor(idempotencyKey: $key) { \
    secret otpauthUrl qrCode version cursor } }";
pub(crate) const BIND: &str = "mutation($code: String!, $key: String) { bindTwoFactor(code: $code, idempotencyKey: $key) { \
    recoveryCodes user { id } version cursor } }";
pub(crate) const UNBIND: &str =
    "mutation($code: String!) { unbindTwoFactor(code: $code) { user { id } version cursor } }";
pub(crate) const PASS: &str = "mutation($token: String!, $code: String!) { \
    verifyTwoFactor(input: {twoFactorToken: $token, code: $code}) { \
    accessToken refreshToken expiresIn requiresTwoFactor twoFactorToken } }";

/// Sets the second factor up; the device, and the recovery codes.
pub(crate) async fn set_up(client: &Client) -> (Device, Vec<String>) {
    let given = client.ask(GENERATE, json!({})).await;
    let mut device = Device::scan(given["otpauthUrl"].as_str().unwrap());
    let bound = client.ask(BIND, json!({"code": device.code().await})).await;
    let codes = bound["recoveryCodes"].as_array().unwrap();
    (device, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

/// The right password: the token for the second factor.
pub(crate) async fn challenged(client: &Client, username: &str) -> String {
    let entry = login(client, username, PASSWORD).await;
    assert_eq!(entry["requiresTwoFactor"], true);
    assert_eq!(entry["accessToken"], Value::Null, "a password alone opens nothing");
    assert_eq!((&entry["refreshToken"], &entry["expiresIn"]), (&Value::Null, &Value::Null));
    entry["twoFactorToken"].as_str().unwrap().to_owned()
}

fn with(token: &str, code: &str) -> Value {
    json!({"token": token, "code": code})
}

#[tokio::test]
async fn a_second_factor_is_set_up_asked_for_and_removed() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    assert_eq!(client.refused(BIND, json!({"code": "123456"})).await.what(), ("VALIDATION_FAILED", "code"));
    let absent = client.refused(UNBIND, json!({"code": "123456"})).await;
    assert_eq!(absent.message, "two-factor authentication is not set up");

    let given = client.ask(GENERATE, json!({"key": "first"})).await;
    assert!(given["qrCode"].as_str().unwrap().starts_with("data:image/png;base64,iVBORw0KGgo"), "a PNG");
    let url = given["otpauthUrl"].as_str().unwrap();
    assert!(url.contains(&person.email.replace('@', "%40")), "{url}");
    assert!(url.contains(given["secret"].as_str().unwrap()), "{url}");
    assert_eq!(client.ask(GENERATE, json!({"key": "first"})).await, given, "a repeated key");
    let mut device = Device::scan(url);
    let refused = client.refused(BIND, json!({"code": device.wrong()})).await;
    assert_eq!(refused.what(), ("VALIDATION_FAILED", "code"));
    assert_eq!(
        login(&client, &person.username, PASSWORD).await["requiresTwoFactor"],
        false,
        "not before a code was shown"
    );

    let bound = person.at(&system.b).ask(BIND, json!({"code": device.code().await})).await;
    assert_eq!(bound["user"]["id"], person.id);
    let mut codes: Vec<&str> =
        bound["recoveryCodes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), 8);
    let again = client.refused(GENERATE, json!({})).await;
    assert_eq!(again.code, "ALREADY_EXISTS");
    assert_eq!(
        client.refused(GENERATE, json!({"key": "first"})).await.code,
        "ALREADY_EXISTS",
        "shown no more"
    );
    assert_eq!(client.refused(BIND, json!({"code": device.wrong()})).await.code, "ALREADY_EXISTS");

    let nobody = system.b.client();
    let token = challenged(&nobody, &person.username).await;
    let tokens = nobody.ask(PASS, with(&token, &device.code().await)).await;
    assert_eq!((&tokens["requiresTwoFactor"], &tokens["expiresIn"]), (&json!(false), &json!(900)));
    let me = nobody.bearer(tokens["accessToken"].as_str().unwrap()).ask(ME, json!({})).await;
    assert_eq!(me["id"], person.id);
    nobody.ask(REFRESH, json!({"token": tokens["refreshToken"]})).await;

    assert_eq!(
        client.refused(UNBIND, json!({"code": device.wrong()})).await.what(),
        ("VALIDATION_FAILED", "code")
    );
    client.ask(UNBIND, json!({"code": codes[0]})).await;
    assert_eq!(login(&nobody, &person.username, PASSWORD).await["requiresTwoFactor"], false);
}

#[tokio::test]
async fn the_token_of_the_second_step_opens_nothing_by_itself() {
    let system = shared().await;
    let (person, other) = (Person::new(&system.a).await, Person::new(&system.a).await);
    let (mut device, _) = set_up(&person.at(&system.a)).await;
    let (mut others, _) = set_up(&other.at(&system.a)).await;
    let nobody = system.a.client();
    let token = challenged(&nobody, &person.username).await;
    for client in [system.a.client(), system.portal.client()] {
        let answer = client.bearer(&token).graphql("{ me { id } }", json!({})).await.unwrap();
        assert_eq!(answer.status, 401, "it is no access token");
    }
    assert_eq!(nobody.refused(REFRESH, json!({"token": token})).await.code, "UNAUTHENTICATED");
    // Nor does another token take its place, whoever's code is shown.
    let own = device.code().await;
    let theirs = challenged(&nobody, &other.username).await;
    for (token, code) in [
        ("", own.as_str()),
        ("garbage", &own),
        (person.access.as_str(), &own),
        (person.refresh.as_str(), &own),
        (&format!("{token}A"), &own),
        (&theirs, &own),
        (&token, &others.code().await),
    ] {
        let refused = nobody.refused(PASS, with(token, code)).await;
        assert_eq!(refused.code, "UNAUTHENTICATED", "{token}");
        let known = ["Invalid or expired two-factor token", "Invalid two-factor code"];
        assert!(known.contains(&refused.message.as_str()), "{refused:?}");
    }
    nobody.ask(PASS, with(&token, &own)).await;
    let used = nobody.refused(PASS, with(&token, &device.code().await)).await;
    assert_eq!(used.message, "Invalid or expired two-factor token");
}

#[tokio::test]
async fn a_code_and_a_recovery_code_work_once() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (mut device, codes) = set_up(&person.at(&system.a)).await;
    let nobody = system.a.client();
    let code = device.code().await;
    for shown in [code.as_str(), &codes[0].to_lowercase()] {
        let token = challenged(&nobody, &person.username).await;
        // Of uses at the same time, on two nodes, one succeeds.
        let uses = join_all((0..4).map(|n| {
            let client = if n % 2 == 0 { system.a.client() } else { system.b.client() };
            let variables = with(&token, shown);
            async move { client.graphql(PASS, variables).await.unwrap() }
        }))
        .await;
        let good = uses.iter().filter(|answer| answer.json().get("errors").is_none()).count();
        assert_eq!(good, 1, "{uses:?}");
        let token = challenged(&nobody, &person.username).await;
        let again = nobody.refused(PASS, with(&token, shown)).await;
        assert_eq!(
            (again.code.as_str(), again.message.as_str()),
            ("UNAUTHENTICATED", "Invalid two-factor code")
        );
    }
    let token = challenged(&nobody, &person.username).await;
    nobody.ask(PASS, with(&token, &codes[1])).await;
}

#[tokio::test]
async fn five_wrong_codes_lock_the_step_though_they_come_in_one_document() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (mut device, codes) = set_up(&person.at(&system.a)).await;
    let nobody = system.a.client();
    let token = challenged(&nobody, &person.username).await;
    let guess = |n: usize| {
        format!("g{n}: verifyTwoFactor(input: {{twoFactorToken: $token, code: $code}}) {{ accessToken }} ")
    };
    let guesses: String = (0..7).map(guess).collect();
    let document = format!("mutation($token: String!, $code: String!) {{ {guesses} }}");
    let answer = nobody.graphql(&document, with(&token, &device.wrong())).await.unwrap().json();
    let errors = answer["errors"].as_array().unwrap();
    // The payload may not be null, so the first error ends the operation; each guess that ran counts.
    assert!(errors.iter().all(|error| error["extensions"]["code"] != "INTERNAL"), "{answer}");
    let mut wrong = errors.len();
    while wrong < 5 {
        let refused = nobody.refused(PASS, with(&token, &device.wrong())).await;
        assert_eq!(refused.message, "Invalid two-factor code");
        wrong += 1;
    }
    for code in [device.code().await, device.wrong(), codes[0].clone()] {
        let locked = nobody.refused(PASS, with(&token, &code)).await;
        assert_eq!(locked.code, "RATE_LIMITED", "{locked:?}");
        assert!(locked.message.starts_with("Too many wrong codes, please try again in "), "{locked:?}");
        assert!(locked.message.ends_with(&format!("{} seconds", locked.retry_after.unwrap())), "{locked:?}");
    }
    let other = person.at(&system.b).refused(UNBIND, json!({"code": codes[0]})).await;
    assert_eq!(other.code, "RATE_LIMITED", "on every node, at every place where codes are shown");
}

#[tokio::test]
async fn guesses_at_the_same_time_on_two_nodes_are_all_counted() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (device, codes) = set_up(&person.at(&system.a)).await;
    let token = challenged(&system.a.client(), &person.username).await;
    let wrong = device.wrong();
    let mut refused = 0;
    for _ in 0..8 {
        let answers = join_all((0..3).map(|n| {
            let client = if n % 2 == 0 { system.a.client() } else { system.b.client() };
            let variables = with(&token, &wrong);
            async move { client.graphql(PASS, variables).await.unwrap() }
        }))
        .await;
        let codes = answers.iter().map(|answer| answer.refused("a guess").code);
        refused += codes.filter(|code| code == "UNAUTHENTICATED").count();
    }
    assert_eq!(refused, 5, "the sixth look is not taken");
    assert_eq!(system.b.client().refused(PASS, with(&token, &codes[0])).await.code, "RATE_LIMITED");
}

#[tokio::test]
async fn the_bypass_passes_where_it_is_set_and_nowhere_else() {
    const BYPASS: &str = "let-me-in-while-testing";
    let database = Database::migrated().await;
    let settings = Settings::user(&database);
    let api = Service::ready("api", &settings.clone().with("TWOFA_BYPASS_PASSWORD", BYPASS)).await;
    let person = Person::new(&api).await;
    let client = person.at(&api);
    client.ask(GENERATE, json!({})).await;
    client.ask(BIND, json!({"code": BYPASS})).await;
    let token = challenged(&api.client(), &person.username).await;
    let near = api.client().refused(PASS, with(&token, "let-me-in-while-testin")).await;
    assert_eq!(near.message, "Invalid two-factor code");
    api.client().ask(PASS, with(&token, BYPASS)).await;
    let without =
        Service::ready("api", &settings.with("PROJECT_PORT", crate::service::free_port().to_string())).await;
    let token = challenged(&without.client(), &person.username).await;
    let refused = without.client().refused(PASS, with(&token, BYPASS)).await;
    assert_eq!(refused.message, "Invalid two-factor code");
}

#[tokio::test]
async fn the_trail_tells_of_the_second_factor_and_shows_no_secret_of_it() {
    const AUDIT: &str = "query($filter: AuditFilter) { auditEvents(filter: $filter, first: 100) { nodes { \
        eventType actorId payload } } }";
    let system = shared().await;
    let operator = operator(&system).await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let given = client.ask(GENERATE, json!({})).await;
    let mut device = Device::scan(given["otpauthUrl"].as_str().unwrap());
    let bound = client.ask(BIND, json!({"code": device.code().await})).await;
    let token = challenged(&client, &person.username).await;
    client.refused(PASS, with(&token, &device.wrong())).await;
    client.ask(PASS, with(&token, &device.code().await)).await;
    let done = client.ask(UNBIND, json!({"code": bound["recoveryCodes"][3]})).await;
    let trail =
        operator.after(&done["cursor"]).ask(AUDIT, json!({"filter": {"aggregateId": person.id}})).await;
    let events = trail["nodes"].as_array().unwrap();
    let types: Vec<&str> = events.iter().skip(3).map(|event| event["eventType"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "user.two_factor_generated",
            "user.two_factor_bound",
            "user.two_factor_challenged",
            "user.two_factor_refused",
            "user.two_factor_passed",
            "user.signed_in",
            "user.two_factor_unbound",
        ]
    );
    assert!(events.iter().skip(3).all(|event| event["actorId"] == person.id), "{trail}");
    let database = system.database.open().await;
    let sql = "SELECT string_agg(payload::text || metadata::text, '') FROM events";
    let stored: String = database.query_one(sql, &[]).await.unwrap().get(0);
    let codes = bound["recoveryCodes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap());
    for secret in codes.chain([given["secret"].as_str().unwrap(), token.as_str()]) {
        assert!(!trail.to_string().contains(secret), "the trail shows {secret}");
        let bare = secret.replace('-', "");
        assert!(!stored.contains(secret) && !stored.contains(&bare), "the log holds {secret} in clear");
    }
    assert_eq!(events[3]["payload"]["secret"], "[secret]");
    assert_eq!(events[4]["payload"]["recovery"], "[secret]");
    let refused =
        client.refused(LOGIN, json!({"identifier": person.username, "password": "Wrong7Horse"})).await;
    assert_eq!(refused.message, "Invalid credentials");
}

#[tokio::test]
async fn who_is_suspended_between_password_and_code_stays_out() {
    const SUSPEND: &str =
        "mutation($tenant: ID!, $id: ID!) { suspendUser(tenantId: $tenant, id: $id) { version } }";
    const REINSTATE: &str =
        "mutation($tenant: ID!, $id: ID!) { reinstateUser(tenantId: $tenant, id: $id) { version } }";
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (mut device, codes) = set_up(&person.at(&system.a)).await;
    let nobody = system.b.client();
    let token = challenged(&nobody, &person.username).await;
    let (_, _, operations) = colleague(&system, "OPERATIONS").await;
    let who = json!({"tenant": person.tenant, "id": person.id});
    operations.ask(SUSPEND, who.clone()).await;
    let refused = nobody.refused(PASS, with(&token, &device.code().await)).await;
    assert_eq!(refused.message, "This account has been suspended");
    operations.ask(REINSTATE, who).await;
    let late = nobody.refused(PASS, with(&token, &codes[0])).await;
    assert_eq!(late.message, "Invalid or expired two-factor token", "the password is to be shown again");
    let token = challenged(&nobody, &person.username).await;
    nobody.ask(PASS, with(&token, &codes[0])).await;
}
