# One page for whoever was woken up: is it the surfaces, the work behind them, or what they stand on.

locals {
  panels = [
    ["Requests", "Sum", [for name, group in var.target_groups : ["AWS/ApplicationELB", "RequestCount", "LoadBalancer", var.balancer, "TargetGroup", group, { label = name }]]],
    ["Answers with 5xx", "Sum", [["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "LoadBalancer", var.balancer]]],
    ["Seconds to answer (p99)", "p99", [for name, group in var.target_groups : ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", var.balancer, "TargetGroup", group, { label = name }]]],
    ["Errors logged", "Sum", [[local.namespace, "ApiErrorCount"]]],
    ["Dead letters, failing consumers", "Sum", [[local.namespace, "DeadLetters"], [local.namespace, "ConsumerFailures"]]],
    ["Healthy tasks", "Minimum", [for name, group in var.target_groups : ["AWS/ApplicationELB", "HealthyHostCount", "LoadBalancer", var.balancer, "TargetGroup", group, { label = name }]]],
    ["Processor and memory of tasks (%)", "Average", concat([for name in keys(var.target_groups) : [
      ["AWS/ECS", "CPUUtilization", "ClusterName", var.cluster, "ServiceName", "enterprise-todo-${name}${var.suffix}"],
      ["AWS/ECS", "MemoryUtilization", "ClusterName", var.cluster, "ServiceName", "enterprise-todo-${name}${var.suffix}"],
    ]]...)],
    ["PostgreSQL", "Average", [
      ["AWS/RDS", "CPUUtilization", "DBInstanceIdentifier", var.database],
      ["AWS/RDS", "DatabaseConnections", "DBInstanceIdentifier", var.database],
    ]],
    ["Redis", "Average", [["AWS/ElastiCache", "EngineCPUUtilization", "CacheClusterId", "${var.redis}-001"]]],
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = "enterprise-todo${var.suffix}"
  dashboard_body = jsonencode({
    widgets = [for index, panel in local.panels : {
      type   = "metric"
      x      = index % 3 * 8
      y      = floor(index / 3) * 6
      width  = 8
      height = 6
      properties = {
        title   = panel[0]
        stat    = panel[1]
        metrics = panel[2]
        region  = var.region
        period  = 60
        view    = "timeSeries"
      }
    }]
  })
}
