# What is smaller in staging, and what is not.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "data" {
  command = apply

  module {
    source = "./modules/data"
  }

  variables {
    name                      = "enterprise-todo-staging"
    secrets_prefix            = "enterprise-todo/staging/"
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
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : startswith(secret.name, "enterprise-todo/staging/")])
    error_message = "Staging must read staging's secrets."
  }

  assert {
    condition     = aws_db_instance.this.identifier == "enterprise-todo-staging" && aws_db_instance.this.instance_class == "db.t4g.micro"
    error_message = "Staging's database is a db.t4g.micro."
  }

  assert {
    condition     = !aws_db_instance.this.multi_az && aws_db_instance.this.backup_retention_period == 1
    error_message = "Staging is in one zone, with backups of one day."
  }

  assert {
    condition     = [for parameter in aws_db_parameter_group.this.parameter : parameter.value if parameter.name == "rds.force_ssl"] == ["1"] && aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible
    error_message = "Staging is as closed as production."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_mode == "required"
    error_message = "Staging's Redis must refuse plain text."
  }
}
