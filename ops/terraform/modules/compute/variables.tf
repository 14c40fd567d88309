variable "short" {
  description = "prod or staging."
  type        = string
}

variable "suffix" {
  description = "What staging's names end with."
  type        = string
}

variable "environment" {
  description = "staging or production."
  type        = string
}

variable "region" {
  description = "Where the tasks run."
  type        = string
}

variable "registry" {
  description = "The registry's host, without a repository."
  type        = string
}

variable "secrets_prefix" {
  description = "Below which the execution role may read secrets."
  type        = string
}

variable "secret_arns" {
  description = "The secrets by name."
  type        = map(string)
}

variable "media_bucket" {
  description = "The ARN of the bucket that tasks may read and write."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets."
  type        = list(string)
}

variable "group_id" {
  description = "The tasks' security group."
  type        = string
}

variable "target_groups" {
  description = "ARNs by surface."
  type        = map(string)
}

variable "ports" {
  description = "Where each surface listens."
  type        = map(number)
}

variable "tasks" {
  description = "How many of each."
  type        = map(number)
}

variable "database_host" {
  description = "PostgreSQL."
  type        = string
}

variable "redis_host" {
  description = "Redis."
  type        = string
}
