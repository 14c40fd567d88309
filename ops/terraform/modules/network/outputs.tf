output "vpc_id" {
  value = aws_vpc.this.id
}

output "public_subnet_ids" {
  value = aws_subnet.public[*].id
}

output "private_subnet_ids" {
  value = aws_subnet.private[*].id
}

output "balancer_group_id" {
  value = aws_security_group.balancer.id
}

output "tasks_group_id" {
  value = aws_security_group.tasks.id
}

output "database_group_id" {
  value = aws_security_group.database.id
}

output "redis_group_id" {
  value = aws_security_group.redis.id
}
