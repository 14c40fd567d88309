//! From an event to a mail: once, with nothing personal on the way.

use std::sync::Arc;

use adapter_postgres::{
    Deployment, PgOutbox, PgSentLog, REACTIONS, all,
    consumers::{Effects, Projection},
    jobs::{Bell, PgUpkeep, Reacting, our_kinds},
    mail_reactions,
};
use application::{
    Aggregates, Terms,
    jobs::{Cause, Job, JobDeps, JobFailure, Jobs, NewJob, Perform, SendEmailVerification},
    mail::{Outbox, SentMail},
    ports::Clock,
    user::{Mails, Person, Register},
};
use domain::{StreamId, UserId};
use testkit::{TestDatabase, eventually, given::nobody};
use tokio_util::sync::CancellationToken;

use super::desk::{QUICK, is_empty, queued};
use crate::rig::{Node, Running};

const EMAIL: &str = "ann@people.test";

pub(super) fn jobs(node: &Node) -> Jobs {
    let pool = || node.pools.pool.clone();
    Jobs::new(JobDeps {
        log: Arc::clone(&node.log) as _,
        users: Aggregates::new(Arc::clone(&node.log) as _),
        operators: Aggregates::new(Arc::clone(&node.log) as _),
        vault: Arc::clone(&node.vault) as _,
        clock: Arc::clone(&node.clock) as Arc<dyn Clock>,
        mailer: Some(Arc::new(PgOutbox::new(pool()))),
        sent: Arc::new(PgSentLog::new(pool())),
        web_url: "https://web.test/".to_owned(),
        upkeep: Arc::new(PgUpkeep::new(pool())),
    })
}

fn reacts(node: &Node, bell: &Arc<Bell>) -> Running {
    node.run(Reacting::new(Mails, &node.pools.pool, Arc::clone(bell)))
}

pub(super) async fn register(node: &Node) -> StreamId {
    let person = Person {
        fullname: "Ann Canary".to_owned().try_into().unwrap(),
        username: "anncanary".to_owned().try_into().unwrap(),
        email: EMAIL.to_owned().try_into().unwrap(),
        password: "Correct7Horse".to_owned().try_into().unwrap(),
    };
    let register = Register { person, tenant_name: None, referral_code: None };
    let done = node.app().send(&nobody(), register, Terms::default()).await.unwrap();
    StreamId::within(done.person.tenant.id, done.person.id.0)
}

async fn outbox(node: &Node) -> Vec<SentMail> {
    PgOutbox::new(node.pools.pool.clone()).sent(Some(EMAIL), 10).await.unwrap()
}

fn attempt(cause: &Cause) -> application::jobs::Attempt {
    let key = NewJob::key_of(SendEmailVerification::NAME, &cause.key());
    application::jobs::Attempt { job: application::jobs::JobId(1), number: 1, key: Some(key) }
}

#[tokio::test]
async fn a_registration_leads_to_one_mail_through_the_queue() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let bell = Bell::new();
    let _reaction = reacts(&node, &bell);
    let stop = CancellationToken::new();
    let runner = our_kinds(jobs(&node), node.pools.pool.clone(), bell, QUICK);
    let worker = tokio::spawn(runner.run(stop.clone()));

    register(&node).await;

    eventually("the mail is there", async || !outbox(&node).await.is_empty()).await;
    is_empty(&node).await;
    let [mail] = outbox(&node).await.try_into().unwrap();
    assert!(mail.text.starts_with("Hello Ann Canary,"), "{}", mail.text);
    assert!(mail.links[0].starts_with("https://web.test/verify-email?token="), "{:?}", mail.links);
    stop.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn nothing_personal_and_no_token_waits_in_the_queue() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let _reaction = reacts(&node, &Bell::new());
    register(&node).await;
    eventually("the job waits", async || queued(&node).await == 1).await;

    let sql = "SELECT (j.*)::text || (q.payload)::text FROM graphile_worker.jobs j \
               JOIN graphile_worker._private_jobs q USING (id)";
    let row: String = node.client().await.query_one(sql, &[]).await.unwrap().get(0);

    assert!(row.contains("email:send-email-verification") && row.contains("\"sequence\":1"), "{row}");
    for secret in ["canary", "Canary", "people.test", "token"] {
        assert!(!row.contains(secret), "{row}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_reactions_at_once_and_a_repeated_start_put_one_job_a_cause() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let other = node.beside(&database, 2);
    let bell = Bell::new();
    let (first, second) = (reacts(&node, &bell), reacts(&other, &bell));
    register(&node).await;
    eventually("the job waits", async || queued(&node).await == 1).await;
    first.kill().await;
    second.kill().await;
    // Had it been done, a second job would not be hindered by the key of the first.
    node.client().await.batch_execute("DELETE FROM graphile_worker._private_jobs").await.unwrap();

    let _again = reacts(&other, &bell);
    other.caught_up("mails.v1", &["user"]).await;
    tokio::time::sleep(crate::rig::QUICK.poll * 5).await;

    assert_eq!(queued(&node).await, 0);
}

#[tokio::test]
async fn a_reaction_without_a_checkpoint_does_not_begin_at_the_first_event() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    register(&node).await;
    // As a rebuild would begin.
    let forget = "DELETE FROM projection_checkpoints WHERE name = 'mails.v1'";
    assert_eq!(node.client().await.execute(forget, &[]).await.unwrap(), 1);

    let _reaction = reacts(&node, &Bell::new());
    tokio::time::sleep(crate::rig::QUICK.poll * 10).await;

    assert_eq!(queued(&node).await, 0);
    let sql = "SELECT count(*) FROM projection_checkpoints WHERE name = 'mails.v1'";
    assert_eq!(node.client().await.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_reaction_is_no_read_model() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let models = all(&Deployment { vault: Arc::clone(&node.vault) as _ });
    assert!(models.iter().all(|model| model.effects() == Effects::Rows));
    let reactions = mail_reactions(&node.pools.pool, &Bell::new());
    assert!(reactions.iter().all(|reaction| reaction.effects() == Effects::Outside));
    let names: Vec<&str> = reactions.iter().map(|reaction| Projection::name(reaction.as_ref())).collect();
    assert_eq!(names, REACTIONS);
}

#[tokio::test]
async fn the_same_job_three_times_is_one_mail() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let cause = Cause::new(&register(&node).await, 1);
    let jobs = jobs(&node);

    for _ in 0..3 {
        jobs.perform(SendEmailVerification { cause: cause.clone() }, &attempt(&cause)).await.unwrap();
    }
    assert_eq!(outbox(&node).await.len(), 1);

    // Even when it was not written down that it left.
    node.client().await.batch_execute("DELETE FROM sent_mails").await.unwrap();
    jobs.perform(SendEmailVerification { cause: cause.clone() }, &attempt(&cause)).await.unwrap();
    assert_eq!(outbox(&node).await.len(), 1, "two with one id are one mail");
}

#[tokio::test]
async fn an_erased_person_and_an_expired_link_get_no_mail() {
    for erased in [true, false] {
        let database = TestDatabase::new().await;
        let node = Node::on(&database);
        let stream = register(&node).await;
        let cause = Cause::new(&stream, 1);
        if erased {
            let user = UserId(stream.own().unwrap());
            let sql = "DELETE FROM subject_keys WHERE subject_id = $1";
            assert_eq!(database.owner().await.execute(sql, &[&user.0]).await.unwrap(), 1);
        } else {
            node.clock.advance(std::time::Duration::from_hours(24));
        }
        // Another process: this one still has the key in memory.
        let other = node.beside(&database, 2);
        if !erased {
            other.clock.advance(std::time::Duration::from_hours(24));
        }

        jobs(&other).perform(SendEmailVerification { cause: cause.clone() }, &attempt(&cause)).await.unwrap();

        assert_eq!(outbox(&node).await, [], "erased: {erased}");
    }
}

#[tokio::test]
async fn a_job_whose_cause_is_no_such_event_is_final() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let stream = register(&node).await;
    let cause = Cause::new(&stream, 99);

    let failed = jobs(&node).perform(SendEmailVerification { cause: cause.clone() }, &attempt(&cause)).await;

    assert!(matches!(failed, Err(JobFailure::Never(_))), "{failed:?}");
}
