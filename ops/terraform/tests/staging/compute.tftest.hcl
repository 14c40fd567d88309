# Staging has roles, names and secrets of its own.

mock_provider "aws" {
  source = "./tests/mocks"
}

# Two roles that can be told apart.
override_resource {
  target = aws_iam_role.execution
  values = { arn = "arn:aws:iam::123456789012:role/execution" }
}

override_resource {
  target = aws_iam_role.task
  values = { arn = "arn:aws:iam::123456789012:role/task" }
}

run "compute" {
  command = apply

  module {
    source = "./modules/compute"
  }

  variables {
    short          = "staging"
    suffix         = "-staging"
    environment    = "staging"
    region         = "ap-southeast-1"
    registry       = "123456789012.dkr.ecr.ap-southeast-1.amazonaws.com"
    secrets_prefix = "enterprise-todo/staging/"
    secret_arns    = { JWT_PRIVATE_KEY = "arn:user-private", JWT_PUBLIC_KEY = "arn:user-public", PORTAL_JWT_PRIVATE_KEY = "arn:portal-private", PORTAL_JWT_PUBLIC_KEY = "arn:portal-public", DB_PASSWORD = "arn:password" }
    media_bucket   = "arn:aws:s3:::media"
    subnet_ids     = ["subnet-1", "subnet-2"]
    group_id       = "sg-tasks"
    target_groups  = { api = "arn:aws:elasticloadbalancing:ap-southeast-1:123456789012:targetgroup/api/1", portal-api = "arn:aws:elasticloadbalancing:ap-southeast-1:123456789012:targetgroup/portal-api/1" }
    ports          = { api = 3333, portal-api = 3334 }
    tasks          = { api = var.api_tasks, portal-api = var.portal_tasks, worker = 0 }
    database_host  = "db.internal"
    redis_host     = "redis.internal"
  }

  assert {
    condition     = aws_ecs_cluster.this.name == "enterprise-todo-staging" && aws_ecs_service.surface["api"].name == "enterprise-todo-api-staging"
    error_message = "Staging's names must differ from production's."
  }

  assert {
    condition     = aws_iam_role.execution.name == "enterprise-todo-ecs-execution-role-staging" && aws_iam_role.task.name == "enterprise-todo-ecs-task-role-staging"
    error_message = "Staging must have roles of its own."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.secrets.policy).Statement[0].Resource == ["arn:aws:secretsmanager:ap-southeast-1:123456789012:secret:enterprise-todo/staging/*"]
    error_message = "Staging must read staging's secrets."
  }

  assert {
    condition     = aws_ecs_service.surface["api"].desired_count == 1
    error_message = "One task serves staging."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this["api"].container_definitions)[0].logConfiguration.options["awslogs-group"] == "/ecs/enterprise-todo-api-staging"
    error_message = "Staging's logs are kept apart."
  }
}
