variable "suffix" {
  description = "What staging's names end with."
  type        = string
}

variable "region" {
  description = "The region of the dashboard's metrics."
  type        = string
}

variable "cluster" {
  description = "The ECS cluster's name."
  type        = string
}

variable "balancer" {
  description = "The load balancer, as CloudWatch names it."
  type        = string
}

variable "target_groups" {
  description = "The target groups by surface, as CloudWatch names them."
  type        = map(string)
}

variable "database" {
  description = "The database's identifier."
  type        = string
}

variable "redis" {
  description = "The replication group's identifier."
  type        = string
}

variable "storage_gb" {
  description = "The database's disk."
  type        = number
}

variable "external_works" {
  description = "Whether consumers run in tasks of their own, whose log is then the one to read."
  type        = bool
}

variable "alert_emails" {
  description = "Who is told."
  type        = set(string)
}
