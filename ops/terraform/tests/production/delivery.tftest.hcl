# Inventory: image repositories, and what GitHub Actions may do.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "delivery" {
  command = apply

  module {
    source = "./modules/delivery"
  }

  variables {
    suffix       = ""
    environment  = "production"
    repository   = "acme/enterprise-todo"
    account_wide = true
    region       = "ap-southeast-1"
    cluster      = "enterprise-todo-prod"
  }

  assert {
    condition     = toset([for it in aws_ecr_repository.this : it.name]) == toset(["enterprise-todo/api", "enterprise-todo/portal-api", "enterprise-todo/migrator", "enterprise-todo/worker"])
    error_message = "There must be a repository an image."
  }

  assert {
    condition     = alltrue([for it in aws_ecr_repository.this : it.image_scanning_configuration[0].scan_on_push && it.encryption_configuration[0].encryption_type == "AES256"])
    error_message = "Images are scanned on push and encrypted."
  }

  assert {
    condition     = alltrue([for it in aws_ecr_repository.this : it.image_tag_mutability == "IMMUTABLE"])
    error_message = "A tag must never change its meaning."
  }

  assert {
    condition     = alltrue([for it in aws_ecr_lifecycle_policy.this : jsondecode(it.policy).rules[0].selection == { tagStatus = "tagged", tagPatternList = ["*"], countType = "imageCountMoreThan", countNumber = 20 } && jsondecode(it.policy).rules[0].action.type == "expire"])
    error_message = "The last 20 images are kept."
  }

  assert {
    condition     = one(aws_iam_openid_connect_provider.github).url == "https://token.actions.githubusercontent.com" && toset(one(aws_iam_openid_connect_provider.github).client_id_list) == toset(["sts.amazonaws.com"])
    error_message = "GitHub's identity provider is missing."
  }

  assert {
    condition     = aws_iam_role.deploy.name == "enterprise-todo-github-actions-deploy"
    error_message = "The deploy role's name is wrong."
  }

  assert {
    condition     = length(jsondecode(aws_iam_role.deploy.assume_role_policy).Statement) == 1 && jsondecode(aws_iam_role.deploy.assume_role_policy).Statement[0].Action == "sts:AssumeRoleWithWebIdentity" && jsondecode(aws_iam_role.deploy.assume_role_policy).Statement[0].Principal.Federated == one(aws_iam_openid_connect_provider.github).arn
    error_message = "The deploy role is for GitHub's tokens only: no stored keys."
  }

  assert {
    condition     = jsondecode(aws_iam_role.deploy.assume_role_policy).Statement[0].Condition == { StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com", "token.actions.githubusercontent.com:sub" = "repo:acme/enterprise-todo:environment:production:ref:refs/heads/main" } }
    error_message = "Only main, and only in the environment, may deploy."
  }

  assert {
    condition     = length(setintersection(flatten(jsondecode(aws_iam_role_policy.deploy.policy).Statement[*].Action), ["*", "ecs:*", "ecr:*", "iam:*"])) == 0 && alltrue([for action in flatten(jsondecode(aws_iam_role_policy.deploy.policy).Statement[*].Action) : !can(regex("[*]", action))])
    error_message = "No wildcard among the actions."
  }

  assert {
    condition     = toset(flatten([for it in jsondecode(aws_iam_role_policy.deploy.policy).Statement : it.Action if startswith(it.Action[0], "ecs:")])) == toset(["ecs:UpdateService", "ecs:RunTask", "ecs:DescribeTasks", "ecs:DescribeServices", "ecs:RegisterTaskDefinition", "ecs:DescribeTaskDefinition"])
    error_message = "The ECS actions are not the inventory's."
  }

  assert {
    condition     = toset([for it in jsondecode(aws_iam_role_policy.deploy.policy).Statement : it.Resource if it.Sid == "PassTheTwoRoles"][0]) == toset(["arn:aws:iam::123456789012:role/enterprise-todo-ecs-execution-role", "arn:aws:iam::123456789012:role/enterprise-todo-ecs-task-role"]) && [for it in jsondecode(aws_iam_role_policy.deploy.policy).Statement : it.Condition if it.Sid == "PassTheTwoRoles"][0].StringEquals["iam:PassedToService"] == "ecs-tasks.amazonaws.com"
    error_message = "Two roles may be passed, and to ECS only."
  }

  assert {
    condition     = [for it in jsondecode(aws_iam_role_policy.deploy.policy).Statement : it.Resource if it.Sid == "RunTheMigrator"][0] == ["arn:aws:ecs:ap-southeast-1:123456789012:task-definition/enterprise-todo-migrator:*"] && [for it in jsondecode(aws_iam_role_policy.deploy.policy).Statement : it.Condition if it.Sid == "RunTheMigrator"][0].ArnEquals["ecs:cluster"] == "arn:aws:ecs:ap-southeast-1:123456789012:cluster/enterprise-todo-prod"
    error_message = "Only the migrator may be run, and only here."
  }

  assert {
    condition     = alltrue([for it in [for it in jsondecode(aws_iam_role_policy.deploy.policy).Statement : it.Resource if it.Sid == "DeployServices"][0] : startswith(it, "arn:aws:ecs:ap-southeast-1:123456789012:service/enterprise-todo-prod/enterprise-todo-")])
    error_message = "Only this cluster's services may be changed."
  }

  assert {
    condition     = [for it in jsondecode(aws_iam_role_policy.deploy.policy).Statement : it.Action if it.Sid == "ReadTheMigratorsLog"][0] == ["logs:GetLogEvents"] && alltrue([for it in [for it in jsondecode(aws_iam_role_policy.deploy.policy).Statement : it.Resource if it.Sid == "ReadTheMigratorsLog"][0] : can(regex(":log-group:/ecs/enterprise-todo-", it))])
    error_message = "Logs may be read, of these processes only."
  }
}
