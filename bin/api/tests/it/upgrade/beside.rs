//! A rolling deploy: tasks of both releases serve the same people.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};

use super::{facts, releases};
use crate::{
    client::Client,
    database::Database,
    documents::{COMPLETE, create},
    socket::{Socket, seen},
};

/// Writers on each release, and todos of each, which are written and done.
const WRITERS: usize = 3;
const TODOS: usize = 10;

async fn write(client: Client, name: String) {
    for n in 0..TODOS {
        let made = create(&client, &format!("{name} {n}")).await;
        client.ask(COMPLETE, serde_json::json!({"id": made["todo"]["id"]})).await;
    }
}

async fn follow(mut socket: Socket) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let change = socket.change().await;
        if change["todo"]["text"] == "the end" {
            return all;
        }
        all.push(seen(&change));
    }
}

#[tokio::test]
async fn both_releases_serve_beside_each_other_and_nothing_is_lost_or_seen_twice() {
    let Some(both) = releases() else { return };
    let database = Database::migrated().await;
    let (old, new) = (both.old.serve(&database).await, both.new.serve(&database).await);
    let person = old.is_used("in_between").await;
    // An account of one is an account of the other.
    new.is_written_to(&person, "moved").await;
    let start = create(&person.at(&old.api), "the start").await["cursor"].clone();
    let sockets = [&old.api, &new.api].map(|api| Socket::following(api, &person.access, &start));
    let sockets = join_all(sockets).await;

    let writers = (0..WRITERS).flat_map(|n| {
        [(&old.api, format!("old {n}")), (&new.api, format!("new {n}"))]
            .map(|(api, name)| write(person.at(api), name))
    });
    let writing = async {
        join_all(writers).await;
        create(&person.at(&new.api), "the end").await
    };
    let (end, read) = join(writing, join_all(sockets.into_iter().map(follow))).await;

    for (all, release) in read.iter().zip(["old", "new"]) {
        let unique: BTreeSet<&String> = all.iter().collect();
        assert_eq!(
            (all.len(), unique.len()),
            (WRITERS * 2 * TODOS * 2, all.len()),
            "{release}: none lost, none twice"
        );
        assert_eq!(all, &read[0], "one order for everybody");
    }
    let lists = [old.texts(&person, &end["cursor"]).await, new.texts(&person, &end["cursor"]).await];
    assert_eq!(lists[0], lists[1]);
    assert_eq!(lists[0].len(), 3 + 3 + 2 + WRITERS * 2 * TODOS);
    let trails = [facts(&old.trail(&person).await), facts(&new.trail(&person).await)];
    assert_eq!(trails[0], trails[1], "the same trail on both portals");
    old.stop().await;
    // The leases of its consumers are taken over.
    new.is_written_to(&person, "alone").await;
    new.stop().await;
}
