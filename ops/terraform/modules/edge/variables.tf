variable "name" {
  description = "The load balancer's name."
  type        = string
}

variable "suffix" {
  description = "What staging's names end with."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "subnet_ids" {
  description = "Public subnets in two zones."
  type        = list(string)
}

variable "group_id" {
  description = "The load balancer's security group."
  type        = string
}

variable "ports" {
  description = "Where each surface listens."
  type        = map(number)
}

variable "hosts" {
  description = "The host name of each surface."
  type        = map(string)
}

variable "zone_id" {
  description = "The public zone."
  type        = string
}

variable "deletion_protection" {
  description = "Whether the load balancer cannot be deleted by accident."
  type        = bool
}
