# Inventory: network. Only the load balancer is reachable, and each door has one peer.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "network" {
  command = apply

  module {
    source = "./modules/network"
  }

  variables {
    name  = "enterprise-todo-prod"
    cidr  = var.vpc_cidr
    zones = ["ap-southeast-1a", "ap-southeast-1b"]
    ports = { api = 3333, portal-api = 3334 }
  }

  assert {
    condition     = length(aws_subnet.private) == 2 && length(distinct(aws_subnet.private[*].availability_zone)) == 2
    error_message = "Tasks, database and Redis need private subnets in two zones."
  }

  assert {
    condition     = length(aws_subnet.public) == 2 && length(distinct(aws_subnet.public[*].availability_zone)) == 2
    error_message = "The load balancer needs public subnets in two zones."
  }

  assert {
    condition     = length(distinct(concat(aws_subnet.private[*].cidr_block, aws_subnet.public[*].cidr_block))) == 4
    error_message = "Subnets overlap."
  }

  assert {
    condition     = alltrue([for subnet in concat(aws_subnet.private, aws_subnet.public) : !subnet.map_public_ip_on_launch])
    error_message = "Nothing may get a public address by default."
  }

  assert {
    condition     = aws_nat_gateway.this.subnet_id == aws_subnet.public[0].id
    error_message = "The one NAT gateway belongs into a public subnet."
  }

  assert {
    condition     = one(aws_route_table.private.route).nat_gateway_id == aws_nat_gateway.this.id
    error_message = "Private subnets must leave through the NAT gateway."
  }

  assert {
    condition     = alltrue([for index, link in aws_route_table_association.private : link.route_table_id == aws_route_table.private.id && link.subnet_id == aws_subnet.private[index].id])
    error_message = "Each private subnet must use the private route table."
  }

  assert {
    condition     = one(aws_route_table.public.route).gateway_id == aws_internet_gateway.this.id
    error_message = "Public subnets must leave through the internet gateway."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.balancer : rule.from_port]) == toset([80, 443])
    error_message = "The load balancer takes 443 and 80 and nothing else."
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.balancer : rule.cidr_ipv4 == "0.0.0.0/0" && rule.from_port == rule.to_port && rule.security_group_id == aws_security_group.balancer.id])
    error_message = "The load balancer takes 443 and 80 from anywhere."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.tasks : rule.from_port]) == toset([3333, 3334])
    error_message = "Tasks take the two surfaces' ports only."
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.tasks : rule.referenced_security_group_id == aws_security_group.balancer.id && rule.cidr_ipv4 == null && rule.from_port == rule.to_port])
    error_message = "Tasks are reached from the load balancer only."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.database.from_port == 5432 && aws_vpc_security_group_ingress_rule.database.to_port == 5432 && aws_vpc_security_group_ingress_rule.database.referenced_security_group_id == aws_security_group.tasks.id && aws_vpc_security_group_ingress_rule.database.cidr_ipv4 == null && aws_vpc_security_group_ingress_rule.database.security_group_id == aws_security_group.database.id
    error_message = "5432 must be open to the tasks only."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.redis.from_port == 6379 && aws_vpc_security_group_ingress_rule.redis.to_port == 6379 && aws_vpc_security_group_ingress_rule.redis.referenced_security_group_id == aws_security_group.tasks.id && aws_vpc_security_group_ingress_rule.redis.cidr_ipv4 == null && aws_vpc_security_group_ingress_rule.redis.security_group_id == aws_security_group.redis.id
    error_message = "6379 must be open to the tasks only."
  }

  assert {
    condition     = length(distinct([aws_security_group.balancer.id, aws_security_group.tasks.id, aws_security_group.database.id, aws_security_group.redis.id])) == 4
    error_message = "Each kind of thing has a group of its own."
  }

  assert {
    condition     = length(coalesce(aws_default_security_group.closed.ingress, [])) == 0 && length(coalesce(aws_default_security_group.closed.egress, [])) == 0
    error_message = "The default group must be closed."
  }
}
