//! `deploy.sh`: a service on a new definition, and the wait until it is stable on just that one.

use std::process::Output;

use serde_json::{Value, json};

use crate::{
    stub::{DIGEST, SHA, Stub, after, arn, definition},
    tools::said,
};

/// What ECS says about the service while these deployments are under way.
fn service(current: u32, deployments: &[Value]) -> Value {
    json!({"services": [{
        "status": "ACTIVE", "taskDefinition": arn("api", current), "deployments": deployments,
        "events": [{"createdAt": "2026-01-01T00:00:00Z", "message": "(service api) task failed its health check"}],
    }]})
}

fn deployment(revision: u32, status: &str, state: &str, running: u32) -> Value {
    json!({
        "taskDefinition": arn("api", revision), "status": status, "rolloutState": state,
        "rolloutStateReason": "tasks failed to start", "desiredCount": 2, "runningCount": running,
    })
}

fn registered(name: &str) -> Stub {
    Stub::new(name)
        .answers("ecs register-task-definition", &[definition("api", 8)])
        .answers("ecs update-service", &[json!({"service": {}})])
}

fn deploy(stub: &Stub) -> Output {
    stub.run("deploy.sh", &["api", DIGEST])
}

fn failed(output: &Output) -> String {
    let said = said(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!said.contains("is stable on"), "{said}");
    said
}

#[test]
fn a_service_is_deployed_when_it_is_stable_on_the_new_definition() {
    let old = || deployment(7, "ACTIVE", "COMPLETED", 2);
    let stub = registered("deployed").answers(
        "ecs describe-services",
        &[
            // Asked too early, ECS knows the new definition and not yet the deployment.
            service(8, &[deployment(7, "PRIMARY", "COMPLETED", 2)]),
            service(8, &[deployment(8, "PRIMARY", "IN_PROGRESS", 1), old()]),
            // Complete, says ECS, and one task is just being replaced.
            service(8, &[deployment(8, "PRIMARY", "COMPLETED", 1)]),
            service(8, &[deployment(8, "PRIMARY", "COMPLETED", 2)]),
        ],
    );
    let output = deploy(&stub);
    let expected = format!(
        "Deploying enterprise-todo-api: enterprise-todo-api:8 (commit {SHA})\n\
         enterprise-todo-api is stable on enterprise-todo-api:8\n"
    );
    assert_eq!((output.status.code(), said(&output)), (Some(0), expected));
    let update = &stub.calls()[1];
    assert_eq!(after(update, "--service"), "enterprise-todo-api");
    assert_eq!(after(update, "--task-definition"), arn("api", 8));
    let api = &stub.registered()[0]["containerDefinitions"][0];
    assert_eq!(api["image"], format!("1.dkr.ecr.ap-southeast-1.amazonaws.com/enterprise-todo/api@{DIGEST}"));
}

#[test]
fn tasks_that_do_not_get_well_are_a_failure_with_the_reason() {
    let stub = registered("unwell").answers(
        "ecs describe-services",
        &[
            service(8, &[deployment(8, "PRIMARY", "IN_PROGRESS", 0)]),
            service(8, &[deployment(8, "PRIMARY", "FAILED", 0), deployment(7, "ACTIVE", "COMPLETED", 2)]),
        ],
    );
    let said = failed(&deploy(&stub));
    assert!(said.contains("did not become stable: tasks failed to start"), "{said}");
    assert!(said.contains("(service api) task failed its health check"), "{said}");
    assert_eq!(said.lines().last(), Some("Deployment failed"));
}

#[test]
fn a_service_that_was_rolled_back_is_stable_and_still_a_failure() {
    let stub = registered("rolled-back").answers(
        "ecs describe-services",
        &[
            service(8, &[deployment(8, "PRIMARY", "IN_PROGRESS", 0)]),
            service(7, &[deployment(7, "PRIMARY", "COMPLETED", 2)]),
        ],
    );
    let said = failed(&deploy(&stub));
    assert!(said.contains("another deployment took its place"), "{said}");
}

#[test]
fn patience_with_a_service_ends() {
    let stub = registered("slow")
        .with("WAIT_SECONDS", "0")
        .answers("ecs describe-services", &[service(8, &[deployment(8, "PRIMARY", "IN_PROGRESS", 1)])]);
    assert!(failed(&deploy(&stub)).contains("no stability within 0 s"));
}

#[test]
fn a_service_that_is_not_there_is_a_failure() {
    let stub = registered("gone").answers("ecs describe-services", &[json!({"services": []})]);
    assert!(failed(&deploy(&stub)).contains("there is no such service"));
}

#[test]
fn a_refused_update_is_a_failure_and_nothing_is_waited_for() {
    let stub = registered("not-updated").answers("ecs update-service", &[json!("!AccessDeniedException")]);
    assert!(failed(&deploy(&stub)).contains("enterprise-todo-api was not updated"));
    assert_eq!(stub.kinds(), ["ecs register-task-definition", "ecs update-service"]);
}

#[test]
fn what_is_no_service_is_not_deployed() {
    for name in ["migrator", "nginx", ""] {
        let stub = registered("no-service");
        failed(&stub.run("deploy.sh", &[name, DIGEST]));
        assert_eq!(stub.kinds(), [""; 0]);
    }
}
