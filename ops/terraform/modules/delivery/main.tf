# Image repositories, and the one role with which GitHub Actions deploys. No key is stored anywhere:
# GitHub says who asks, and AWS gives a session that ends with the day's work.

data "aws_caller_identity" "this" {}

locals {
  account      = data.aws_caller_identity.this.account_id
  registry     = "${local.account}.dkr.ecr.${var.region}.amazonaws.com"
  repositories = toset(["api", "portal-api", "migrator", "worker"])
}

resource "aws_ecr_repository" "this" {
  for_each = var.account_wide ? local.repositories : toset([])

  name = "enterprise-todo/${each.key}"

  # What was tested under a tag stays what the tag means. `latest` would have to move.
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Keep the last 20 images"
        selection    = { tagStatus = "tagged", tagPatternList = ["*"], countType = "imageCountMoreThan", countNumber = 20 }
        action       = { type = "expire" }
      },
      {
        # Their parts have no tag of their own; what an image still refers to is not taken away.
        rulePriority = 2
        description  = "Remove what belonged to an image that is gone"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 1 }
        action       = { type = "expire" }
      },
    ]
  })
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.account_wide ? 1 : 0

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_openid_connect_provider" "github" {
  count = var.account_wide ? 0 : 1

  url = "https://token.actions.githubusercontent.com"
}

locals {
  github = one(concat(aws_iam_openid_connect_provider.github[*].arn, data.aws_iam_openid_connect_provider.github[*].arn))

  # Exact, no wildcard: this repository, this environment, this branch. GitHub puts the branch into
  # the subject when it is told to (docs/deploying.md); until then nothing can deploy.
  subject = "repo:${var.repository}:environment:${var.environment}:ref:refs/heads/main"
}

resource "aws_iam_role" "deploy" {
  name = "enterprise-todo-github-actions-deploy${var.suffix}"
  # A migration may take an hour, and two services are waited for after it.
  max_session_duration = 14400
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = local.github }
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = local.subject
        }
      }
    }]
  })
}
