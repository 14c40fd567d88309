//! A dump of a system at work goes on, on a server whose transactions are counted from the beginning:
//! what is lost without the rule of `ops/runbooks/restore.md`, and that with it no event is skipped or
//! repeated.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::{
    audit::{AUDIT, audited_in},
    cluster::Cluster,
    database::Database,
    documents::{CREATE, TODOS, create},
    pages::Block,
    person::{Person, outbox},
    portal::{LOGIN, PASSWORD, create_operator},
    process,
    runbooks::{Desk, RESTORE, ours},
    service::{Service, Settings},
    socket::Socket,
    wait::until,
};

/// More transactions than a new server has had when everything is restored.
const LIVED: u32 = 20_000;
const EMAIL: &str = "olga@restored.test";
const FROM_DUMP: &str = "From `pg_dump`";

/// What was there when the dump was made, and who.
struct Before {
    database: Database,
    person: Person,
    mails: usize,
}

/// The commands of the runbook that begin with these words.
fn step(program: &str) -> Block {
    let blocks = ours(|page| page == RESTORE);
    let found = blocks.into_iter().find(|it| it.section == FROM_DUMP && it.text.starts_with(program));
    found.unwrap_or_else(|| panic!("{RESTORE} has no step with {program}"))
}

async fn write(service: &Service, person: &Person, text: &str) {
    // Whatever the answer: without workers it says that no list shows it yet.
    let _ = person.at(service).graphql(CREATE, json!({"input": {"text": text}})).await;
}

/// Todos that lists show, some that no consumer has read, and some on their way while `dump` runs.
async fn at_work(dump: impl AsyncFnOnce(&Database)) -> Before {
    let database = Database::migrated().await;
    let lived = format!(
        "DO $$ BEGIN FOR i IN 1..{LIVED} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
    );
    database.open().await.batch_execute(&lived).await.unwrap();
    let api = Service::ready("api", &Settings::user(&database).with("WORKERS", "external")).await;
    let mut worker = Service::start("worker", &Settings::common(&database));
    worker.process.says("application successfully started").await;
    let made = create_operator(&database, EMAIL, "SUPPORT", PASSWORD).await;
    assert!(made.status.success(), "{made:?}");
    let person = Person::new(&api).await;
    for n in 0..5 {
        create(&person.at(&api), &format!("seen {n}")).await;
    }
    audited_in(&database).await;
    let mails = outbox(&api.client(), &person.email).await.as_array().unwrap().len();
    worker.process.kill();
    let (node, somebody, over) = (&api, &person, &AtomicBool::new(false));
    join_all((0..5).map(|n| async move { write(node, somebody, &format!("unseen {n}")).await })).await;
    let writers = join_all((0..4).map(|writer| async move {
        let mut n = 0;
        while !over.load(Ordering::Relaxed) {
            write(node, somebody, &format!("during {writer} {n}")).await;
            n += 1;
        }
    }));
    let dumping = async {
        dump(&database).await;
        over.store(true, Ordering::Relaxed);
    };
    join(dumping, writers).await;
    write(&api, &person, "late").await;
    Before { database, person, mails }
}

/// A copy of the dump in a database of the new server.
async fn restored(cluster: &Cluster, name: &str) -> Database {
    let database = cluster.database(name).await;
    let step = step("psql");
    Desk::new("restore").with("NEW", &*database.url).types(&step.place(), &step.text).await;
    let ahead = "SELECT count(*) FROM events WHERE tx_id >= pg_snapshot_xmax(pg_current_snapshot())";
    assert!(database.number(ahead).await > 0, "this server has lived too long to prove anything");
    database
}

async fn positions(database: &Database) -> Vec<String> {
    let sql = "SELECT position::text FROM events ORDER BY events.tx_id, events.position";
    database.open().await.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// Without the rule: what is appended is behind the readers, what was not read seems never to end.
async fn events_are_lost(database: &Database, before: &Before) {
    let api = Service::start("api", &Settings::user(database));
    until("a refusal that says what to do", async || {
        let answer = api.client().get("/health/ready").await;
        answer.is_ok_and(|answer| answer.status == 503 && answer.text.contains("migrator restored"))
    })
    .await;
    let appended = "SELECT count(*) FROM events WHERE payload->>'text' = 'lost'";
    until("a command that is taken all the same", async || {
        write(&api, &before.person, "lost").await;
        database.number(appended).await > 0
    })
    .await;
    let ahead = "SELECT count(*) FROM events AS e JOIN projection_checkpoints AS c ON c.name = 'todo_list.v1' \
        WHERE e.payload->>'text' = 'lost' AND (e.tx_id, e.position) > (c.tx_id, c.position)";
    assert_eq!(database.number(ahead).await, 0, "its reader has passed it before it was there");
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let shown = "SELECT count(*) FROM todo_list WHERE text = 'lost' OR text LIKE 'unseen%'";
    assert_eq!(database.number(shown).await, 0, "nobody ever reads them");
}

/// The audit trail, page by page, from the first event to the last.
async fn walked(portal: &Service) -> Vec<String> {
    let tokens = portal.client().ask(LOGIN, json!({"email": EMAIL, "password": PASSWORD})).await;
    let operator = portal.client().bearer(tokens["accessToken"].as_str().unwrap());
    let (mut all, mut after) = (Vec::new(), Value::Null);
    loop {
        // Each look is an event itself, so that only pages of more than one come to an end.
        let page = operator.ask(AUDIT, json!({"first": 10, "after": after})).await;
        let nodes = page["nodes"].as_array().unwrap().iter();
        all.extend(nodes.map(|node| node["position"].as_str().unwrap().to_owned()));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            return all;
        }
    }
}

async fn texts(api: &Service, person: &Person, cursor: &Value) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), Value::Null);
    let client = person.at(api).after(cursor);
    loop {
        let page = client.ask(TODOS, json!({"first": 100, "after": after})).await;
        let nodes = page["nodes"].as_array().unwrap().iter();
        all.extend(nodes.map(|node| node["text"].as_str().unwrap().to_owned()));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            return all;
        }
    }
}

/// Everybody who reads the log has read each event once: lists, changes, the trail, jobs.
async fn nothing_is_lost(database: &Database, before: &Before, in_dump: &[String]) {
    let (user, office) = (Settings::user(database), Settings::portal(database));
    let (api, portal) = (Service::ready("api", &user).await, Service::ready("portal-api", &office).await);
    let person = &before.person;
    let first = create(&person.at(&api), "after 0").await;
    let mut socket = Socket::following(&api, &person.access, &first["cursor"]).await;
    let mut last = Value::Null;
    for n in 1..6 {
        let made = create(&person.at(&api), &format!("after {n}")).await;
        assert_eq!(socket.change().await["cursor"], made["cursor"], "each change once, in order");
        last = made["cursor"].clone();
    }
    let sql = "SELECT payload->>'text' FROM events WHERE event_type = 'todo.created'";
    let rows = database.open().await.query(sql, &[]).await.unwrap();
    let mut expected: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let mut shown = texts(&api, person, &last).await;
    expected.sort_unstable();
    shown.sort_unstable();
    assert_eq!(shown, expected);
    for kind in ["seen 4", "unseen 4", "after 5"] {
        assert!(shown.contains(&kind.to_owned()), "{kind}: {shown:?}");
    }

    audited_in(database).await;
    let all = positions(database).await;
    assert_eq!(all[..in_dump.len()], *in_dump, "the order of the dump, and what is new behind it");
    let seen = walked(&portal).await;
    let unique: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(unique.len(), seen.len(), "no event twice");
    assert!(seen.len() >= all.len(), "{} of {}", seen.len(), all.len());
    assert_eq!(seen[..], positions(database).await[..seen.len()], "each event, in the order of the log");
    audited_in(database).await;
    for counted in [
        "SELECT (SELECT count(*) FROM events) - (SELECT count(*) FROM audit_list)",
        "SELECT (SELECT count(*) FROM events WHERE aggregate_type = 'todo') - (SELECT count(*) FROM todo_changes)",
        "SELECT count(*) FROM projection_checkpoints WHERE status <> 'running'",
        "SELECT count(*) FROM projection_dead_letters",
    ] {
        assert_eq!(database.number(counted).await, 0, "{counted}");
    }
    let mails = outbox(&api.client(), &person.email).await;
    assert_eq!(mails.as_array().unwrap().len(), before.mails, "nobody is written to again: {mails}");
    // Somebody new is: the jobs go on as well.
    Person::new(&api).await;
    let checked = process::run(Settings::common(database).command("worker", &["projections", "check"])).await;
    assert!(checked.status.success(), "{checked:?}");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(!said.contains("differed"), "{said}");
    let old = person.at(&api).after(&person.cursor).refused(TODOS, json!({})).await;
    assert!(old.message.contains("another log"), "{old:?}");
}

#[tokio::test]
async fn a_restored_dump_goes_on_without_an_event_skipped_or_repeated() {
    let before = at_work(async |database| {
        let step = step("pg_dumpall");
        Desk::new("restore").with("OLD", &*database.url).types(&step.place(), &step.text).await;
    })
    .await;
    let cluster = Cluster::fresh().await;

    let without = restored(&cluster, "lost").await;
    events_are_lost(&without, &before).await;

    let with = restored(&cluster, "found").await;
    let in_dump = positions(&with).await;
    let original = positions(&before.database).await;
    let kept: Vec<&String> = original.iter().filter(|position| in_dump.contains(position)).collect();
    assert_eq!(kept, in_dump.iter().collect::<Vec<_>>(), "a dump keeps the order");
    assert!(in_dump.len() < original.len(), "some came while the dump was made");
    let step = step("migrator");
    let desk = Desk::new("restore").settings(&Settings::user(&with));
    let said = desk.types(&step.place(), &step.text).await;
    assert!(said.contains("the server goes on at"), "{said}");
    nothing_is_lost(&with, &before, &in_dump).await;

    // Once more changes nothing, as where a copy brought the server's counter with it; and so the
    // rest of the page.
    let api = Service::ready("api", &Settings::user(&with)).await;
    let desk = desk.with("API_PORT", api.port.to_string());
    let run = ["pg_dumpall", "psql", "migrator"];
    let is_run =
        |block: &Block| block.section == FROM_DUMP && run.iter().any(|it| block.text.starts_with(it));
    for block in ours(|page| page == RESTORE).iter().filter(|block| !is_run(block)) {
        let said = desk.types(&block.place(), &block.text).await;
        assert!(!said.contains("At transaction"), "nothing had to be passed: {said}");
    }
}
