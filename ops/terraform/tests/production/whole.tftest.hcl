# The modules together, and input that is refused.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mocks"
}

override_resource {
  target = module.edge.aws_acm_certificate.this
  values = {
    arn = "arn:aws:acm:ap-southeast-1:123456789012:certificate/1"
    domain_validation_options = [
      {
        domain_name           = "api.todo.example"
        resource_record_name  = "_1.api.todo.example"
        resource_record_type  = "CNAME"
        resource_record_value = "_2.acm-validations.aws"
      },
      {
        domain_name           = "portal.todo.example"
        resource_record_name  = "_1.portal.todo.example"
        resource_record_type  = "CNAME"
        resource_record_value = "_2.acm-validations.aws"
      },
    ]
  }
}

override_resource {
  target = module.media.aws_acm_certificate.this
  values = {
    arn = "arn:aws:acm:ap-southeast-1:123456789012:certificate/1"
    domain_validation_options = [
      {
        domain_name           = "media.todo.example"
        resource_record_name  = "_1.media.todo.example"
        resource_record_type  = "CNAME"
        resource_record_value = "_2.acm-validations.aws"
      },
    ]
  }
}

variables {
  domain            = "todo.example"
  zone_id           = "Z0000000000EXAMPLE"
  repository        = "acme/enterprise-todo"
  alert_emails      = ["oncall@todo.example"]
  database_password = "0123456789abcdefghijABCDEFGHIJ__"
}

run "the_whole" {
  command = apply

  assert {
    condition     = output.deployment["CLUSTER"] == "enterprise-todo-prod" && output.deployment["SUFFIX"] == ""
    error_message = "Production has the inventory's plain names."
  }

  assert {
    condition     = output.deployment["REGISTRY"] == "123456789012.dkr.ecr.ap-southeast-1.amazonaws.com" && output.deployment["AWS_REGION"] == "ap-southeast-1"
    error_message = "Images come from this account's registry in this region."
  }

  assert {
    condition     = output.deployment["API_URL"] == "https://api.todo.example" && output.deployment["PORTAL_URL"] == "https://portal.todo.example" && output.deployment["CDN_BASE_URL"] == "https://media.todo.example"
    error_message = "The hosts are below the domain."
  }

  assert {
    condition     = output.deployment["TRACE_COLLECTOR"] == ""
    error_message = "Nothing is traced unless somebody wants it."
  }

  assert {
    condition     = length(split(",", output.deployment["SUBNET_IDS"])) == 2 && output.deployment["SECURITY_GROUP_ID"] != ""
    error_message = "The migrator runs where the services run."
  }

  assert {
    condition     = length(setsubtract(["JWT_PRIVATE_KEY", "JWT_PUBLIC_KEY", "PORTAL_JWT_PRIVATE_KEY", "PORTAL_JWT_PUBLIC_KEY", "DB_PASSWORD", "DATA_KEY"], [for name in keys(output.deployment) : trimprefix(name, "SECRET_") if startswith(name, "SECRET_")])) == 0
    error_message = "Each secret of the task definitions has an address."
  }

  assert {
    condition     = alltrue([for value in values(output.deployment) : !strcontains(value, "0123456789abcdefghijABCDEFGHIJ__")])
    error_message = "The password must not be in what workflows read."
  }
}

# Wrong input is refused before anything is planned.

run "input_of_the_wrong_kind" {
  command = plan

  variables {
    environment       = "test"
    domain            = "https://todo.example/"
    zones             = ["ap-southeast-1a", "ap-southeast-1a"]
    repository        = "enterprise-todo"
    database_password = "0123456789abcdefghijABCDEFGHIJ=/"
    api_tasks         = 0
    vpc_cidr          = "10.0.0.0/30"
    trace_collector   = "http://collector:4318"
  }

  expect_failures = [var.environment, var.domain, var.zones, var.repository, var.database_password, var.api_tasks, var.vpc_cidr, var.trace_collector]
}

run "a_wildcard_and_a_short_password" {
  command = plan

  variables {
    repository        = "acme/*"
    database_password = "short"
  }

  expect_failures = [var.repository, var.database_password]
}
