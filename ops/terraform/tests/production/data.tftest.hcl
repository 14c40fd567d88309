# Inventory: secrets, RDS, Redis.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "data" {
  command = apply

  module {
    source = "./modules/data"
  }

  variables {
    name                      = "enterprise-todo-prod"
    secrets_prefix            = "enterprise-todo/production/"
    extra_secrets             = ["DATA_KEY"]
    subnet_ids                = ["subnet-1", "subnet-2"]
    database_group_id         = "sg-database"
    redis_group_id            = "sg-redis"
    database                  = var.database
    database_password         = "0123456789abcdefghijABCDEFGHIJ__"
    database_password_version = 1
    redis_node_type           = var.redis_node_type
    deletion_protection       = var.database.deletion_protection
  }

  assert {
    condition     = toset([for secret in aws_secretsmanager_secret.this : secret.name]) == toset([for name in ["JWT_PRIVATE_KEY", "JWT_PUBLIC_KEY", "PORTAL_JWT_PRIVATE_KEY", "PORTAL_JWT_PUBLIC_KEY", "DB_PASSWORD", "DATA_KEY"] : "enterprise-todo/production/${name}"])
    error_message = "The secrets of production are not the ones that tasks read."
  }

  assert {
    condition     = aws_secretsmanager_secret_version.database.secret_string == null
    error_message = "The password must not be stored in the state."
  }

  assert {
    condition     = aws_db_instance.this.password == null && aws_db_instance.this.password_wo_version == 1
    error_message = "The database takes its password without storing it in the state."
  }

  assert {
    condition     = aws_secretsmanager_secret_version.database.secret_string_wo_version == aws_db_instance.this.password_wo_version
    error_message = "Secret and database must take a new password in the same apply."
  }

  assert {
    condition     = aws_db_instance.this.identifier == "enterprise-todo-prod"
    error_message = "The database's name is wrong."
  }

  assert {
    condition     = aws_db_instance.this.engine == "postgres" && startswith(aws_db_instance.this.engine_version, "15")
    error_message = "It must be PostgreSQL 15."
  }

  assert {
    condition     = aws_db_instance.this.instance_class == "db.t4g.medium"
    error_message = "The database's size is wrong."
  }

  assert {
    condition     = aws_db_instance.this.allocated_storage == 100 && aws_db_instance.this.storage_type == "gp3"
    error_message = "It must have 100 GB of gp3."
  }

  assert {
    condition     = aws_db_instance.this.storage_encrypted
    error_message = "The disk must be encrypted."
  }

  assert {
    condition     = aws_db_instance.this.multi_az
    error_message = "Production must be Multi-AZ."
  }

  assert {
    condition     = !aws_db_instance.this.publicly_accessible
    error_message = "The database must not be public."
  }

  assert {
    condition     = aws_db_instance.this.backup_retention_period == 7
    error_message = "Backups must be kept 7 days."
  }

  assert {
    condition     = aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot
    error_message = "Production's database must be hard to delete."
  }

  assert {
    condition     = aws_db_instance.this.username == "etadmin" && aws_db_instance.this.db_name == "enterprise_todo" && aws_db_instance.this.port == 5432
    error_message = "User, name or port differ from the task definitions."
  }

  assert {
    condition     = aws_db_instance.this.tags["Name"] == "enterprise-todo-prod"
    error_message = "The database must have tags."
  }

  assert {
    condition     = toset(aws_db_instance.this.vpc_security_group_ids) == toset(["sg-database"]) && toset(aws_db_subnet_group.this.subnet_ids) == toset(["subnet-1", "subnet-2"])
    error_message = "The database must live in the private subnets, behind its own group."
  }

  assert {
    condition     = [for parameter in aws_db_parameter_group.this.parameter : parameter.value if parameter.name == "rds.force_ssl"] == ["1"] && aws_db_instance.this.parameter_group_name == aws_db_parameter_group.this.name
    error_message = "PostgreSQL must refuse plain text."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.replication_group_id == "enterprise-todo-prod"
    error_message = "The name of Redis is wrong."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.node_type == "cache.t4g.small" && aws_elasticache_replication_group.this.num_cache_clusters == 1
    error_message = "Redis must be one cache.t4g.small."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.engine == "redis" && aws_elasticache_replication_group.this.engine_version == "7.1"
    error_message = "It must be Redis 7.1."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.at_rest_encryption_enabled == "true"
    error_message = "What Redis stores must be encrypted."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.transit_encryption_mode == "required"
    error_message = "Redis must refuse plain text."
  }

  assert {
    condition     = toset(aws_elasticache_replication_group.this.security_group_ids) == toset(["sg-redis"]) && toset(aws_elasticache_subnet_group.this.subnet_ids) == toset(["subnet-1", "subnet-2"])
    error_message = "Redis must live in the private subnets, behind its own group."
  }
}
