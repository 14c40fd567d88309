//! Mails through jobs, over SMTP, in processes that are killed.

use std::time::Duration;

use serde_json::json;
use testkit::{Manners, SmtpServer};

use crate::{
    database::Database,
    person::{REGISTER, fresh_name, input},
    service::{Service, Settings},
    wait::{until, within},
};

/// A worker's lease and the look of another at it, with time to spare on a busy machine.
const TAKEN_OVER_MAX: Duration = Duration::from_mins(1);

fn with_mail(settings: Settings, server: &SmtpServer) -> Settings {
    settings
        .with("SMTP_HOST", "localhost")
        .with("SMTP_PORT", server.port().to_string())
        .with("SMTP_FROM", "no-reply@todo.test")
}

async fn register(api: &Service) -> String {
    let username = fresh_name();
    api.client().ask(REGISTER, json!({"input": input(&username)})).await;
    format!("{username}@people.test")
}

#[tokio::test]
async fn a_mail_leaves_over_smtp_and_the_log_says_what_its_job_did() {
    let (database, server) = (Database::migrated().await, SmtpServer::start().await);
    let api = Service::ready("api", &with_mail(Settings::user(&database), &server)).await;

    let email = register(&api).await;

    until("the mail", async || !server.mails().is_empty()).await;
    let [mail] = server.mails().try_into().unwrap();
    assert!(mail.contains(&email), "{mail}");
    api.process.says("Job email:send-email-verification 1 completed in ").await;
    let log = api.process.log();
    assert!(log.contains("Job email:send-email-verification 1 started"), "{log}");
    assert!(!log.contains(&email), "no address is logged");
    let kept = api.client().get(&format!("/dev/outbox?to={email}")).await.unwrap().json();
    assert_eq!(kept, json!([]), "what is sent is not kept");
}

#[tokio::test]
async fn what_the_mail_server_refuses_is_a_dead_letter_after_one_try_and_the_log_says_why() {
    let (database, server) = (Database::migrated().await, SmtpServer::start().await);
    let api = Service::ready("api", &with_mail(Settings::user(&database), &server)).await;
    server.behave(Manners::Refuse("550 5.1.1 no such user here"));

    let email = register(&api).await;

    api.process.says("Job email:send-email-verification 1 failed after 1 attempt(s): ").await;
    let log = api.process.log();
    let line = log.lines().find(|line| line.contains("failed after")).unwrap();
    assert!(line.contains("no such user here") && line.contains("ERROR"), "{line}");
    assert!(!log.contains(&email), "no address is logged");
    assert_eq!(server.tries(), 1);

    let settings = with_mail(Settings::common(&database), &server);
    let worker = |words: &[&str]| {
        let done = settings.command("worker", words).output().expect("it runs");
        (done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned())
    };
    let (listed, dead) = worker(&["jobs", "dead"]);
    assert!(
        listed && dead.contains("email:send-email-verification") && dead.contains("no such user"),
        "{dead}"
    );
    assert!(!worker(&["jobs", "retry", "77"]).0, "there is no such job");
    server.behave(Manners::Accept);
    assert!(worker(&["jobs", "retry", "1"]).0);
    until("the mail", async || server.mails().len() == 1).await;
    until("an empty queue", async || worker(&["jobs"]) == (true, String::new())).await;
}

#[tokio::test]
async fn the_mail_of_a_worker_that_was_killed_while_it_sent_is_sent_by_another() {
    let (database, server) = (Database::migrated().await, SmtpServer::start().await);
    let external = with_mail(Settings::user(&database), &server).with("WORKERS", "external");
    let api = Service::ready("api", &external).await;
    server.behave(Manners::Stall);
    let mut doomed = Service::start("worker", &with_mail(Settings::common(&database), &server));
    register(&api).await;
    until("a try", async || server.tries() == 1).await;

    doomed.process.kill();
    server.behave(Manners::Accept);
    let heir = Service::start("worker", &with_mail(Settings::common(&database), &server));

    within(TAKEN_OVER_MAX, "a mail", async || !server.mails().is_empty()).await;
    heir.process.says("Job email:send-email-verification 1 completed in ").await;
    assert_eq!((server.mails().len(), server.tries()), (1, 2));
    assert!(!api.process.log().contains("Job email:"), "with external workers the surface runs no jobs");
}
