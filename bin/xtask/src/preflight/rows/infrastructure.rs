//! What Terraform makes: network, data, compute, edge, media.

use serde_json::Value;

use super::super::{Finding, Row, holds, nothing, subject::Subject};

pub(super) const NOT_HERE: Finding =
    Finding::NotHere("name the output of `terraform show -json` with --plan");
const APPLY: &str = "correct ops/terraform (its tests name the place), plan again and apply";

pub(super) const ROWS: &[Row] = &[
    Row { name: "an environment reads its own secrets only", cure: APPLY, check: own_secrets },
    Row { name: "the database is Multi-AZ, with backups", cure: APPLY, check: multi_az },
    Row { name: "deletion protection is on", cure: APPLY, check: deletion },
    Row { name: "ports 5432 and 6379 are open to the tasks only", cure: APPLY, check: ports },
    Row { name: "PostgreSQL and Redis take TLS only, and are encrypted at rest", cure: APPLY, check: tls },
    Row { name: "no public addresses", cure: APPLY, check: addresses },
    Row { name: "HTTP is redirected, HTTPS has a certificate", cure: APPLY, check: listeners },
    Row { name: "a rolling deploy never goes below what is needed", cure: APPLY, check: rolling },
    Row { name: "the bucket is private", cure: APPLY, check: bucket },
    Row { name: "images are scanned, and tags never move", cure: APPLY, check: images },
    Row { name: "only main may deploy, and only with a token of GitHub", cure: APPLY, check: identity },
];

/// What is wrong with the resources of a type: nothing, when each is as it should be and there is one.
pub(super) fn each(
    subject: &Subject,
    kind: &str,
    wrong: impl Fn(&Value) -> Option<&'static str>,
) -> Vec<String> {
    let found = subject.resources(kind);
    if found.is_empty() {
        return vec![format!("there is no {kind}")];
    }
    found.iter().filter_map(|(address, it)| Some(format!("{address} {}", wrong(it)?))).collect()
}

fn judged(subject: &Subject, wrong: &[String]) -> Finding {
    if subject.plan.is_none() { NOT_HERE } else { nothing(wrong) }
}

fn own_secrets(subject: &Subject) -> Finding {
    let prefix = format!("enterprise-todo/{}/", subject.environment);
    let mut wrong = each(subject, "aws_secretsmanager_secret", |it| {
        let is_own = it["name"].as_str().is_some_and(|name| name.starts_with(&prefix));
        (!is_own).then_some("is not below this environment's prefix")
    });
    for (address, policy) in subject.resources("aws_iam_role_policy") {
        let text = policy["policy"].as_str().unwrap_or_default();
        if text.contains("GetSecretValue") && !text.contains(&format!(":secret:{prefix}*")) {
            wrong.push(format!("{address} reads other secrets"));
        }
    }
    judged(subject, &wrong)
}

fn multi_az(subject: &Subject) -> Finding {
    let is_production = subject.environment == "production";
    let wrong = each(subject, "aws_db_instance", |it| {
        let days = it["backup_retention_period"].as_i64().unwrap_or_default();
        if is_production && it["multi_az"] != true {
            return Some("is in one zone");
        }
        (days < if is_production { 7 } else { 1 }).then_some("keeps too few backups")
    });
    judged(subject, &wrong)
}

fn deletion(subject: &Subject) -> Finding {
    if subject.environment != "production" {
        return Finding::Pass;
    }
    let mut wrong = each(subject, "aws_db_instance", |it| {
        (it["deletion_protection"] != true).then_some("can be deleted")
    });
    wrong.extend(each(subject, "aws_lb", |it| {
        (it["enable_deletion_protection"] != true).then_some("can be deleted")
    }));
    judged(subject, &wrong)
}

fn ports(subject: &Subject) -> Finding {
    let covers = |it: &Value, port: i64| {
        let (from, to) = (it["from_port"].as_i64(), it["to_port"].as_i64());
        it["ip_protocol"] == "-1" || from.zip(to).is_some_and(|(from, to)| from <= port && port <= to)
    };
    let wrong = each(subject, "aws_vpc_security_group_ingress_rule", |it| {
        let is_data = covers(it, 5432) || covers(it, 6379);
        let by_address = ["cidr_ipv4", "cidr_ipv6", "prefix_list_id"].iter().any(|name| it[name].is_string());
        (is_data && by_address).then_some("opens it to addresses, not to the tasks")
    });
    let all = subject.resources("aws_vpc_security_group_ingress_rule");
    let missing = [5432, 6379].into_iter().filter(|port| !all.iter().any(|(_, it)| covers(it, *port)));
    let missing = missing.map(|port| format!("nobody may reach {port}"));
    judged(subject, &wrong.into_iter().chain(missing).collect::<Vec<_>>())
}

fn tls(subject: &Subject) -> Finding {
    let mut wrong = each(subject, "aws_db_parameter_group", |it| {
        let mut parameters = it["parameter"].as_array().into_iter().flatten();
        let is_forced = parameters.any(|it| it["name"] == "rds.force_ssl" && it["value"] == "1");
        (!is_forced).then_some("does not force TLS")
    });
    wrong.extend(each(subject, "aws_db_instance", |it| {
        (it["storage_encrypted"] != true).then_some("is not encrypted at rest")
    }));
    wrong.extend(each(subject, "aws_elasticache_replication_group", |it| {
        if it["transit_encryption_enabled"] != true || it["transit_encryption_mode"] != "required" {
            return Some("takes plain text");
        }
        let at_rest = &it["at_rest_encryption_enabled"];
        (*at_rest != true && *at_rest != "true").then_some("is not encrypted at rest")
    }));
    judged(subject, &wrong)
}

fn addresses(subject: &Subject) -> Finding {
    let mut wrong = each(subject, "aws_ecs_service", |it| {
        (it["network_configuration"][0]["assign_public_ip"] == true)
            .then_some("gives its tasks public addresses")
    });
    wrong.extend(each(subject, "aws_subnet", |it| {
        (it["map_public_ip_on_launch"] == true).then_some("gives public addresses")
    }));
    wrong.extend(each(subject, "aws_db_instance", |it| {
        (it["publicly_accessible"] != false).then_some("is public")
    }));
    judged(subject, &wrong)
}

fn listeners(subject: &Subject) -> Finding {
    let mut wrong = each(subject, "aws_lb_listener", |it| match it["port"].as_i64() {
        Some(80) => {
            let redirect = &it["default_action"][0]["redirect"][0];
            let is_right = redirect["status_code"] == "HTTP_301" && redirect["protocol"] == "HTTPS";
            (!is_right).then_some("does not redirect to HTTPS with 301")
        }
        Some(443) => (it["protocol"] != "HTTPS").then_some("does not speak HTTPS"),
        _ => Some("listens on another port than 80 and 443"),
    });
    wrong.extend(each(subject, "aws_acm_certificate_validation", |_| None));
    if subject.resources("aws_lb_listener").len() != 2 {
        wrong.push("there must be a listener on 80 and one on 443".to_owned());
    }
    judged(subject, &wrong)
}

fn rolling(subject: &Subject) -> Finding {
    let wrong = each(subject, "aws_ecs_service", |it| {
        if it["deployment_minimum_healthy_percent"].as_i64().unwrap_or_default() < 100 {
            return Some("may stop tasks before new ones are well");
        }
        let breaker = &it["deployment_circuit_breaker"][0];
        (breaker["enable"] != true || breaker["rollback"] != true)
            .then_some("has no circuit breaker that rolls back")
    });
    judged(subject, &wrong)
}

fn bucket(subject: &Subject) -> Finding {
    let all = ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"];
    let mut wrong = each(subject, "aws_s3_bucket_public_access_block", |it| {
        all.iter().any(|name| it[name] != true).then_some("lets something public through")
    });
    wrong.extend(each(subject, "aws_cloudfront_origin_access_control", |it| {
        (it["signing_behavior"] != "always").then_some("does not sign every request")
    }));
    let acls = subject.resources("aws_s3_bucket_acl");
    wrong.extend(acls.iter().map(|(address, _)| format!("{address} gives rights past the policy")));
    judged(subject, &wrong)
}

fn images(subject: &Subject) -> Finding {
    if subject.resources("aws_ecr_repository").is_empty() && subject.environment == "staging" {
        // They are production's, in the same account.
        return judged(subject, &[]);
    }
    let wrong = each(subject, "aws_ecr_repository", |it| {
        if it["image_tag_mutability"] != "IMMUTABLE" {
            return Some("has tags that move");
        }
        (it["image_scanning_configuration"][0]["scan_on_push"] != true).then_some("is not scanned")
    });
    judged(subject, &wrong)
}

fn identity(subject: &Subject) -> Finding {
    if subject.plan.is_none() {
        return NOT_HERE;
    }
    if !subject.resources("aws_iam_access_key").is_empty() {
        return Finding::Fail("a stored access key is made".to_owned());
    }
    let roles = subject.resources("aws_iam_role");
    let is_deploys =
        |it: &Value| it["name"].as_str().is_some_and(|name| name.contains("github-actions-deploy"));
    let Some((_, role)) = roles.iter().find(|(_, it)| is_deploys(it)) else {
        return Finding::Fail("there is no role to deploy with".to_owned());
    };
    let Some(policy) = role["assume_role_policy"].as_str() else {
        return Finding::NotHere("a plan does not know it yet; after the apply, name the state with --plan");
    };
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let conditions = &policy["Statement"][0]["Condition"];
    let subject_claim = conditions["StringEquals"]["token.actions.githubusercontent.com:sub"].as_str();
    let end = format!(":environment:{}:ref:refs/heads/main", subject.environment);
    let is_exact = subject_claim.is_some_and(|claim| claim.ends_with(&end) && !claim.contains('*'));
    holds(is_exact && conditions["StringLike"].is_null(), || {
        format!("it may be taken by {}", subject_claim.unwrap_or("anybody"))
    })
}
