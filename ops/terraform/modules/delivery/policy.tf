# Exactly what the workflow's scripts call, and on this environment's things only. A test compares
# this list with the calls the scripts make.

locals {
  family   = "arn:aws:ecs:${var.region}:${local.account}:task-definition/enterprise-todo"
  in_here  = { ArnEquals = { "ecs:cluster" = "arn:aws:ecs:${var.region}:${local.account}:cluster/${var.cluster}" } }
  services = [for name in ["api", "portal-api", "worker"] : "arn:aws:ecs:${var.region}:${local.account}:service/${var.cluster}/enterprise-todo-${name}${var.suffix}"]

  may = [
    {
      Sid      = "SignInToTheRegistry"
      Effect   = "Allow"
      Action   = ["ecr:GetAuthorizationToken"]
      Resource = ["*"]
    },
    {
      Sid    = "PushImages"
      Effect = "Allow"
      Action = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:CompleteLayerUpload",
        "ecr:GetDownloadUrlForLayer",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
      ]
      Resource = [for name in sort(local.repositories) : "arn:aws:ecr:${var.region}:${local.account}:repository/enterprise-todo/${name}"]
    },
    {
      # ECS knows no narrower resource for these two. What a definition may do is limited by PassRole.
      Sid      = "RegisterTaskDefinitions"
      Effect   = "Allow"
      Action   = ["ecs:RegisterTaskDefinition", "ecs:DescribeTaskDefinition"]
      Resource = ["*"]
    },
    {
      Sid       = "RunTheMigrator"
      Effect    = "Allow"
      Action    = ["ecs:RunTask"]
      Resource  = ["${local.family}-migrator${var.suffix}:*"]
      Condition = local.in_here
    },
    {
      Sid       = "WatchTheMigrator"
      Effect    = "Allow"
      Action    = ["ecs:DescribeTasks"]
      Resource  = ["arn:aws:ecs:${var.region}:${local.account}:task/${var.cluster}/*"]
      Condition = local.in_here
    },
    {
      Sid      = "DeployServices"
      Effect   = "Allow"
      Action   = ["ecs:UpdateService", "ecs:DescribeServices"]
      Resource = local.services
    },
    {
      Sid    = "PassTheTwoRoles"
      Effect = "Allow"
      Action = ["iam:PassRole"]
      Resource = [
        "arn:aws:iam::${local.account}:role/enterprise-todo-ecs-execution-role${var.suffix}",
        "arn:aws:iam::${local.account}:role/enterprise-todo-ecs-task-role${var.suffix}",
      ]
      Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
    },
    {
      Sid      = "ReadTheMigratorsLog"
      Effect   = "Allow"
      Action   = ["logs:GetLogEvents"]
      Resource = ["arn:aws:logs:${var.region}:${local.account}:log-group:/ecs/enterprise-todo-*:log-stream:*"]
    },
  ]
}

resource "aws_iam_role_policy" "deploy" {
  name   = "deploy"
  role   = aws_iam_role.deploy.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.may })
}
