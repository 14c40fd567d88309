# Inventory: ECS, and the roles of tasks.

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

run "services_and_roles" {
  command = apply

  module {
    source = "./modules/compute"
  }

  variables {
    short          = "prod"
    suffix         = ""
    environment    = "production"
    region         = "ap-southeast-1"
    registry       = "123456789012.dkr.ecr.ap-southeast-1.amazonaws.com"
    secrets_prefix = "enterprise-todo/production/"
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
    condition     = aws_ecs_cluster.this.name == "enterprise-todo-prod"
    error_message = "The cluster's name is wrong."
  }

  assert {
    condition     = toset(aws_ecs_cluster_capacity_providers.this.capacity_providers) == toset(["FARGATE", "FARGATE_SPOT"])
    error_message = "The cluster offers FARGATE and FARGATE_SPOT."
  }

  assert {
    condition     = [for it in aws_ecs_cluster_capacity_providers.this.default_capacity_provider_strategy : it.base if it.capacity_provider == "FARGATE"] == [1]
    error_message = "The base must be FARGATE."
  }

  assert {
    condition     = aws_ecs_service.surface["api"].name == "enterprise-todo-api" && aws_ecs_service.surface["api"].desired_count == 2
    error_message = "There must be two tasks of enterprise-todo-api."
  }

  assert {
    condition     = aws_ecs_service.surface["portal-api"].name == "enterprise-todo-portal-api" && aws_ecs_service.surface["portal-api"].desired_count == 1
    error_message = "There must be one task of enterprise-todo-portal-api."
  }

  assert {
    condition     = alltrue([for it in aws_ecs_service.surface : toset(it.network_configuration[0].subnets) == toset(["subnet-1", "subnet-2"]) && !it.network_configuration[0].assign_public_ip && toset(it.network_configuration[0].security_groups) == toset(["sg-tasks"])])
    error_message = "Tasks run in private subnets, without public addresses."
  }

  assert {
    condition     = alltrue([for it in aws_ecs_service.surface : it.health_check_grace_period_seconds == 90])
    error_message = "The grace period must be 90 s."
  }

  assert {
    condition     = alltrue([for it in aws_ecs_service.surface : it.deployment_minimum_healthy_percent == 100 && it.deployment_maximum_percent == 200])
    error_message = "A rolling deploy must never go below what is needed."
  }

  assert {
    condition     = alltrue([for it in aws_ecs_service.surface : it.deployment_circuit_breaker[0].enable && it.deployment_circuit_breaker[0].rollback])
    error_message = "The circuit breaker must roll back."
  }

  assert {
    condition     = alltrue([for it in aws_ecs_service.surface : !it.enable_execute_command])
    error_message = "Nobody opens a shell in a running task."
  }

  assert {
    condition     = alltrue([for name, it in aws_ecs_service.surface : one(it.load_balancer).container_name == name && one(it.load_balancer).container_port == { api = 3333, portal-api = 3334 }[name] && endswith(one(it.load_balancer).target_group_arn, "${name}/1")])
    error_message = "Each service must be behind its own target group."
  }

  assert {
    condition     = length(aws_ecs_service.worker) == 0
    error_message = "Consumers are embedded unless somebody asks for workers."
  }

  assert {
    condition     = aws_iam_role.execution.name == "enterprise-todo-ecs-execution-role" && aws_iam_role_policy_attachment.execution.policy_arn == "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy" && aws_iam_role_policy_attachment.execution.role == aws_iam_role.execution.name
    error_message = "The execution role must have ECS's managed policy."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.secrets.policy).Statement == [{ Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = ["arn:aws:secretsmanager:ap-southeast-1:123456789012:secret:enterprise-todo/production/*"] }]
    error_message = "The execution role reads the secrets of its own environment only."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.media.policy).Statement == [{ Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = ["arn:aws:s3:::media/*"] }]
    error_message = "The task role puts and gets media and nothing else."
  }
}

run "workers_of_their_own" {
  command = apply

  module {
    source = "./modules/compute"
  }

  variables {
    short          = "prod"
    suffix         = ""
    environment    = "production"
    region         = "ap-southeast-1"
    registry       = "123456789012.dkr.ecr.ap-southeast-1.amazonaws.com"
    secrets_prefix = "enterprise-todo/production/"
    secret_arns    = { JWT_PRIVATE_KEY = "arn:user-private", JWT_PUBLIC_KEY = "arn:user-public", PORTAL_JWT_PRIVATE_KEY = "arn:portal-private", PORTAL_JWT_PUBLIC_KEY = "arn:portal-public", DB_PASSWORD = "arn:password" }
    media_bucket   = "arn:aws:s3:::media"
    subnet_ids     = ["subnet-1", "subnet-2"]
    group_id       = "sg-tasks"
    target_groups  = { api = "arn:aws:elasticloadbalancing:ap-southeast-1:123456789012:targetgroup/api/1", portal-api = "arn:aws:elasticloadbalancing:ap-southeast-1:123456789012:targetgroup/portal-api/1" }
    ports          = { api = 3333, portal-api = 3334 }
    tasks          = { api = 2, portal-api = 1, worker = 1 }
    database_host  = "db.internal"
    redis_host     = "redis.internal"
  }

  assert {
    condition     = one(aws_ecs_service.worker).name == "enterprise-todo-worker" && length(one(aws_ecs_service.worker).load_balancer) == 0
    error_message = "The worker is a service that nobody calls."
  }

  assert {
    condition     = !one(aws_ecs_service.worker).network_configuration[0].assign_public_ip
    error_message = "The worker has no public address."
  }

  assert {
    condition     = output.deployment["WORKER"] == "true"
    error_message = "The workflow must know that there is a worker to deploy."
  }
}
