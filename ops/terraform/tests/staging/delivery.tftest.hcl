# Staging in production's account: nothing that an account has once is made twice.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "delivery" {
  command = apply

  module {
    source = "./modules/delivery"
  }

  variables {
    suffix       = "-staging"
    environment  = "staging"
    repository   = "acme/enterprise-todo"
    account_wide = false
    region       = "ap-southeast-1"
    cluster      = "enterprise-todo-staging"
  }

  assert {
    condition     = length(aws_ecr_repository.this) == 0 && length(aws_iam_openid_connect_provider.github) == 0
    error_message = "Repositories and identity provider exist already."
  }

  assert {
    condition     = aws_iam_role.deploy.name == "enterprise-todo-github-actions-deploy-staging" && jsondecode(aws_iam_role.deploy.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:acme/enterprise-todo:environment:staging:ref:refs/heads/main"
    error_message = "Staging is deployed by a role of its own."
  }

  assert {
    condition     = toset([for it in jsondecode(aws_iam_role_policy.deploy.policy).Statement : it.Resource if it.Sid == "PassTheTwoRoles"][0]) == toset(["arn:aws:iam::123456789012:role/enterprise-todo-ecs-execution-role-staging", "arn:aws:iam::123456789012:role/enterprise-todo-ecs-task-role-staging"])
    error_message = "Staging's workflow must not pass production's roles."
  }
}
