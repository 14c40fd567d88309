output "deployment" {
  description = "The values of the placeholders in ops/task-definitions."
  value       = local.deployment
}
