# Each alarm has somebody to tell, and says nothing where there is nothing to measure.

locals {
  alarms = {
    api-high-error-rate = {
      about      = "The API logs many errors"
      namespace  = local.namespace
      metric     = "ApiErrorCount"
      dimensions = {}
      statistic  = "Sum"
      period     = 300
      operator   = "GreaterThanOrEqualToThreshold"
      threshold  = 10
      periods    = 2
      of         = 2
    }
    alb-5xx = {
      about      = "The surfaces answer with 5xx"
      namespace  = "AWS/ApplicationELB"
      metric     = "HTTPCode_Target_5XX_Count"
      dimensions = { LoadBalancer = var.balancer }
      statistic  = "Sum"
      period     = 60
      operator   = "GreaterThanOrEqualToThreshold"
      threshold  = 5
      periods    = 2
      of         = 3
    }
    dead-letters = {
      about      = "An event or a job was given up: see deadLetters and jobs on the portal"
      namespace  = local.namespace
      metric     = "DeadLetters"
      dimensions = {}
      statistic  = "Sum"
      period     = 300
      operator   = "GreaterThanOrEqualToThreshold"
      threshold  = 1
      periods    = 1
      of         = 1
    }
    projections-behind = {
      about      = "A read model fails again and again, and falls behind: see projections on the portal"
      namespace  = local.namespace
      metric     = "ConsumerFailures"
      dimensions = {}
      statistic  = "Sum"
      period     = 60
      operator   = "GreaterThanOrEqualToThreshold"
      threshold  = 3
      periods    = 3
      of         = 3
    }
    api-unhealthy = {
      about      = "A task of the API does not answer its health check"
      namespace  = "AWS/ApplicationELB"
      metric     = "UnHealthyHostCount"
      dimensions = { LoadBalancer = var.balancer, TargetGroup = var.target_groups["api"] }
      statistic  = "Maximum"
      period     = 60
      operator   = "GreaterThanOrEqualToThreshold"
      threshold  = 1
      periods    = 5
      of         = 5
    }
    database-storage = {
      about      = "The database's disk has less than a tenth left"
      namespace  = "AWS/RDS"
      metric     = "FreeStorageSpace"
      dimensions = { DBInstanceIdentifier = var.database }
      statistic  = "Minimum"
      period     = 300
      operator   = "LessThanOrEqualToThreshold"
      threshold  = var.storage_gb * 1024 * 1024 * 1024 / 10
      periods    = 1
      of         = 1
    }
    database-cpu = {
      about      = "The database is busy"
      namespace  = "AWS/RDS"
      metric     = "CPUUtilization"
      dimensions = { DBInstanceIdentifier = var.database }
      statistic  = "Average"
      period     = 300
      operator   = "GreaterThanOrEqualToThreshold"
      threshold  = 85
      periods    = 3
      of         = 3
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "enterprise-todo-${each.key}${var.suffix}"
  alarm_description   = each.value.about
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period
  comparison_operator = each.value.operator
  threshold           = each.value.threshold
  datapoints_to_alarm = each.value.periods
  evaluation_periods  = each.value.of
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}
