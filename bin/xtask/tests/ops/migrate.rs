//! `migrate.sh`: the migrator's task, its exit code, its log, and that nothing goes on after a failure.

use std::process::Output;

use serde_json::{Value, json};

use crate::{
    stub::{DIGEST, SHA, Stub, after, arn, definition},
    tools::said,
};

const TASK: &str = "arn:aws:ecs:ap-southeast-1:1:task/enterprise-todo-prod/cafe";
const ABORTED: &str = "Migration failed — aborting deployment";

fn task(status: &str) -> Value {
    json!({"tasks": [{"taskArn": TASK, "lastStatus": status, "containers": [{"name": "migrator"}]}]})
}

fn ended(code: i32) -> Value {
    json!({"tasks": [{
        "taskArn": TASK, "lastStatus": "STOPPED", "stoppedReason": "Essential container in task exited",
        "containers": [{"name": "migrator", "exitCode": code}],
    }]})
}

fn log() -> Value {
    json!({"events": [
        {"message": "Initialising data source..."},
        {"message": "Migration failed: relation \"todo_list\" already exists"},
    ]})
}

/// AWS up to the moment at which the task runs.
fn started(name: &str) -> Stub {
    Stub::new(name)
        .answers("ecs register-task-definition", &[definition("migrator", 7)])
        .answers("ecs run-task", &[json!({"tasks": [{"taskArn": TASK}], "failures": []})])
        .answers("logs get-log-events", &[log()])
}

fn migrate(stub: &Stub) -> Output {
    stub.run("migrate.sh", &[DIGEST])
}

fn refused(output: &Output) -> String {
    let said = said(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!said.contains("proceeding with deployment"), "{said}");
    said
}

#[test]
fn a_migration_that_succeeds_lets_the_deployment_go_on() {
    let stub =
        started("migrated").answers("ecs describe-tasks", &[task("PROVISIONING"), task("RUNNING"), ended(0)]);
    let output = migrate(&stub);
    let expected = format!(
        "Migrator task ARN: {TASK}\nMigrator exit code: 0\nMigration succeeded — proceeding with deployment\n"
    );
    assert_eq!((output.status.code(), said(&output)), (Some(0), expected));
    let kinds =
        ["register-task-definition", "run-task", "describe-tasks", "describe-tasks", "describe-tasks"];
    assert_eq!(stub.kinds(), kinds.map(|kind| format!("ecs {kind}")));

    // That very commit's image, by its digest, where the services run.
    let migrator = &stub.registered()[0]["containerDefinitions"][0];
    assert_eq!(
        migrator["image"],
        format!("1.dkr.ecr.ap-southeast-1.amazonaws.com/enterprise-todo/migrator@{DIGEST}")
    );
    assert_eq!(migrator["dockerLabels"]["org.opencontainers.image.revision"], SHA);
    let run = &stub.calls()[1];
    assert_eq!(after(run, "--task-definition"), arn("migrator", 7));
    assert_eq!(after(run, "--cluster"), "enterprise-todo-prod");
    assert_eq!(
        after(run, "--network-configuration"),
        "awsvpcConfiguration={subnets=[subnet-1,subnet-2],securityGroups=[sg-1],assignPublicIp=DISABLED}"
    );
}

#[test]
fn a_failed_migration_shows_its_log_and_stops_everything() {
    let stub = started("failed").answers("ecs describe-tasks", &[task("RUNNING"), ended(1)]);
    let said = refused(&migrate(&stub));
    assert!(said.contains("Migrator exit code: 1"), "{said}");
    assert!(said.contains("  Migration failed: relation \"todo_list\" already exists"), "{said}");
    assert_eq!(said.lines().last(), Some(ABORTED));
    let asked = stub.calls().pop().unwrap();
    assert_eq!(after(&asked, "--log-group-name"), "/ecs/enterprise-todo-migrator");
    assert_eq!(after(&asked, "--log-stream-name"), "migrator/migrator/cafe");
}

#[test]
fn a_log_that_cannot_be_read_hides_nothing() {
    let stub = started("no-log")
        .answers("ecs describe-tasks", &[ended(1)])
        .answers("logs get-log-events", &[json!("!ResourceNotFoundException")]);
    let said = refused(&migrate(&stub));
    assert!(said.contains("Migrator exit code: 1") && said.contains("it cannot be read"), "{said}");
    assert!(said.contains(ABORTED), "{said}");
}

#[test]
fn a_task_that_never_ran_its_program_says_why() {
    let stopped = json!({"tasks": [{
        "lastStatus": "STOPPED", "stoppedReason": "CannotPullContainerError",
        "containers": [{"name": "migrator", "reason": "manifest unknown"}],
    }]});
    let stub = started("not-pulled").answers("ecs describe-tasks", &[stopped]);
    let said = refused(&migrate(&stub));
    assert!(said.contains("Migrator exit code: none"), "{said}");
    assert!(said.contains("Stopped because: CannotPullContainerError\n  manifest unknown"), "{said}");
}

#[test]
fn a_task_that_ecs_cannot_place_says_why() {
    let stub = started("not-placed")
        .answers("ecs run-task", &[json!({"tasks": [], "failures": [{"reason": "RESOURCE:ENI"}]})]);
    let said = refused(&migrate(&stub));
    assert!(said.contains("The migrator could not be started: RESOURCE:ENI"), "{said}");
    assert!(said.contains(ABORTED), "{said}");
}

#[test]
fn longer_than_the_ten_minutes_of_the_library_is_waited_for() {
    // At ten seconds a question, 70 of them are more than eleven minutes.
    let mut answers = vec![task("RUNNING"); 70];
    answers.push(ended(0));
    let stub = started("patient").answers("ecs describe-tasks", &answers);
    let output = migrate(&stub);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(stub.kinds().iter().filter(|kind| *kind == "ecs describe-tasks").count(), 71);
}

#[test]
fn patience_ends_and_the_running_task_is_left_alone() {
    let stub =
        started("time-out").with("WAIT_SECONDS", "0").answers("ecs describe-tasks", &[task("RUNNING")]);
    let said = refused(&migrate(&stub));
    assert!(said.contains("The migrator is still RUNNING after 0 s"), "{said}");
    assert!(said.contains("Initialising data source...") && said.contains(ABORTED), "{said}");
    assert!(!stub.kinds().contains(&"ecs stop-task".to_owned()));
}

#[test]
fn a_hiccup_of_aws_is_survived_and_a_lasting_one_is_not() {
    let hiccup = json!("!ThrottlingException");
    let stub = started("hiccup").answers("ecs describe-tasks", &[hiccup.clone(), hiccup.clone(), ended(0)]);
    let output = migrate(&stub);
    assert!(output.status.success(), "{}", said(&output));

    let stub = started("outage").answers("ecs describe-tasks", &[hiccup]);
    let said = refused(&migrate(&stub));
    assert!(said.contains("aws ecs describe-tasks failed 5 times in a row"), "{said}");
    assert!(said.contains(ABORTED), "{said}");
}

#[test]
fn a_refused_definition_or_run_is_a_failure() {
    let stub = started("refused-definition")
        .answers("ecs register-task-definition", &[json!("!AccessDeniedException")]);
    refused(&migrate(&stub));
    assert_eq!(stub.kinds(), ["ecs register-task-definition"]);

    let stub = started("refused-run").answers("ecs run-task", &[json!("!AccessDeniedException")]);
    assert!(refused(&migrate(&stub)).contains(ABORTED));
}

#[test]
fn what_is_no_commit_or_no_digest_never_reaches_aws() {
    for (sha, digest) in [("main", DIGEST), ("", DIGEST), (SHA, "latest"), (SHA, "sha256:short")] {
        let stub = started("malformed").with("SHA", sha);
        let output = stub.run("migrate.sh", &[digest]);
        refused(&output);
        assert_eq!(stub.kinds(), [""; 0], "{sha} {digest}");
    }
}
