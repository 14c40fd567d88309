//! Live changes across two processes: in order, none lost, none twice, nobody else's.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::{
    client::Client,
    documents::{
        ARCHIVE, ASSIGN, COMPLETE, CREATE, DELETE, REOPEN, TAG_TODO, TODOS, UNTAG_TODO, UPDATE, create,
        create_tag,
    },
    person::{Person, demo_person, login},
    socket::{Socket, seen},
    system::{demo, shared},
};

#[tokio::test]
async fn what_happens_on_one_node_is_seen_on_the_other_in_order() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let tag = create_tag(&client, "Live").await;
    let mut socket = Socket::following(&system.b, &person.access, &person.cursor).await;
    let made = create(&client, "live").await;
    let id = made["todo"]["id"].clone();
    let first = socket.change().await;
    assert_eq!(
        (&first["change"], &first["todoId"], &first["cursor"]),
        (&json!("CREATED"), &id, &made["cursor"])
    );
    assert_eq!(first["todo"]["text"], "live");
    assert_eq!(first["todo"]["owner"]["username"], person.username);
    for (document, with, change) in [
        (UPDATE, json!({"text": "changed"}), "UPDATED"),
        (UPDATE, json!({"priority": "LOW"}), "UPDATED"),
        (TAG_TODO, json!(tag), "TAGGED"),
        (UNTAG_TODO, json!(tag), "TAGGED"),
        (ASSIGN, json!(person.id), "ASSIGNED"),
        (COMPLETE, Value::Null, "COMPLETED"),
        (REOPEN, Value::Null, "REOPENED"),
        (ARCHIVE, Value::Null, "ARCHIVED"),
        (REOPEN, Value::Null, "REOPENED"),
        (DELETE, Value::Null, "DELETED"),
    ] {
        let mut variables = json!({"id": id});
        if document.contains("$with") {
            variables["with"] = with;
        }
        let done = client.ask(document, variables).await;
        let seen = socket.change().await;
        assert_eq!((&seen["change"], &seen["todoId"]), (&json!(change), &id));
        assert_eq!(seen["cursor"], done["cursor"], "{change}");
        if change == "DELETED" {
            assert_eq!(seen["todo"], Value::Null);
        } else {
            assert_eq!(seen["todo"]["version"], done["version"], "{change}");
        }
    }
}

/// Writes 60 changes: 15 todos, each created, changed, completed and, every other one, deleted.
async fn write(client: &Client, name: &str) -> usize {
    let mut changes = 0;
    for n in 0..15 {
        let id = create(client, &format!("{name} {n}")).await["todo"]["id"].clone();
        client.ask(UPDATE, json!({"id": id, "with": {"text": format!("{name} {n} again")}})).await;
        client.ask(COMPLETE, json!({"id": id})).await;
        client.ask(if n % 2 == 0 { DELETE } else { ARCHIVE }, json!({"id": id})).await;
        changes += 4;
    }
    changes
}

#[tokio::test]
async fn twenty_subscribers_see_300_changes_none_lost_none_twice() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let sockets = join_all((0..20).map(|n| {
        let service = if n % 4 == 0 { &system.a } else { &system.b };
        Socket::following(service, &person.access, &person.cursor)
    }))
    .await;
    let names = ["a", "b", "c", "d", "e"];
    let writers = join_all(names.iter().enumerate().map(|(n, name)| {
        let client = if n % 2 == 0 { person.at(&system.a) } else { person.at(&system.b) };
        async move { write(&client, name).await }
    }));
    let readers = join_all(sockets.into_iter().map(async |mut socket| {
        let mut all = Vec::new();
        loop {
            let change = socket.change().await;
            if change["todo"]["text"] == "the end" {
                return all;
            }
            all.push(seen(&change));
        }
    }));
    let writing = async {
        let written: usize = writers.await.iter().sum();
        create(&person.at(&system.a), "the end").await;
        written
    };
    let (written, read) = join(writing, readers).await;
    assert_eq!(written, 300);
    for all in &read {
        let unique: BTreeSet<&String> = all.iter().collect();
        assert_eq!((all.len(), unique.len()), (written, written));
        assert_eq!(all, &read[0], "one order for everybody");
    }
}

#[tokio::test]
async fn a_subscriber_that_comes_back_resumes_where_it_was() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let writer = person.at(&system.a);
    let writing = async {
        let written = write(&writer, "one").await + write(&writer, "two").await;
        create(&writer, "the end").await;
        written
    };
    let reading = async {
        let (mut all, mut place) = (Vec::new(), person.cursor.clone());
        for round in 0.. {
            let service = if round % 2 == 0 { &system.b } else { &system.a };
            let mut socket = Socket::following(service, &person.access, &place).await;
            for _ in 0..17 {
                let change = socket.change().await;
                if change["todo"]["text"] == "the end" {
                    return all;
                }
                place = change["cursor"].clone();
                all.push(seen(&change));
            }
            // Gone without a word, with changes on the way.
            drop(socket);
        }
        all
    };
    let (written, all) = join(writing, reading).await;
    let unique: BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), unique.len()), (written, written));
}

#[tokio::test]
async fn all_that_was_missed_comes_in_order_however_much_it_is() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    join_all((0..10).map(|n| {
        let client = &client;
        async move { write(client, &format!("w{n}")).await }
    }))
    .await;
    let mut socket = Socket::following(&system.b, &person.access, &person.cursor).await;
    let mut all = BTreeSet::new();
    for _ in 0..600 {
        assert!(all.insert(seen(&socket.change().await)));
    }
    create(&client, "and on it goes").await;
    assert_eq!(socket.change().await["todo"]["text"], "and on it goes");
}

#[tokio::test]
async fn without_a_cursor_a_subscription_begins_now() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let before = create(&client, "before").await;
    client.after(&before["cursor"]).ask(TODOS, json!({})).await;
    let mut socket = Socket::open(&system.a, &person.access).await;
    socket.subscribe("1", json!({})).await;
    // Nothing tells when it has begun, so write until it has.
    let mut written = Vec::new();
    let first = loop {
        let made = create(&client, &format!("after {}", written.len())).await;
        written.push(made["todo"]["id"].clone());
        if let Some(message) = socket.next_within(std::time::Duration::from_millis(200)).await {
            break message.unwrap()["payload"]["data"]["todoChanged"].clone();
        }
    };
    let at = written.iter().position(|id| *id == first["todoId"]).expect("one of those written after");
    for id in &written[at + 1..] {
        assert_eq!(socket.change().await["todoId"], *id);
    }
}

#[tokio::test]
async fn a_filter_lets_through_what_passes_now() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let mut socket = Socket::open(&system.b, &person.access).await;
    let filter = json!({"priority": {"gte": "HIGH"}, "text": {"like": "%please%"}});
    socket.subscribe("1", json!({"after": person.cursor, "filter": filter})).await;
    for (text, priority) in
        [("please no", "LOW"), ("please 1", "HIGH"), ("nothing", "URGENT"), ("Please 2", "URGENT")]
    {
        client.ask(CREATE, json!({"input": {"text": text, "priority": priority}})).await;
    }
    assert_eq!(socket.change().await["todo"]["text"], "please 1");
    assert_eq!(socket.change().await["todo"]["text"], "Please 2");
}

#[tokio::test]
async fn changes_of_other_people_are_never_delivered() {
    let system = demo().await;
    let login = login(&system.b.client(), "bruno", "Demo1234").await;
    let access = login["accessToken"].as_str().unwrap().to_owned();
    let bruno = demo_person(&system.a, "bruno").await;
    let (chiara, stranger) = (demo_person(&system.a, "chiara").await, Person::new(&system.a).await);
    let start = create(&bruno, "here Bruno begins").await;
    let mut socket = Socket::following(&system.b, &access, &start["cursor"]).await;
    for n in 0..10 {
        create(&chiara, &format!("of Chiara {n}")).await;
        create(&stranger.at(&system.b), &format!("of a stranger {n}")).await;
        create(&bruno, &format!("of Bruno {n}")).await;
        let for_bruno = json!({"text": format!("for Bruno {n}"), "assigneeId": start["todo"]["owner"]["id"]});
        chiara.ask(CREATE, json!({"input": for_bruno})).await;
    }
    for n in 0..10 {
        assert_eq!(socket.change().await["todo"]["text"], format!("of Bruno {n}"));
    }
    // The cursor of somebody else is a place in the log, and opens nothing.
    let theirs = create(&stranger.at(&system.a), "a place").await;
    let mut other = Socket::following(&system.a, &access, &theirs["cursor"]).await;
    create(&stranger.at(&system.a), "not for Bruno").await;
    create(&bruno, "the end").await;
    assert_eq!(other.change().await["todo"]["text"], "the end");
}
