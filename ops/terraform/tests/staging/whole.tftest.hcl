# The modules together, with staging's variables.

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

  variables {
    account_wide = false
  }

  assert {
    condition     = output.deployment["CLUSTER"] == "enterprise-todo-staging" && output.deployment["SUFFIX"] == "-staging" && output.deployment["ENVIRONMENT"] == "staging"
    error_message = "Staging has names of its own."
  }
}
