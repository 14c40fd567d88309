output "database_host" {
  value = aws_db_instance.this.address
}

output "database_identifier" {
  value = aws_db_instance.this.identifier
}

output "redis_host" {
  value = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "redis_identifier" {
  value = aws_elasticache_replication_group.this.replication_group_id
}

output "secret_arns" {
  description = "By the name below the environment's prefix."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}
