//! Consumers in a process of their own.

use serde_json::json;

use crate::{
    database::Database,
    documents::{TODOS, create},
    person::{Person, REGISTER, fresh_name, input, mailed_token},
    service::{Service, Settings},
};

#[tokio::test]
async fn with_external_workers_only_the_worker_projects() {
    let database = Database::migrated().await;
    let api = Service::ready("api", &Settings::user(&database).with("WORKERS", "external")).await;
    let username = fresh_name();
    let body = api.client().whole(REGISTER, json!({"input": input(&username)})).await;
    let consistency = &body["extensions"]["consistency"];
    assert_eq!(consistency["shown"], false, "the answer says that no list shows it yet: {body}");
    let email = format!("{username}@people.test");
    let mails = api.client().get(&format!("/dev/outbox?to={email}")).await.unwrap().json();
    assert_eq!(mails, json!([]));

    let worker = Service::start("worker", &Settings::common(&database));
    mailed_token(&api.client(), &email).await;
    worker.process.says("application successfully started").await;
    let person = Person::new(&api).await;
    let made = create(&person.at(&api), "projected elsewhere").await;
    assert_eq!(person.at(&api).ask(TODOS, json!({})).await["nodes"][0], made["todo"]);
}
