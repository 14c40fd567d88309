//! The operators' console in a real browser: signed in, searched, replayed, acted on.

mod acts;
mod password;

use serde_json::json;

use crate::{
    browser::Browser,
    device::Device,
    documents::{COMPLETE, create},
    operators::colleague,
    person::Person,
    portal::PASSWORD,
    system::{System, shared},
    two_factor::GENERATE,
    wait::until,
};

const BIND: &str = "mutation($code: String!) { bindTwoFactor(code: $code) { recoveryCodes version cursor } }";

/// A browser at a page of the console.
async fn at(system: &System, path: &str) -> Browser {
    let browser = Browser::start().await;
    go(&browser, system, path).await;
    browser
}

async fn go(browser: &Browser, system: &System, path: &str) {
    let address = format!("http://localhost:{}/console{path}", system.portal.port);
    browser.client.goto(&address).await.unwrap();
}

async fn sign_in(browser: &Browser, email: &str, password: &str) {
    browser.fill("input[name=email]", email).await;
    browser.fill("input[name=password]", password).await;
    browser.click("main button").await;
}

/// A browser in which an operator with a role is signed in.
async fn signed_in(system: &System, role: &str) -> Browser {
    let (_, email, _) = colleague(system, role).await;
    let browser = at(system, "").await;
    sign_in(&browser, &email, PASSWORD).await;
    browser.shows("h1", "Overview").await;
    browser
}

/// Nothing was blocked, and no script fell over.
async fn content(browser: &Browser) {
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[tokio::test]
async fn an_operator_signs_in_with_the_second_factor_and_out() {
    let system = shared().await;
    let (_, email, client) = colleague(&system, "SUPPORT").await;
    let given = client.ask(GENERATE, json!({})).await;
    let mut device = Device::scan(given["otpauthUrl"].as_str().unwrap());
    client.ask(BIND, json!({"code": device.code().await})).await;

    let browser = at(&system, "/audit").await;
    browser.shows("h1", "Sign in").await;
    sign_in(&browser, &email, "Wrong7Secret").await;
    browser.shows(".said", "Invalid credentials").await;
    assert_eq!(
        browser.find("input[name=email]").await.prop("value").await.unwrap().as_deref(),
        Some(&*email)
    );
    sign_in(&browser, &email, PASSWORD).await;
    browser.shows("h1", "Second step").await;
    browser.fill("input[name=code]", &device.wrong()).await;
    browser.click("main button").await;
    browser.shows(".said", "code").await;
    browser.fill("input[name=code]", &device.code().await).await;
    browser.click("main button").await;
    browser.shows("h1", "Overview").await;
    browser.shows(".who", "Paul Portal").await;
    assert_eq!(browser.script("return document.cookie").await, "", "no script sees the token");
    content(&browser).await;

    let cookie = browser.client.get_named_cookie("console_session").await.unwrap();
    let token = cookie.value().to_owned();
    browser.click(".who button").await;
    browser.shows("h1", "Sign in").await;
    let same = system.portal.client().bearer(&token);
    until("the end of the session itself", async || {
        same.graphql("{ me { id } }", json!({})).await.unwrap().status == 401
    })
    .await;
    go(&browser, &system, "/jobs").await;
    browser.shows("h1", "Sign in").await;
}

#[tokio::test]
async fn the_audit_trail_is_searched_and_a_thing_is_seen_through_its_versions() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let made = create(&client, "Write the <script>alert(1)</script> report").await;
    let id = made["todo"]["id"].as_str().unwrap().to_owned();
    client.ask(COMPLETE, json!({"id": id})).await;

    let browser = signed_in(&system, "SUPPORT").await;
    browser.click("nav a[href='/console/audit']").await;
    browser.shows("h1", "Audit").await;
    browser.fill("input[name=aggregateId]", &id).await;
    browser.click(".filters button").await;
    browser.shows(".count", "2 events").await;
    browser.picture("console-audit").await;
    browser.click("tbody tr:first-child summary").await;
    browser.shows("tbody tr:first-child pre", "<script>alert(1)</script>").await;
    browser.click("tbody tr:first-child td[data-label=Of] a").await;
    browser.shows("h1", "Timeline").await;
    browser.shows("#at pre", "report").await;
    browser.find("#version").await.send_keys("\u{e014}").await.unwrap(); // the right arrow key
    browser.shows("#version-shown", "2").await;
    browser.shows("#at .diff", "completed_at").await;
    until("the address to keep", async || {
        browser.client.current_url().await.unwrap().query().unwrap_or_default().contains("version=2")
    })
    .await;
    browser.picture("console-timeline").await;
    go(&browser, &system, "/audit?from=tomorrow").await;
    browser.shows("h1", "Not done").await;
    browser.complaints().await; // a page with status 400 is one
    go(&browser, &system, "/audit?aggregateType=nothing").await;
    browser.shows("tbody", "No event passes this filter").await;
    content(&browser).await;
}

#[tokio::test]
async fn a_replay_runs_stops_resumes_and_goes_on_into_the_present() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    for n in 0..12 {
        create(&client, &format!("replayed {n}")).await;
    }
    let browser = signed_in(&system, "SUPPORT").await;
    go(&browser, &system, &format!("/replay?aggregateType=todo&tenantId={}", person.tenant)).await;
    browser.click("#start").await;
    browser.shows("#progress", "Live:").await;
    browser.shows("#kept", "(12 received").await;
    browser.picture("console-replay").await;
    browser.click("#stop").await;
    browser.shows("#progress", "Stopped").await;
    create(&client, "while nobody looked").await;
    browser.click("#resume").await;
    browser.shows("#kept", "(13 received").await;
    create(&client, "before its eyes").await;
    browser.shows("#kept", "(14 received").await;
    let positions =
        "return [...document.querySelectorAll('#events small:first-child')].map((it) => it.textContent)";
    let seen: Vec<i64> = browser
        .script(positions)
        .await
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap().trim_start_matches('#').parse().unwrap())
        .collect();
    assert!(seen.is_sorted_by(|newer, older| newer > older), "newest first, none twice: {seen:?}");
    content(&browser).await;
}

#[tokio::test]
async fn pages_fit_narrow_and_wide_windows_in_light_and_dark_and_are_used_by_keyboard() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    create(&person.at(&system.a), "seen everywhere").await;
    let browser = signed_in(&system, "SUPER_ADMIN").await;
    for (name, path) in [
        ("overview", ""),
        ("audit", "/audit"),
        ("replay", "/replay"),
        ("projections", "/projections"),
        ("jobs", "/jobs"),
        ("password", "/password"),
    ] {
        for (width, height, scheme) in
            [(360, 740, "light"), (360, 740, "dark"), (1440, 900, "light"), (1440, 900, "dark")]
        {
            browser.look(width, height, scheme).await;
            go(&browser, &system, path).await;
            let over = browser.script("return document.documentElement.scrollWidth - innerWidth").await;
            assert!(over.as_i64().unwrap() <= 0, "{name} is {over} px wider than {width}");
            let background = browser.script("return getComputedStyle(document.body).backgroundColor").await;
            assert_eq!(background == "rgb(20, 23, 28)", scheme == "dark", "{name} {scheme}: {background}");
            if name == "overview" || (name == "projections" && scheme == "dark") {
                browser.picture(&format!("console-{name}-{width}-{scheme}")).await;
            }
        }
    }
    browser.look(1440, 900, "light").await;
    go(&browser, &system, "").await;
    // The first stop of the tab key leads past the navigation; a later one opens a page.
    let mut reached = Vec::new();
    for _ in 0..5 {
        browser.client.active_element().await.unwrap().send_keys("\u{e004}").await.unwrap();
        let active = browser.client.active_element().await.unwrap();
        reached.push(active.text().await.unwrap());
        let outline = active.css_value("outline-style").await.unwrap();
        assert_ne!(outline, "none", "it is seen where the keyboard is: {reached:?}");
    }
    assert!(reached[0].contains("Skip") && reached.iter().any(|text| text == "Audit"), "{reached:?}");
    while browser.client.active_element().await.unwrap().text().await.unwrap() != "Audit" {
        browser.client.active_element().await.unwrap().send_keys("\u{e008}\u{e004}").await.unwrap();
    }
    browser.client.active_element().await.unwrap().send_keys("\u{e007}").await.unwrap();
    browser.shows("h1", "Audit").await;
    content(&browser).await;
}

#[tokio::test]
async fn forms_of_other_sites_are_refused_and_pages_say_what_they_load() {
    let system = shared().await;
    let foreign = system.portal.client().with("sec-fetch-site", "cross-site");
    assert_eq!(foreign.post("/console/sign-out", "").await.unwrap().status, 403);
    let page = system.portal.client().get("/console/sign-in").await.unwrap();
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let nowhere = system.portal.client().get("/console/nowhere").await.unwrap();
    assert_eq!(nowhere.status, 404);
    let user = system.a.client().get("/console").await.unwrap();
    assert_eq!(user.status, 404, "the user surface has no console");
    let style = system.portal.client().get("/console/assets/console.css").await.unwrap();
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
}
