# Inventory: load balancer and DNS of the surfaces.

mock_provider "aws" {
  source = "./tests/mocks"
}

override_resource {
  target = aws_acm_certificate.this
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

run "edge" {
  command = apply

  module {
    source = "./modules/edge"
  }

  variables {
    name                = "enterprise-todo-alb"
    suffix              = ""
    vpc_id              = "vpc-1"
    subnet_ids          = ["subnet-3", "subnet-4"]
    group_id            = "sg-alb"
    ports               = { api = 3333, portal-api = 3334 }
    hosts               = { api = "api.todo.example", portal-api = "portal.todo.example" }
    zone_id             = "Z1"
    deletion_protection = true
  }

  assert {
    condition     = aws_lb.this.name == "enterprise-todo-alb" && !aws_lb.this.internal && toset(aws_lb.this.subnets) == toset(["subnet-3", "subnet-4"])
    error_message = "The load balancer stands in the public subnets."
  }

  assert {
    condition     = aws_lb.this.enable_deletion_protection && aws_lb.this.drop_invalid_header_fields
    error_message = "The load balancer must be hard to delete, and drop malformed headers."
  }

  assert {
    condition     = aws_lb_target_group.this["api"].port == 3333 && aws_lb_target_group.this["portal-api"].port == 3334
    error_message = "The surfaces' ports are wrong."
  }

  assert {
    condition     = alltrue([for it in aws_lb_target_group.this : it.protocol == "HTTP" && it.target_type == "ip"])
    error_message = "Targets are addresses, over HTTP."
  }

  assert {
    condition     = alltrue([for it in aws_lb_target_group.this : it.health_check[0].path == "/graphql?query=%7Bhealth%7D" && it.health_check[0].matcher == "200"])
    error_message = "The health check asks GraphQL whether it is well."
  }

  assert {
    condition     = alltrue([for it in aws_lb_target_group.this : it.health_check[0].interval == 30 && it.health_check[0].healthy_threshold == 2 && it.health_check[0].unhealthy_threshold == 3])
    error_message = "Every 30 s; 2 make healthy, 3 unhealthy."
  }

  assert {
    condition     = aws_lb_listener.https.port == 443 && aws_lb_listener.https.protocol == "HTTPS" && aws_lb_listener.https.certificate_arn == aws_acm_certificate_validation.this.certificate_arn
    error_message = "443 speaks HTTPS with a certificate that is proved."
  }

  assert {
    condition     = startswith(aws_lb_listener.https.ssl_policy, "ELBSecurityPolicy-TLS13-1-2")
    error_message = "No TLS below 1.2."
  }

  assert {
    condition     = aws_lb_listener.https.default_action[0].type == "fixed-response" && aws_lb_listener.https.default_action[0].fixed_response[0].status_code == "404" && aws_lb_listener.https.default_action[0].fixed_response[0].message_body == "Not Found"
    error_message = "An unknown host gets 404 Not Found."
  }

  assert {
    condition     = aws_lb_listener_rule.this["api"].priority == 10 && one(one(aws_lb_listener_rule.this["api"].condition).host_header).values == toset(["api.todo.example"])
    error_message = "api. has priority 10."
  }

  assert {
    condition     = aws_lb_listener_rule.this["portal-api"].priority == 20 && one(one(aws_lb_listener_rule.this["portal-api"].condition).host_header).values == toset(["portal.todo.example"])
    error_message = "portal. has priority 20."
  }

  assert {
    condition     = alltrue([for name, rule in aws_lb_listener_rule.this : rule.action[0].target_group_arn == aws_lb_target_group.this[name].arn])
    error_message = "Each host leads to its own surface."
  }

  assert {
    condition     = aws_lb_listener.http.port == 80 && aws_lb_listener.http.default_action[0].type == "redirect" && aws_lb_listener.http.default_action[0].redirect[0].status_code == "HTTP_301" && aws_lb_listener.http.default_action[0].redirect[0].protocol == "HTTPS" && aws_lb_listener.http.default_action[0].redirect[0].port == "443"
    error_message = "80 redirects to 443 with 301."
  }

  assert {
    condition     = aws_acm_certificate.this.domain_name == "api.todo.example" && toset(aws_acm_certificate.this.subject_alternative_names) == toset(["portal.todo.example"]) && aws_acm_certificate.this.validation_method == "DNS"
    error_message = "The certificate is for both hosts."
  }

  assert {
    condition     = toset([for record in aws_route53_record.surface : record.name]) == toset(["api.todo.example", "portal.todo.example"]) && alltrue([for record in aws_route53_record.surface : record.alias[0].name == aws_lb.this.dns_name])
    error_message = "Both names lead to the load balancer."
  }
}
