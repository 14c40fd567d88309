//! `render.sh` and the files it fills: exactly the variables of the inventory, and what an
//! environment adds.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    stub::{DIGEST, SHA, Stub},
    tools::{said, text},
};

const DATABASE: [&str; 4] = ["PROJECT_DB_HOST", "PROJECT_DB_NAME", "PROJECT_DB_PORT", "PROJECT_DB_USER"];
const REDIS: [&str; 4] = ["REDIS_BULL_HOST", "REDIS_BULL_PORT", "REDIS_PUBSUB_HOST", "REDIS_PUBSUB_PORT"];
const NAMES: [&str; 4] = ["api", "portal-api", "migrator", "worker"];

fn definition(name: &str) -> Value {
    serde_json::from_str(&text(&format!("ops/task-definitions/{name}.json"))).unwrap()
}

/// Name → value of a list of a container.
fn list(definition: &Value, list: &str, value: &str) -> BTreeMap<String, String> {
    let entries = definition["containerDefinitions"][0][list].as_array().unwrap().iter();
    let part = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    entries.map(|entry| (part(entry, "name"), part(entry, value))).collect()
}

fn render(stub: &Stub, name: &str) -> Result<Value, String> {
    let output = stub.run("render.sh", &[name, DIGEST]);
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).unwrap());
    }
    assert!(output.stdout.is_empty(), "half a definition");
    Err(said(&output))
}

#[test]
fn the_files_hold_exactly_the_variables_of_the_inventory() {
    for (name, others, redis, secrets) in [
        ("api", &["NODE_ENV", "PROJECT_PORT"][..], true, &["JWT_PRIVATE_KEY", "JWT_PUBLIC_KEY"][..]),
        ("portal-api", &["NODE_ENV", "PROJECT_PORT"], true, &["JWT_PRIVATE_KEY", "JWT_PUBLIC_KEY"]),
        ("migrator", &["NODE_ENV"], false, &[]),
        ("worker", &["NODE_ENV"], true, &[]),
    ] {
        let mut plain: Vec<&str> = others.iter().chain(&DATABASE).copied().collect();
        plain.extend(redis.then_some(REDIS).into_iter().flatten());
        plain.sort_unstable();
        let found = list(&definition(name), "environment", "value");
        assert_eq!(found.keys().collect::<Vec<_>>(), plain, "{name}");
        assert_eq!(found["NODE_ENV"], "production");
        assert_eq!((&*found["PROJECT_DB_USER"], &*found["PROJECT_DB_NAME"]), ("etadmin", "enterprise_todo"));
        let mut secret: Vec<&str> = secrets.to_vec();
        secret.push("PROJECT_DB_PASSWORD");
        secret.sort_unstable();
        assert_eq!(
            list(&definition(name), "secrets", "valueFrom").keys().collect::<Vec<_>>(),
            secret,
            "{name}"
        );
    }
}

#[test]
fn a_rendered_definition_is_whole_and_names_one_image_for_ever() {
    let stub = Stub::new("rendered");
    for name in NAMES {
        let rendered = render(&stub, name).unwrap();
        assert!(!rendered.to_string().contains("${"), "{rendered}");
        let container = &rendered["containerDefinitions"][0];
        let image = format!("1.dkr.ecr.ap-southeast-1.amazonaws.com/enterprise-todo/{name}@{DIGEST}");
        assert_eq!((&container["name"], &container["image"]), (&json!(name), &json!(image)));
        assert_eq!(container["dockerLabels"]["org.opencontainers.image.revision"], SHA);
        assert_eq!(rendered["family"], format!("enterprise-todo-{name}"));
        for (variable, address) in list(&rendered, "secrets", "valueFrom") {
            assert!(address.starts_with("arn:aws:secretsmanager:"), "{variable}: {address}");
        }
    }
    let portal = list(&render(&stub, "portal-api").unwrap(), "secrets", "valueFrom");
    assert!(portal["JWT_PRIVATE_KEY"].ends_with("/PORTAL_JWT_PRIVATE_KEY"), "the portal's own pair");
    let user = list(&render(&stub, "api").unwrap(), "secrets", "valueFrom");
    assert!(user.values().all(|address| !address.contains("PORTAL")), "never the portal's: {user:?}");
}

#[test]
fn what_an_environment_adds_is_added_and_staging_has_names_of_its_own() {
    let mut stub = Stub::new("added");
    let api = render(&stub, "api").unwrap();
    let plain = list(&api, "environment", "value");
    // Behind the load balancer: without it all people would count as one client.
    assert_eq!(plain["TRUSTED_PROXIES"], "1");
    assert!(list(&api, "secrets", "valueFrom")["DATA_KEY"].ends_with("/DATA_KEY"));
    // Named in every process that can trace, and empty: nothing is traced.
    for name in ["api", "portal-api", "worker"] {
        let rendered = list(&render(&stub, name).unwrap(), "environment", "value");
        assert_eq!(rendered["OTEL_EXPORTER_OTLP_ENDPOINT"], "", "{name}");
    }
    stub.deployment["TRACE_COLLECTOR"] = json!("https://collector.example");
    let traced = list(&render(&stub, "worker").unwrap(), "environment", "value");
    assert_eq!(traced["OTEL_EXPORTER_OTLP_ENDPOINT"], "https://collector.example");
    stub.deployment["ENVIRONMENT"] = json!("staging");
    stub.deployment["SUFFIX"] = json!("-staging");
    let staging = render(&stub, "api").unwrap();
    assert_eq!(staging["family"], "enterprise-todo-api-staging");
    let options = &staging["containerDefinitions"][0]["logConfiguration"]["options"];
    assert_eq!(options["awslogs-group"], "/ecs/enterprise-todo-api-staging");
}

#[test]
fn a_value_that_is_missing_is_named_and_nothing_is_rendered() {
    for missing in ["DB_HOST", "SECRET_JWT_PRIVATE_KEY", "EXECUTION_ROLE_ARN", "ENVIRONMENT", "REGISTRY"] {
        let mut stub = Stub::new("missing");
        stub.deployment.as_object_mut().unwrap().remove(missing);
        let refused = render(&stub, "api").unwrap_err();
        assert!(refused.contains(&format!("DEPLOYMENT has no {missing}")), "{missing}: {refused}");
    }
    let mut stub = Stub::new("elsewhere");
    stub.deployment["ENVIRONMENT"] = json!("moon");
    assert!(render(&stub, "api").unwrap_err().contains("environments/moon.json"));
    assert!(
        render(&Stub::new("unknown"), "nginx").unwrap_err().contains("no task definition called 'nginx'")
    );
}

#[test]
fn environments_add_to_every_process_and_hold_no_secret() {
    for environment in ["staging", "production"] {
        let file = text(&format!("ops/environments/{environment}.json"));
        let added: BTreeMap<String, Value> = serde_json::from_str(&file).unwrap();
        let mut names: Vec<&str> = added.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["api", "migrator", "portal-api", "worker"]);
        for (name, added) in added {
            for (variable, value) in added["environment"].as_object().into_iter().flatten() {
                let secret =
                    ["PASSWORD", "PRIVATE", "SECRET", "TOKEN", "_PASS", "DATA_KEY", "SIGNING_KEY", "BYPASS"];
                assert!(!secret.iter().any(|word| variable.contains(word)), "{name}: {variable}");
                assert!(value.is_string(), "{name}: {variable} must be text");
            }
            for (variable, address) in added["secrets"].as_object().into_iter().flatten() {
                assert!(address.as_str().unwrap().starts_with("${SECRET_"), "{name}: {variable}");
            }
        }
    }
}
