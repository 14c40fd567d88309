//! Logs, what is counted in them, and who is told.

use super::{
    super::{Finding, Row, holds, nothing, subject::Subject},
    infrastructure::NOT_HERE,
};

/// Log group without the environment's suffix, and for how many days it is kept.
const RETENTION: [(&str, i64); 3] = [("api", 30), ("portal-api", 30), ("migrator", 90)];
const PATTERN: &str = "[timestamp, requestId, level=ERROR, ...]";
const ALARMS: [&str; 2] = ["enterprise-todo-api-high-error-rate", "enterprise-todo-alb-5xx"];
const APPLY: &str = "correct ops/terraform/modules/observability, plan again and apply";

pub(super) const ROWS: &[Row] = &[
    Row { name: "logs are kept 30, 30 and 90 days", cure: APPLY, check: retention },
    Row { name: "the metric filter counts errors", cure: APPLY, check: filter },
    Row { name: "alarms go off and tell somebody", cure: APPLY, check: alarms },
    Row {
        name: "somebody gets the alerts",
        cure: "set alert_emails, apply, and confirm the mail",
        check: somebody,
    },
];

fn suffix(subject: &Subject) -> &'static str {
    if subject.environment == "staging" { "-staging" } else { "" }
}

fn retention(subject: &Subject) -> Finding {
    if subject.plan.is_none() {
        return NOT_HERE;
    }
    let groups = subject.resources("aws_cloudwatch_log_group");
    let wrong = RETENTION.into_iter().filter(|(name, days)| {
        let name = format!("/ecs/enterprise-todo-{name}{}", suffix(subject));
        !groups.iter().any(|(_, it)| it["name"] == *name && it["retention_in_days"] == *days)
    });
    nothing(&wrong.map(|(name, days)| format!("{name} is not kept {days} days")).collect::<Vec<_>>())
}

fn filter(subject: &Subject) -> Finding {
    if subject.plan.is_none() {
        return NOT_HERE;
    }
    let filters = subject.resources("aws_cloudwatch_log_metric_filter");
    let found = filters.iter().any(|(_, it)| {
        let to = &it["metric_transformation"][0];
        it["pattern"] == PATTERN
            && to["name"] == "ApiErrorCount"
            && to["value"] == "1"
            && to["default_value"] == "0"
    });
    holds(found, || format!("no filter counts {PATTERN} as ApiErrorCount"))
}

fn alarms(subject: &Subject) -> Finding {
    if subject.plan.is_none() {
        return NOT_HERE;
    }
    let alarms = subject.resources("aws_cloudwatch_metric_alarm");
    let mut wrong = Vec::new();
    for name in ALARMS.map(|name| format!("{name}{}", suffix(subject))) {
        match alarms.iter().find(|(_, it)| it["alarm_name"] == *name) {
            None => wrong.push(format!("there is no {name}")),
            Some((_, it)) if it["treat_missing_data"] != "notBreaching" => {
                wrong.push(format!("{name} takes missing data for trouble"));
            }
            Some(_) => {}
        }
    }
    // In a plan the topic's address is not known yet, and the list of actions is absent: only an
    // empty one is a fault.
    let silent = alarms.iter().filter(|(_, it)| {
        it["actions_enabled"] == false || it["alarm_actions"].as_array().is_some_and(Vec::is_empty)
    });
    wrong.extend(silent.map(|(address, _)| format!("{address} tells nobody")));
    nothing(&wrong)
}

fn somebody(subject: &Subject) -> Finding {
    if subject.plan.is_none() {
        return NOT_HERE;
    }
    let topics = subject.resources("aws_sns_topic");
    let name = format!("enterprise-todo-alerts{}", suffix(subject));
    if !topics.iter().any(|(_, it)| it["name"] == *name) {
        return Finding::Fail(format!("there is no topic {name}"));
    }
    let listeners = subject.resources("aws_sns_topic_subscription").len();
    holds(listeners > 0, || "nobody has subscribed to the topic".to_owned())
}
