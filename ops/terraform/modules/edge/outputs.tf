output "target_group_arns" {
  # Not before a listener leads there: ECS refuses a target group without a load balancer.
  value      = { for name, group in aws_lb_target_group.this : name => group.arn }
  depends_on = [aws_lb_listener_rule.this]
}

output "balancer_metric_name" {
  description = "As CloudWatch names it."
  value       = aws_lb.this.arn_suffix
}

output "target_group_metric_names" {
  description = "As CloudWatch names them."
  value       = { for name, group in aws_lb_target_group.this : name => group.arn_suffix }
}
