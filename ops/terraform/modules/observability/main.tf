# Logs, what is counted in them, and who is told when. The patterns are those of the log's format
# (bin/runtime/src/telemetry.rs): space-delimited, time first. A test reads them from here and
# holds them against lines of a running process.

locals {
  retention = { api = 30, portal-api = 30, migrator = 90, worker = 30 }
  namespace = "EnterpriseToDoApp${var.suffix}"

  errors = "[timestamp, requestId, level=ERROR, ...]"

  # An event that no projection could write, and a job that used up its tries.
  dead = {
    events = "[timestamp, requestId, level=ERROR, target, first=poison, ...]"
    jobs   = "[timestamp, requestId, level=ERROR, target, first=Job, ...]"
  }
  # A read model that does not get on.
  failing = "[timestamp, requestId, level=WARN, target, first=consumer, second=failed*, ...]"

  # Whoever runs the consumers writes these lines.
  working = var.external_works ? ["worker"] : ["api", "portal-api"]
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.retention

  name              = "/ecs/enterprise-todo-${each.key}${var.suffix}"
  retention_in_days = each.value
}

resource "aws_cloudwatch_log_metric_filter" "errors" {
  name           = "api-error-count"
  log_group_name = aws_cloudwatch_log_group.this["api"].name
  pattern        = local.errors

  metric_transformation {
    namespace     = local.namespace
    name          = "ApiErrorCount"
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_log_metric_filter" "dead" {
  for_each = { for pair in setproduct(keys(local.dead), local.working) : "${pair[0]}-${pair[1]}" => pair }

  name           = "dead-${each.key}"
  log_group_name = aws_cloudwatch_log_group.this[each.value[1]].name
  pattern        = local.dead[each.value[0]]

  metric_transformation {
    namespace     = local.namespace
    name          = "DeadLetters"
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_log_metric_filter" "failing" {
  for_each = toset(local.working)

  name           = "failing-consumers-${each.key}"
  log_group_name = aws_cloudwatch_log_group.this[each.key].name
  pattern        = local.failing

  metric_transformation {
    namespace     = local.namespace
    name          = "ConsumerFailures"
    value         = "1"
    default_value = "0"
  }
}

resource "aws_sns_topic" "alerts" {
  name = "enterprise-todo-alerts${var.suffix}"
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.alert_emails

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = each.value
}
