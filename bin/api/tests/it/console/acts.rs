//! What operators do in the console: rebuilds, dead letters, jobs; each seen as it goes on.

use std::{collections::BTreeSet, time::Duration};

use fantoccini::Locator;
use serde_json::json;
use testkit::Manners;

use super::{content, go, signed_in};
use crate::{
    browser::Browser,
    documents::create,
    operators::colleague,
    person::{Person, REGISTER, fresh_name, input},
    portal_jobs::{dead, refusing},
    replay::Writer,
    system::System,
    wait::{until, within},
};

const ROW: &str = "tr[data-projection='todo_list.v1']";
/// Enough that a build is seen on its way.
const EVENTS: i32 = 20_000;
/// The longest so many take, in a debug build on a busy machine.
const EVENTS_MAX: Duration = Duration::from_mins(3);

fn cell(name: &str) -> String {
    format!("{ROW} [data-cell={name}]")
}

async fn text(browser: &Browser, css: &str) -> String {
    browser.find(css).await.text().await.unwrap()
}

async fn is_shown(browser: &Browser, css: &str) -> bool {
    browser.find(css).await.is_displayed().await.unwrap()
}

async fn there_are(browser: &Browser, css: &str) -> usize {
    browser.client.find_all(Locator::Css(css)).await.unwrap().len()
}

/// Tells later whether it is still the same page.
async fn mark(browser: &Browser) {
    browser.script("window.isMarked = true; return null").await;
}

async fn is_marked(browser: &Browser) -> bool {
    browser.script("return window.isMarked === true").await == true
}

#[tokio::test]
async fn a_rebuild_is_watched_to_its_swap_and_rolled_back_without_loading_the_page_anew() {
    let system = System::start().await;
    Writer::alone(&system).await.create_many(EVENTS).await;
    let person = Person::new(&system.a).await;
    create(&person.at(&system.a), "milk").await;
    let behind = "SELECT count(*) FROM events e JOIN projection_checkpoints c ON c.name = 'todo_list.v1' AND c.part = 0 \
        WHERE (e.tx_id, e.position) > (c.tx_id, c.position) AND e.aggregate_type = 'todo'";
    within(EVENTS_MAX, "list that is up to date", async || system.database.number(behind).await == 0).await;
    let sour = "UPDATE todo_list SET text = 'sour milk' WHERE text = 'milk'";
    system.database.open().await.execute(sour, &[]).await.unwrap();

    let browser = signed_in(&system, "OPERATIONS").await;
    go(&browser, &system, "/projections").await;
    browser.shows("#watch", "Live").await;
    browser.shows(&cell("state"), "running").await;
    assert!(!is_shown(&browser, &format!("{ROW} [data-act=rollback]")).await, "there is no way back yet");
    browser.click(&format!("{ROW} [data-act=rebuild] button")).await;
    browser.shows(".said", "todo_list.v1: it is built anew").await;
    mark(&browser).await;
    let mut seen = BTreeSet::new();
    within(EVENTS_MAX, "swap", async || {
        if is_shown(&browser, &cell("bar")).await {
            seen.insert(text(&browser, &cell("build")).await);
        }
        text(&browser, &cell("phase")).await == "kept"
    })
    .await;
    assert!(seen.len() >= 2 && seen.iter().any(|it| it.contains("events") && it.contains(" %")), "{seen:?}");
    browser.shows(&cell("build"), "1 rows differed, swapped in").await;
    let list = |text: &str| format!("SELECT count(*) FROM todo_list WHERE text = '{text}'");
    assert_eq!(system.database.number(&list("milk")).await, 1, "mended");

    assert!(is_shown(&browser, &format!("{ROW} [data-act=rebuild]")).await);
    assert!(is_marked(&browser).await, "the page was not loaded anew");
    browser.click(&format!("{ROW} [data-act=rollback] button")).await;
    browser.shows(".said", "what served before serves again").await;
    until("the tables of before", async || system.database.number(&list("sour milk")).await == 1).await;
    browser.shows(&cell("phase"), "kept").await;
    content(&browser).await;
}

#[tokio::test]
async fn a_dead_letter_shows_itself_is_tried_again_and_discarded_after_a_question() {
    let system = System::start().await;
    let person = Person::new(&system.a).await;
    create(&person.at(&system.a), "milk").await;
    let browser = signed_in(&system, "OPERATIONS").await;
    go(&browser, &system, "/projections").await;
    browser.shows("#watch", "Live").await;
    mark(&browser).await;

    let sql = "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
               SELECT 'todo', aggregate_id, 2, 'todo.levitated', '1', '{\"type\": \"todo.levitated\"}', metadata \
               FROM events WHERE aggregate_type = 'todo' LIMIT 1";
    system.database.open().await.execute(sql, &[]).await.unwrap();
    browser.shows(&cell("state"), "halted").await;
    browser.shows(&cell("error"), "todo.levitated").await;
    browser.shows(&cell("dead"), "1 dead").await;
    browser.shows("#others", "They are others by now").await;
    assert!(is_marked(&browser).await && is_shown(&browser, &format!("{ROW} [data-act=resume]")).await);
    browser.click("#others a").await;

    let attempts = "SELECT max(attempts)::bigint FROM projection_dead_letters WHERE name = 'todo_list.v1'";
    let before = system.database.number(attempts).await;
    let letter = |act: &str| format!("form[action='/console/projections/{act}-letter'] button");
    // Other read models of todos stumble over it, too.
    let of_ours = "[...document.querySelectorAll('#letters ~ .scroll tbody tr')]\
        .find((row) => row.textContent.includes('todo_list.v1'))";
    until("the letter", async || browser.script(&format!("return !!{of_ours}")).await == true).await;
    browser.script(&format!("{of_ours}.id = 'ours'; return null")).await;
    browser.click(&format!("#ours {}", letter("retry"))).await;
    browser.shows(".said", "it is tried again").await;
    until("another try", async || system.database.number(attempts).await > before).await;

    until("a letter that is not being tried", async || {
        go(&browser, &system, "/projections").await;
        browser
            .script(&format!(
                "const row = {of_ours}; if (row) row.id = 'ours'; return !!row?.querySelector('button')"
            ))
            .await
            == true
    })
    .await;
    browser.click(&format!("#ours {}", letter("discard"))).await;
    assert!(browser.client.get_alert_text().await.unwrap().contains("for good"));
    browser.client.dismiss_alert().await.unwrap();
    let discarded = "SELECT count(*) FROM projection_dead_letters WHERE discarded_at IS NOT NULL";
    assert_eq!(system.database.number(discarded).await, 0, "who says no has not discarded it");
    browser.click(&format!("#ours {}", letter("discard"))).await;
    browser.client.accept_alert().await.unwrap();
    browser.shows(".said", "it is passed over").await;
    browser.shows(&cell("state"), "running").await;
    assert_eq!(browser.script(&format!("return !!{of_ours}")).await, false);
    content(&browser).await;
}

#[tokio::test]
async fn a_job_that_was_given_up_is_tried_again_and_another_one_discarded() {
    let (system, server) = refusing().await;
    let (_, _, support) = colleague(&system, "SUPPORT").await;
    for _ in 0..2 {
        system.a.client().ask(REGISTER, json!({"input": input(&fresh_name())})).await;
    }
    dead(&support, 2).await;
    let browser = signed_in(&system, "OPERATIONS").await;
    go(&browser, &system, "/jobs?state=DEAD").await;
    browser.shows(".count", "2 jobs").await;
    browser.shows("tbody tr:first-child", "no such user here").await;

    server.behave(Manners::Accept);
    browser.click("tbody tr:first-child form[action$=retry] button").await;
    browser.shows(".said", "it is tried again").await;
    until("the mail", async || server.mails().len() == 1).await;
    dead(&support, 1).await;

    go(&browser, &system, "/jobs?state=DEAD").await;
    browser.shows(".count", "1 job;").await;
    browser.click("form[action$=discard] button").await;
    browser.client.dismiss_alert().await.unwrap();
    dead(&support, 1).await;
    browser.click("form[action$=discard] button").await;
    browser.client.accept_alert().await.unwrap();
    browser.shows(".said", "it is discarded").await;
    go(&browser, &system, "/jobs?state=DEAD").await;
    browser.shows("tbody", "There is no such job").await;
    assert_eq!((server.mails().len(), there_are(&browser, "form[action$=discard]").await), (1, 0));
    content(&browser).await;
}
