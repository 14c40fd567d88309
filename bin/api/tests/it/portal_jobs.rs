//! The queue of jobs on the portal.

use serde_json::{Value, json};
use testkit::{Manners, SmtpServer};

use crate::{
    client::Client,
    operators::colleague,
    person::{REGISTER, fresh_name, input},
    service::{Service, Settings},
    system::System,
    wait::until,
};

const JOBS: &str = "query($state: JobState, $queue: String, $kind: String, $first: Int, $after: Cursor, \
    $last: Int, $before: Cursor) { jobs(state: $state, queue: $queue, kind: $kind, first: $first, after: $after, \
    last: $last, before: $before) { nodes { id queue kind state key attempts maxAttempts lastError createdAt runAt } \
    edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }";
const RETRY: &str = "mutation($id: ID!) { retryJob(id: $id) { job { id state attempts } cursor } }";
const DISCARD: &str = "mutation($id: ID!) { discardJob(id: $id) { job { id state } cursor } }";
const ACTS: &str = "query($actor: ID!) { auditEvents(first: 100, filter: {actorId: $actor, eventType: \"act.done\"}) \
    { nodes { command payload } } }";

/// A system whose mail server refuses every mail for good.
pub(crate) async fn refusing() -> (System, SmtpServer) {
    let server = SmtpServer::start().await;
    server.behave(Manners::Refuse("550 5.1.1 no such user here"));
    let with_mail = |settings: Settings| {
        settings
            .with("SMTP_HOST", "localhost")
            .with("SMTP_PORT", server.port().to_string())
            .with("SMTP_FROM", "no-reply@todo.test")
    };
    let database = crate::database::Database::migrated().await;
    let a = Service::ready("api", &with_mail(Settings::user(&database))).await;
    let b = Service::ready("api", &with_mail(Settings::user(&database)).with("WORKERS", "external")).await;
    let portal = with_mail(Settings::portal(&database)).with("WORKERS", "external");
    let portal = Service::ready("portal-api", &portal).await;
    (System { database, a, b, portal }, server)
}

pub(crate) async fn dead(operator: &Client, count: i64) -> Value {
    until("dead letters", async || operator.ask(JOBS, json!({"state": "DEAD"})).await["totalCount"] == count)
        .await;
    operator.ask(JOBS, json!({"state": "DEAD"})).await
}

#[tokio::test]
async fn operations_see_a_dead_letter_try_it_anew_and_take_it_away_and_both_are_written_down() {
    let (system, server) = refusing().await;
    let (_, _, support) = colleague(&system, "SUPPORT").await;
    let (id, _, operations) = colleague(&system, "OPERATIONS").await;
    let names = [fresh_name(), fresh_name(), fresh_name()];
    for name in &names {
        system.a.client().ask(REGISTER, json!({"input": input(name)})).await;
    }

    let listed = dead(&support, 3).await;

    let first = &listed["nodes"][0];
    assert_eq!(
        (&first["queue"], &first["kind"], &first["state"], &first["attempts"]),
        (&json!("email"), &json!("send-email-verification"), &json!("DEAD"), &json!(3)),
        "a job that will never succeed is not tried again: {first}"
    );
    assert!(first["lastError"].as_str().unwrap().contains("no such user here"), "{first}");
    for name in &names {
        assert!(!listed.to_string().contains(name.as_str()), "nothing personal is shown: {listed}");
    }
    let ids: Vec<i64> = listed["nodes"].as_array().unwrap().iter().map(number).collect();
    assert!(ids.is_sorted_by(|a, b| a > b), "newest first: {ids:?}");

    for document in [RETRY, DISCARD] {
        let refused = support.refused(document, json!({"id": first["id"]})).await;
        assert_eq!((refused.code.as_str(), refused.message.contains("OPERATIONS")), ("FORBIDDEN", true));
        for nothing in ["77777", "-1", "0", "x", "99999999999999999999"] {
            let refused = operations.refused(document, json!({"id": nothing})).await;
            assert_eq!(refused.code, "NOT_FOUND", "{nothing}");
        }
    }

    server.behave(Manners::Accept);
    let again = operations.ask(RETRY, json!({"id": first["id"]})).await;
    assert_eq!((&again["job"]["id"], &again["job"]["attempts"]), (&first["id"], &json!(0)));
    until("the mail", async || server.mails().len() == 1).await;
    let gone = operations.ask(DISCARD, json!({"id": ids[1].to_string()})).await;
    assert_eq!(gone["job"]["id"], ids[1].to_string());
    assert_eq!(operations.refused(DISCARD, json!({"id": ids[1].to_string()})).await.code, "NOT_FOUND");
    assert_eq!(dead(&support, 1).await["nodes"][0]["id"], ids[2].to_string());

    let about = |acts: &Value, command: &str, id: &Value| {
        let acts = acts["nodes"].as_array().unwrap().iter();
        let id = id.as_str().unwrap();
        acts.filter(|act| {
            act["command"] == command && act["payload"].to_string().contains(&format!("{id:?}"))
        })
        .count()
    };
    // The second one was refused, so that there is no cursor of it to wait for.
    until("all three acts in the trail", async || {
        let acts = operations.after(&gone["cursor"]).ask(ACTS, json!({"actor": id})).await;
        let (retried, discarded) = (&first["id"], &gone["job"]["id"]);
        (about(&acts, "job.retry", retried), about(&acts, "job.discard", discarded)) == (1, 2)
    })
    .await;
}

fn number(job: &Value) -> i64 {
    job["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn jobs_come_in_pages_by_state_queue_and_kind_and_a_running_one_is_left_alone() {
    let (system, server) = refusing().await;
    let (_, _, operations) = colleague(&system, "OPERATIONS").await;
    for _ in 0..3 {
        system.a.client().ask(REGISTER, json!({"input": input(&fresh_name())})).await;
    }
    let whole = dead(&operations, 3).await;
    let ids = |list: &Value| list["nodes"].as_array().unwrap().iter().map(number).collect::<Vec<_>>();

    let first = operations.ask(JOBS, json!({"first": 2})).await;
    assert_eq!((ids(&first), &first["totalCount"]), (ids(&whole)[..2].to_vec(), &json!(3)));
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let rest = operations.ask(JOBS, json!({"first": 2, "after": first["pageInfo"]["endCursor"]})).await;
    assert_eq!((ids(&rest), &rest["pageInfo"]["hasNextPage"]), (ids(&whole)[2..].to_vec(), &json!(false)));
    let back = operations.ask(JOBS, json!({"last": 1, "before": rest["pageInfo"]["startCursor"]})).await;
    assert_eq!((ids(&back), &back["pageInfo"]["hasPreviousPage"]), (vec![ids(&whole)[1]], &json!(true)));
    for (filter, count) in [
        (json!({"queue": "email"}), 3),
        (json!({"queue": "email", "kind": "send-email-verification", "state": "DEAD"}), 3),
        (json!({"queue": "maintenance"}), 0),
        (json!({"kind": "send-password-reset"}), 0),
        (json!({"state": "WAITING"}), 0),
        (json!({"queue": "%"}), 0),
    ] {
        assert_eq!(operations.ask(JOBS, filter.clone()).await["totalCount"], count, "{filter}");
    }
    for (wrong, field) in [
        (json!({"first": 0}), "first"),
        (json!({"first": 101}), "first"),
        (json!({"after": "made up"}), "after"),
        (json!({"queue": "a\u{0}b"}), "queue"),
    ] {
        assert_eq!(
            operations.refused(JOBS, wrong.clone()).await.what(),
            ("VALIDATION_FAILED", field),
            "{wrong}"
        );
    }

    server.behave(Manners::Stall);
    let id = ids(&whole)[0].to_string();
    operations.ask(RETRY, json!({"id": id})).await;
    until("it runs", async || operations.ask(JOBS, json!({"state": "RUNNING"})).await["totalCount"] == 1)
        .await;
    for document in [RETRY, DISCARD] {
        assert_eq!(operations.refused(document, json!({"id": id})).await.code, "CONFLICT");
    }
    assert_eq!(operations.ask(JOBS, json!({"state": "RUNNING"})).await["totalCount"], 1, "it goes on");
}
