//! The previous release and this one on one database. `cargo xtask upgrade` builds the programs of the
//! previous one and runs these tests; without them they say that they are skipped.
//!
//! # How to add a test
//!
//! [`releases`] gives both; [`Release::serve`] starts all processes of one on a database. What people
//! do is [`Running::is_used`].

mod back;
mod beside;
mod new_on_old;
mod old_on_new;

use std::{io::Write, process::Output, sync::OnceLock};

use application::proofs::SealingKey;
use serde_json::{Value, json};

use crate::{
    audit::AUDIT,
    client::Client,
    database::Database,
    documents::{COMPLETE, TODOS, UPDATE, create, create_tag},
    environment,
    person::{ME, PASSWORD, Person, login},
    portal::{LOGIN, PASSWORD as OFFICE_PASSWORD},
    process,
    service::{Service, Settings, in_parts},
    socket::Socket,
    wait::until,
};

/// What a consumer of all events has to catch up with.
const BEHIND: &str = "SELECT count(*) FROM events AS e JOIN projection_checkpoints AS c ON c.name = 'audit_list.v1' \
     WHERE (e.tx_id, e.position) > (c.tx_id, c.position)";

/// The programs of one release.
#[derive(Clone)]
struct Release(String);

/// Both that meet.
struct Releases {
    old: Release,
    new: Release,
}

/// Both, or nothing after saying so: nobody should take a test that did not run for one that passed.
fn releases() -> Option<Releases> {
    let Some(old) = environment::previous() else {
        let name = std::thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED {name}: it needs the previous release; `cargo xtask upgrade` runs it"
        );
        return None;
    };
    let of = |folder: &std::path::Path| Release(folder.display().to_string());
    Some(Releases { old: of(&old), new: of(std::path::Path::new(&environment::told("TEST_BIN_DIR"))) })
}

/// The settings that all processes of a system share.
fn common(database: &Database) -> Settings {
    // One key: what one release has sealed the other must be able to check.
    static KEY: OnceLock<String> = OnceLock::new();
    let key = KEY.get_or_init(|| SealingKey::generate().expect("a key"));
    Settings::common(database).with("AUDIT_SIGNING_KEY", key)
}

/// All processes of a release.
struct Running {
    api: Service,
    portal: Service,
    worker: Service,
    database: Database,
    release: Release,
}

impl Release {
    /// A program of it, as [`process::command`] takes it.
    fn program(&self, name: &str) -> String {
        format!("{}/{name}", self.0)
    }

    /// Runs its migrator.
    async fn migrate(&self, database: &Database, words: &[&str]) -> String {
        let command = in_parts(Settings::none(), database).command(&self.program("migrator"), words);
        let output = process::run(command).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs its worker with these words.
    async fn worker(&self, database: &Database, words: &[&str]) -> Output {
        process::run(common(database).command(&self.program("worker"), words)).await
    }

    /// Starts all of it; ready.
    async fn serve(&self, database: &Database) -> Running {
        let shared = ["AUDIT_SIGNING_KEY", "WORKERS"];
        let own = common(database).with("WORKERS", "external");
        let with =
            |settings: Settings| shared.into_iter().fold(settings, |it, name| it.with(name, own.get(name)));
        let worker = Service::start(&self.program("worker"), &common(database));
        let api = Service::ready(&self.program("api"), &with(Settings::user(database))).await;
        let portal = Service::ready(&self.program("portal-api"), &with(Settings::portal(database))).await;
        worker.process.says("application successfully started").await;
        Running { api, portal, worker, database: database.clone(), release: self.clone() }
    }
}

impl Running {
    /// Ends it in order, as a deploy does.
    async fn stop(mut self) {
        for service in [&mut self.api, &mut self.portal, &mut self.worker] {
            service.process.signal("TERM");
        }
        for service in [&mut self.api, &mut self.portal, &mut self.worker] {
            assert_eq!(service.process.end().await.0, Some(0));
        }
    }

    /// Somebody registers, follows, writes and signs in again; somebody of the office looks at it.
    async fn is_used(&self, name: &str) -> Person {
        // A link in a mail, so that jobs run as well.
        let person = Person::named(&self.api, name).await;
        self.is_written_to(&person, name).await;
        let tokens = login(&self.api.client(), &person.username, PASSWORD).await;
        let me = self.api.client().bearer(tokens["accessToken"].as_str().unwrap()).ask(ME, json!({})).await;
        assert_eq!(me["id"], person.id);
        let trail = self.trail(&person).await;
        let types: Vec<&str> = trail.iter().map(|it| it["eventType"].as_str().unwrap()).collect();
        for kind in
            ["user.registered", "user.email_verified", "tag.created", "todo.completed", "user.signed_in"]
        {
            assert!(types.contains(&kind), "{kind}: {types:?}");
        }
        person
    }

    /// Three todos, one of them through its life, each change seen by a subscriber, and listed.
    async fn is_written_to(&self, person: &Person, name: &str) {
        let client = person.at(&self.api);
        let first = create(&client, &format!("{name} 0")).await;
        let mut socket = Socket::following(&self.api, &person.access, &first["cursor"]).await;
        let id = &first["todo"]["id"];
        let mut cursors = Vec::new();
        for n in 1..3 {
            cursors.push(create(&client, &format!("{name} {n}")).await["cursor"].clone());
        }
        let update = json!({"id": id, "with": {"priority": "HIGH"}});
        cursors.push(client.ask(UPDATE, update).await["cursor"].clone());
        cursors.push(client.ask(COMPLETE, json!({"id": id})).await["cursor"].clone());
        for cursor in &cursors {
            assert_eq!(&socket.change().await["cursor"], cursor, "each change once, in order");
        }
        create_tag(&client, &format!("tag {name}")).await;
        let texts = self.texts(person, cursors.last().unwrap()).await;
        for n in 0..3 {
            assert_eq!(texts.iter().filter(|text| **text == format!("{name} {n}")).count(), 1, "{texts:?}");
        }
    }

    /// What a person's list shows, not older than a cursor.
    async fn texts(&self, person: &Person, cursor: &Value) -> Vec<String> {
        let list = person.at(&self.api).after(cursor).ask(TODOS, json!({"first": 100})).await;
        let nodes = list["nodes"].as_array().unwrap();
        nodes.iter().map(|node| node["text"].as_str().unwrap().to_owned()).collect()
    }

    /// An operator with all rights; made when there is none yet.
    async fn operator(&self) -> Client {
        const EMAIL: &str = "olga@upgrade.test";
        let words = ["operator", "create", "--email", EMAIL, "--fullname", "Olga", "--role", "SUPER_ADMIN"];
        let command = Settings::portal(&self.database).command(&self.release.program("portal-api"), &words);
        let made = process::run_with(command, OFFICE_PASSWORD).await;
        // 3: there is one of that address.
        assert!(matches!(made.status.code(), Some(0 | 3)), "{made:?}");
        let tokens =
            self.portal.client().ask(LOGIN, json!({"email": EMAIL, "password": OFFICE_PASSWORD})).await;
        self.portal.client().bearer(tokens["accessToken"].as_str().unwrap())
    }

    /// The audit trail of a person's tenant.
    async fn trail(&self, person: &Person) -> Vec<Value> {
        let operator = self.operator().await;
        until("the audit list", async || self.database.number(BEHIND).await == 0).await;
        let variables = json!({"filter": {"tenantId": person.tenant}, "first": 100});
        let mut trail = operator.ask(AUDIT, variables).await["nodes"].as_array().unwrap().clone();
        // Whoever looks is in it as well.
        trail.retain(|event| event["aggregateType"] != "act");
        trail
    }
}

/// The trail without what differs by request: the same events, in the same order, as they were.
fn facts(trail: &[Value]) -> Vec<Value> {
    let fact = |it: &Value| {
        json!([it["position"], it["eventType"], it["aggregateId"], it["version"], it["payload"]])
    };
    trail.iter().map(fact).collect()
}
