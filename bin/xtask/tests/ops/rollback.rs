//! `rollback.sh`: back to the definition before, or to a named one.

use serde_json::{Value, json};

use crate::{
    stub::{Stub, after, arn},
    tools::said,
};

fn definition(image: &str, status: &str) -> Value {
    json!({"taskDefinition": {"status": status, "containerDefinitions": [
        {"image": image, "dockerLabels": {"org.opencontainers.image.revision": format!("commit-of-{image}")}},
    ]}})
}

fn running(current: u32) -> Value {
    json!({"services": [{"status": "ACTIVE", "taskDefinition": arn("api", current), "deployments": []}]})
}

fn stable(revision: u32) -> Value {
    json!({"services": [{"status": "ACTIVE", "taskDefinition": arn("api", revision), "deployments": [{
        "taskDefinition": arn("api", revision), "status": "PRIMARY", "rolloutState": "COMPLETED",
        "desiredCount": 2, "runningCount": 2,
    }]}]})
}

fn service(name: &str, answers: &[Value]) -> Stub {
    Stub::new(name)
        .answers("ecs describe-services", answers)
        .answers("ecs update-service", &[json!({"service": {}})])
}

#[test]
fn without_a_name_the_newest_revision_with_another_image_comes_back() {
    let stub = service("back", &[running(9), stable(6)]).answers(
        "ecs describe-task-definition",
        &[
            definition("new", "ACTIVE"),
            // Registered again by a run that was started twice.
            definition("new", "ACTIVE"),
            // Taken out of use.
            definition("bad", "INACTIVE"),
            definition("old", "ACTIVE"),
        ],
    );
    let output = stub.run("rollback.sh", &["api"]);
    let expected = "Rolling enterprise-todo-api back from revision 9 to 6 (commit commit-of-old)\n\
                    enterprise-todo-api is stable on enterprise-todo-api:6\n";
    assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), expected));
    let calls = stub.calls();
    let update = calls.iter().find(|call| call[2] == "update-service").unwrap();
    assert_eq!(after(update, "--task-definition"), arn("api", 6));
    assert!(!stub.kinds().contains(&"ecs run-task".to_owned()), "the schema stays");
}

#[test]
fn a_named_revision_is_taken_when_it_can_be_used() {
    let good = service("named", &[running(9), stable(3)])
        .answers("ecs describe-task-definition", &[definition("old", "ACTIVE")]);
    let output = good.run("rollback.sh", &["api", "3"]);
    assert!(output.status.success() && said(&output).contains("from revision 9 to 3"), "{}", said(&output));

    for answer in [definition("old", "INACTIVE"), json!("!ClientException: no such revision")] {
        let stub = service("unusable", &[running(9)]).answers("ecs describe-task-definition", &[answer]);
        let output = stub.run("rollback.sh", &["api", "3"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains("enterprise-todo-api:3 does not exist, or is not active"));
        assert!(!stub.kinds().contains(&"ecs update-service".to_owned()));
    }
}

#[test]
fn a_first_release_has_nothing_to_go_back_to() {
    let stub = service("first", &[running(2)])
        .answers("ecs describe-task-definition", &[definition("only", "ACTIVE")]);
    let output = stub.run("rollback.sh", &["api"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("no earlier revision with another image"), "{}", said(&output));
}

#[test]
fn a_malformed_revision_or_service_never_reaches_aws() {
    for words in [&["api", "-1"][..], &["api", "7; rm"], &["migrator"], &[]] {
        let stub = service("malformed-rollback", &[running(9)]);
        assert_eq!(stub.run("rollback.sh", words).status.code(), Some(1));
        assert_eq!(stub.kinds(), [""; 0], "{words:?}");
    }
}
