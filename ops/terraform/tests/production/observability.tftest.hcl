# Inventory: CloudWatch.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "observability" {
  command = apply

  module {
    source = "./modules/observability"
  }

  variables {
    suffix         = ""
    region         = "ap-southeast-1"
    cluster        = "enterprise-todo-prod"
    balancer       = "app/alb/1"
    target_groups  = { api = "targetgroup/api/1", portal-api = "targetgroup/portal/1" }
    database       = "enterprise-todo-prod"
    redis          = "enterprise-todo-prod"
    storage_gb     = 100
    external_works = false
    alert_emails   = ["oncall@todo.example"]
  }

  assert {
    condition     = { for name, group in aws_cloudwatch_log_group.this : group.name => group.retention_in_days } == { "/ecs/enterprise-todo-api" = 30, "/ecs/enterprise-todo-portal-api" = 30, "/ecs/enterprise-todo-migrator" = 90, "/ecs/enterprise-todo-worker" = 30 }
    error_message = "Logs are kept 30, 30 and 90 days."
  }

  assert {
    condition     = aws_cloudwatch_log_metric_filter.errors.name == "api-error-count" && aws_cloudwatch_log_metric_filter.errors.pattern == "[timestamp, requestId, level=ERROR, ...]" && aws_cloudwatch_log_metric_filter.errors.log_group_name == "/ecs/enterprise-todo-api"
    error_message = "The metric filter counts the API's errors."
  }

  assert {
    condition     = aws_cloudwatch_log_metric_filter.errors.metric_transformation[0].namespace == "EnterpriseToDoApp" && aws_cloudwatch_log_metric_filter.errors.metric_transformation[0].name == "ApiErrorCount" && aws_cloudwatch_log_metric_filter.errors.metric_transformation[0].value == "1" && aws_cloudwatch_log_metric_filter.errors.metric_transformation[0].default_value == "0"
    error_message = "It is EnterpriseToDoApp/ApiErrorCount, 1 a line, 0 without one."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["api-high-error-rate"].alarm_name == "enterprise-todo-api-high-error-rate" && aws_cloudwatch_metric_alarm.this["api-high-error-rate"].metric_name == "ApiErrorCount" && aws_cloudwatch_metric_alarm.this["api-high-error-rate"].statistic == "Sum" && aws_cloudwatch_metric_alarm.this["api-high-error-rate"].period == 300 && aws_cloudwatch_metric_alarm.this["api-high-error-rate"].threshold == 10 && aws_cloudwatch_metric_alarm.this["api-high-error-rate"].comparison_operator == "GreaterThanOrEqualToThreshold" && aws_cloudwatch_metric_alarm.this["api-high-error-rate"].datapoints_to_alarm == 2 && aws_cloudwatch_metric_alarm.this["api-high-error-rate"].evaluation_periods == 2
    error_message = "enterprise-todo-api-high-error-rate: Sum, 300 s, at least 10, 2 of 2."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["alb-5xx"].alarm_name == "enterprise-todo-alb-5xx" && aws_cloudwatch_metric_alarm.this["alb-5xx"].metric_name == "HTTPCode_Target_5XX_Count" && aws_cloudwatch_metric_alarm.this["alb-5xx"].statistic == "Sum" && aws_cloudwatch_metric_alarm.this["alb-5xx"].period == 60 && aws_cloudwatch_metric_alarm.this["alb-5xx"].threshold == 5 && aws_cloudwatch_metric_alarm.this["alb-5xx"].datapoints_to_alarm == 2 && aws_cloudwatch_metric_alarm.this["alb-5xx"].evaluation_periods == 3
    error_message = "enterprise-todo-alb-5xx: Sum, 60 s, at least 5, 2 of 3."
  }

  assert {
    condition     = alltrue([for it in aws_cloudwatch_metric_alarm.this : it.treat_missing_data == "notBreaching"])
    error_message = "Missing data is no alarm."
  }

  assert {
    condition     = aws_sns_topic.alerts.name == "enterprise-todo-alerts" && alltrue([for it in aws_cloudwatch_metric_alarm.this : it.alarm_actions == toset([aws_sns_topic.alerts.arn])])
    error_message = "Every alarm tells enterprise-todo-alerts."
  }

  assert {
    condition     = [for it in aws_sns_topic_subscription.email : it.endpoint] == ["oncall@todo.example"]
    error_message = "Somebody must be told."
  }

  assert {
    condition     = toset([for it in aws_cloudwatch_log_metric_filter.dead : it.log_group_name]) == toset(["/ecs/enterprise-todo-api", "/ecs/enterprise-todo-portal-api"]) && alltrue([for it in aws_cloudwatch_log_metric_filter.dead : it.metric_transformation[0].name == "DeadLetters"]) && aws_cloudwatch_metric_alarm.this["dead-letters"].threshold == 1
    error_message = "A dead letter is an alarm, whoever of the surfaces met it."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["projections-behind"].metric_name == "ConsumerFailures" && length(aws_cloudwatch_log_metric_filter.failing) == 2
    error_message = "A read model that does not get on is an alarm."
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets) >= 9
    error_message = "There is a dashboard."
  }
}

run "workers_of_their_own" {
  command = apply

  module {
    source = "./modules/observability"
  }

  variables {
    suffix         = ""
    region         = "ap-southeast-1"
    cluster        = "enterprise-todo-prod"
    balancer       = "app/alb/1"
    target_groups  = { api = "targetgroup/api/1", portal-api = "targetgroup/portal/1" }
    database       = "enterprise-todo-prod"
    redis          = "enterprise-todo-prod"
    storage_gb     = 100
    external_works = true
    alert_emails   = ["oncall@todo.example"]
  }

  assert {
    condition     = alltrue([for it in concat(values(aws_cloudwatch_log_metric_filter.dead), values(aws_cloudwatch_log_metric_filter.failing)) : it.log_group_name == "/ecs/enterprise-todo-worker"])
    error_message = "Where workers run alone, theirs is the log to read."
  }
}
