# Inventory: task definitions. The same files the workflow renders.

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

run "task_definitions" {
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
    condition     = aws_ecs_task_definition.this["api"].cpu == "512" && aws_ecs_task_definition.this["api"].memory == "1024"
    error_message = "The size of api is wrong."
  }

  assert {
    condition     = aws_ecs_task_definition.this["portal-api"].cpu == "512" && aws_ecs_task_definition.this["portal-api"].memory == "1024"
    error_message = "The size of portal-api is wrong."
  }

  assert {
    condition     = aws_ecs_task_definition.this["migrator"].cpu == "256" && aws_ecs_task_definition.this["migrator"].memory == "512"
    error_message = "The size of migrator is wrong."
  }

  assert {
    condition     = aws_ecs_task_definition.this["worker"].cpu == "256" && aws_ecs_task_definition.this["worker"].memory == "512"
    error_message = "The size of worker is wrong."
  }

  assert {
    condition     = toset([for it in jsondecode(aws_ecs_task_definition.this["api"].container_definitions)[0].environment : it.name]) == toset(["NODE_ENV", "PROJECT_PORT", "PROJECT_DB_HOST", "PROJECT_DB_PORT", "PROJECT_DB_USER", "PROJECT_DB_NAME", "REDIS_BULL_HOST", "REDIS_BULL_PORT", "REDIS_PUBSUB_HOST", "REDIS_PUBSUB_PORT"])
    error_message = "The plain variables of api are not those of the inventory."
  }

  assert {
    condition     = toset([for it in jsondecode(aws_ecs_task_definition.this["portal-api"].container_definitions)[0].environment : it.name]) == toset(["NODE_ENV", "PROJECT_PORT", "PROJECT_DB_HOST", "PROJECT_DB_PORT", "PROJECT_DB_USER", "PROJECT_DB_NAME", "REDIS_BULL_HOST", "REDIS_BULL_PORT", "REDIS_PUBSUB_HOST", "REDIS_PUBSUB_PORT"])
    error_message = "The plain variables of portal-api are not those of the inventory."
  }

  assert {
    condition     = toset([for it in jsondecode(aws_ecs_task_definition.this["migrator"].container_definitions)[0].environment : it.name]) == toset(["NODE_ENV", "PROJECT_DB_HOST", "PROJECT_DB_PORT", "PROJECT_DB_USER", "PROJECT_DB_NAME"])
    error_message = "The migrator gets the database and nothing else."
  }

  assert {
    condition     = toset([for it in jsondecode(aws_ecs_task_definition.this["worker"].container_definitions)[0].environment : it.name]) == setsubtract(toset(["NODE_ENV", "PROJECT_PORT", "PROJECT_DB_HOST", "PROJECT_DB_PORT", "PROJECT_DB_USER", "PROJECT_DB_NAME", "REDIS_BULL_HOST", "REDIS_BULL_PORT", "REDIS_PUBSUB_HOST", "REDIS_PUBSUB_PORT"]), ["PROJECT_PORT"])
    error_message = "The worker gets what api gets, but for a port."
  }

  assert {
    condition     = { for it in jsondecode(aws_ecs_task_definition.this["api"].container_definitions)[0].secrets : it.name => it.valueFrom } == { JWT_PRIVATE_KEY = "arn:user-private", JWT_PUBLIC_KEY = "arn:user-public", PROJECT_DB_PASSWORD = "arn:password" }
    error_message = "The secrets of api are wrong; the portal's keys must be absent from it."
  }

  assert {
    condition     = { for it in jsondecode(aws_ecs_task_definition.this["portal-api"].container_definitions)[0].secrets : it.name => it.valueFrom } == { JWT_PRIVATE_KEY = "arn:portal-private", JWT_PUBLIC_KEY = "arn:portal-public", PROJECT_DB_PASSWORD = "arn:password" }
    error_message = "portal-api reads the portal's own pair, under the same names."
  }

  assert {
    condition     = { for it in jsondecode(aws_ecs_task_definition.this["migrator"].container_definitions)[0].secrets : it.name => it.valueFrom } == { PROJECT_DB_PASSWORD = "arn:password" } && { for it in jsondecode(aws_ecs_task_definition.this["worker"].container_definitions)[0].secrets : it.name => it.valueFrom } == { PROJECT_DB_PASSWORD = "arn:password" }
    error_message = "Migrator and worker hold no keys for tokens."
  }

  assert {
    condition     = alltrue([for task in aws_ecs_task_definition.this : alltrue([for it in jsondecode(task.container_definitions)[0].environment : !can(regex("PASSWORD|PRIVATE|SECRET|TOKEN|BYPASS", it.name))])])
    error_message = "A secret stands in a plain variable."
  }

  assert {
    condition     = alltrue([for task in aws_ecs_task_definition.this : [for it in jsondecode(task.container_definitions)[0].environment : it.value if it.name == "NODE_ENV"] == ["production"]])
    error_message = "All processes must run as in production."
  }

  assert {
    condition     = alltrue([for task in aws_ecs_task_definition.this : { for it in jsondecode(task.container_definitions)[0].environment : it.name => it.value }["PROJECT_DB_USER"] == "etadmin"])
    error_message = "The database's user is wrong."
  }

  assert {
    condition     = { for it in jsondecode(aws_ecs_task_definition.this["api"].container_definitions)[0].environment : it.name => it.value }["PROJECT_DB_HOST"] == "db.internal" && { for it in jsondecode(aws_ecs_task_definition.this["api"].container_definitions)[0].environment : it.name => it.value }["REDIS_PUBSUB_HOST"] == "redis.internal"
    error_message = "The addresses of database and Redis are not filled in."
  }

  assert {
    condition     = alltrue([for name, task in aws_ecs_task_definition.this : jsondecode(task.container_definitions)[0].logConfiguration.options["awslogs-group"] == "/ecs/enterprise-todo-${name}" && jsondecode(task.container_definitions)[0].logConfiguration.options["awslogs-stream-prefix"] == name])
    error_message = "Logs must go to the group of their process, with a prefix."
  }

  assert {
    condition     = alltrue([for name in ["api", "portal-api"] : jsondecode(aws_ecs_task_definition.this[name].container_definitions)[0].healthCheck.command == ["CMD", "/usr/local/bin/${name}", "healthcheck"] && jsondecode(aws_ecs_task_definition.this[name].container_definitions)[0].healthCheck.interval == 30 && jsondecode(aws_ecs_task_definition.this[name].container_definitions)[0].healthCheck.timeout == 5 && jsondecode(aws_ecs_task_definition.this[name].container_definitions)[0].healthCheck.startPeriod == 60 && jsondecode(aws_ecs_task_definition.this[name].container_definitions)[0].healthCheck.retries == 3])
    error_message = "The surfaces' health check is the binary's own, as in the images."
  }

  assert {
    condition     = !can(jsondecode(aws_ecs_task_definition.this["migrator"].container_definitions)[0].healthCheck)
    error_message = "The migrator has no health check."
  }

  assert {
    condition     = alltrue([for task in aws_ecs_task_definition.this : jsondecode(task.container_definitions)[0].readonlyRootFilesystem && startswith(jsondecode(task.container_definitions)[0].user, "65532") && jsondecode(task.container_definitions)[0].linuxParameters.capabilities.drop == ["ALL"]])
    error_message = "Tasks run as nobody, cannot write to their own image and hold no capability."
  }

  assert {
    condition     = alltrue([for task in aws_ecs_task_definition.this : task.execution_role_arn == "arn:aws:iam::123456789012:role/execution" && task.task_role_arn == "arn:aws:iam::123456789012:role/task"])
    error_message = "The roles of the task definitions are mixed up."
  }
}
