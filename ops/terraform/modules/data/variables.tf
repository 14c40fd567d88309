variable "name" {
  description = "The name of the database and of Redis."
  type        = string
}

variable "secrets_prefix" {
  description = "Where the environment's secrets are."
  type        = string
}

variable "extra_secrets" {
  description = "Names of secrets beside the fixed five."
  type        = set(string)
}

variable "subnet_ids" {
  description = "Private subnets in two zones."
  type        = list(string)
}

variable "database_group_id" {
  description = "The security group of PostgreSQL."
  type        = string
}

variable "redis_group_id" {
  description = "The security group of Redis."
  type        = string
}

variable "database" {
  description = "Size and safety of PostgreSQL."
  type = object({
    instance_class      = string
    storage_gb          = number
    multi_az            = bool
    backup_days         = number
    deletion_protection = bool
  })
}

variable "database_password" {
  description = "The password of the database's owner."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "database_password_version" {
  description = "Raise it to write the password that is given."
  type        = number
}

variable "redis_node_type" {
  description = "Size of Redis."
  type        = string
}

variable "deletion_protection" {
  description = "Whether secrets wait 30 days before they are gone."
  type        = bool
}
