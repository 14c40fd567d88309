//! Stopping: what was begun is finished, sockets are told, and the process is gone in seconds.

use std::time::Duration;

use futures_util::future::{join, join_all};
use serde_json::json;

use crate::{
    database::Database,
    documents::CREATE,
    person::Person,
    service::{Service, Settings, free_port},
    socket::Socket,
    system::shared,
};

/// The longest a process that is told to stop may take; orchestrators kill after 30 s.
const STOP_MAX: Duration = Duration::from_secs(8);

#[tokio::test]
async fn told_to_stop_it_finishes_requests_closes_sockets_with_1001_and_exits_with_0() {
    let system = shared().await;
    let mut service =
        Service::ready("api", &Settings::user(&system.database).with("WORKERS", "external")).await;
    let person = Person::new(&service).await;
    let mut socket = Socket::following(&service, &person.access, &person.cursor).await;
    let writers = join_all((0..8).map(|n| {
        let client = person.at(&service);
        async move {
            let mut acknowledged = 0;
            for m in 0.. {
                let variables = json!({"input": {"text": format!("{n} {m}")}});
                match client.graphql(CREATE, variables).await {
                    Ok(answer) if answer.status == 200 => acknowledged += 1,
                    Ok(answer) => panic!("{}: {}", answer.status, answer.text),
                    Err(_) => break,
                }
            }
            acknowledged
        }
    }));
    let stopping = async {
        // In the middle of things.
        for _ in 0..10 {
            socket.change().await;
        }
        service.process.signal("TERM");
        let ended = service.process.end().await;
        (ended, socket.closed().await)
    };
    let (acknowledged, ((code, took), (close, reason))) = join(writers, stopping).await;
    assert_eq!(code, Some(0));
    assert!(took < STOP_MAX, "{took:?}");
    assert_eq!(close, 1001, "{reason}");
    let acknowledged: i64 = acknowledged.iter().sum();
    let sql = format!(
        "SELECT count(*) FROM events WHERE event_type = 'todo.created' AND aggregate_id LIKE '{}/%'",
        person.tenant
    );
    assert_eq!(system.database.number(&sql).await, acknowledged, "what was done was answered");
}

#[tokio::test]
async fn processes_that_wait_or_idle_stop_as_well() {
    let database = Database::migrated().await;
    let away = database.behind(free_port());
    let waiting = Service::start("api", &Settings::user(&away));
    let waiting_worker = Service::start("worker", &Settings::common(&away));
    for service in [&waiting, &waiting_worker] {
        service.process.says("Retrying (1)").await;
    }
    let portal = Service::ready("portal-api", &Settings::portal(&database)).await;
    let worker = Service::start("worker", &Settings::common(&database));
    worker.process.says("application successfully started").await;
    for mut service in [waiting, waiting_worker, portal, worker] {
        service.process.signal("TERM");
        let (code, took) = service.process.end().await;
        let log = service.process.log();
        assert_eq!(code, Some(0), "{log}");
        assert!(took < STOP_MAX, "{took:?}: {log}");
        assert!(!log.contains(" ERROR "), "to be stopped is no error: {log}");
    }
}
