# The services' first task definitions come from the same files as every later one; from then on the
# workflow registers new ones (ops/scripts/deploy.sh), and this code leaves them alone.

locals {
  # What stands as a placeholder in ops/task-definitions/*.json.
  deployment = merge(
    {
      REGISTRY           = var.registry
      CLUSTER            = aws_ecs_cluster.this.name
      SUFFIX             = var.suffix
      ENVIRONMENT        = var.environment
      AWS_REGION         = var.region
      EXECUTION_ROLE_ARN = aws_iam_role.execution.arn
      TASK_ROLE_ARN      = aws_iam_role.task.arn
      SUBNET_IDS         = join(",", var.subnet_ids)
      SECURITY_GROUP_ID  = var.group_id
      DB_HOST            = var.database_host
      REDIS_HOST         = var.redis_host
      WORKER             = tostring(var.tasks.worker > 0)
    },
    { for name, arn in var.secret_arns : "SECRET_${name}" => arn },
  )

  definitions = {
    for name in ["api", "portal-api", "migrator", "worker"] : name => jsondecode(templatefile(
      "${path.module}/../../../task-definitions/${name}.json",
      # No image was pushed yet when this is applied for the first time.
      merge(local.deployment, { IMAGE = "${var.registry}/enterprise-todo/${name}:bootstrap", SHA = "bootstrap" }),
    ))
  }
}

resource "aws_ecs_cluster" "this" {
  name = "enterprise-todo-${var.short}"

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

# One task of each service always runs on what cannot be taken away.
resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]

  default_capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = 1
    weight            = 1
  }

  default_capacity_provider_strategy {
    capacity_provider = "FARGATE_SPOT"
    weight            = 1
  }
}

resource "aws_ecs_task_definition" "this" {
  for_each = local.definitions

  family                   = each.value.family
  requires_compatibilities = each.value.requiresCompatibilities
  network_mode             = each.value.networkMode
  cpu                      = each.value.cpu
  memory                   = each.value.memory
  execution_role_arn       = each.value.executionRoleArn
  task_role_arn            = each.value.taskRoleArn
  container_definitions    = jsonencode(each.value.containerDefinitions)

  runtime_platform {
    cpu_architecture        = each.value.runtimePlatform.cpuArchitecture
    operating_system_family = each.value.runtimePlatform.operatingSystemFamily
  }

  # Deploys register new revisions; this one stays as the first.
  lifecycle {
    ignore_changes = [container_definitions]
  }
}

resource "aws_ecs_service" "surface" {
  for_each = var.ports

  name            = "enterprise-todo-${each.key}${var.suffix}"
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.this[each.key].arn
  desired_count   = var.tasks[each.key]

  # A new task is well before an old one goes.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 90
  enable_execute_command             = false
  propagate_tags                     = "SERVICE"

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = 1
    weight            = 1
  }

  capacity_provider_strategy {
    capacity_provider = "FARGATE_SPOT"
    weight            = 1
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [var.group_id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = var.target_groups[each.key]
    container_name   = each.key
    container_port   = each.value
  }

  depends_on = [aws_ecs_cluster_capacity_providers.this]

  lifecycle {
    ignore_changes = [task_definition]
  }
}

resource "aws_ecs_service" "worker" {
  count = var.tasks.worker > 0 ? 1 : 0

  name            = "enterprise-todo-worker${var.suffix}"
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.this["worker"].arn
  desired_count   = var.tasks.worker

  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  propagate_tags                     = "SERVICE"

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = 1
    weight            = 1
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [var.group_id]
    assign_public_ip = false
  }

  depends_on = [aws_ecs_cluster_capacity_providers.this]

  lifecycle {
    ignore_changes = [task_definition]
  }
}
