variable "suffix" {
  description = "What staging's names end with."
  type        = string
}

variable "environment" {
  description = "The GitHub environment that may deploy here."
  type        = string
}

variable "repository" {
  description = "owner/name."
  type        = string
}

variable "account_wide" {
  description = "Whether to make what an account has once."
  type        = bool
}

variable "region" {
  description = "Where the tasks run."
  type        = string
}

variable "cluster" {
  description = "The cluster's name."
  type        = string
}
