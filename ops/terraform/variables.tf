variable "environment" {
  description = "staging or production."
  type        = string

  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "The environment must be staging or production."
  }
}

variable "region" {
  description = "Where everything but CloudFront's certificate lives."
  type        = string
  default     = "ap-southeast-1"
}

variable "domain" {
  description = "The domain below which api., portal. and media. are made, such as todo.example."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain))
    error_message = "The domain must be a plain host name in lower case."
  }
}

variable "zone_id" {
  description = "The public Route 53 zone of the domain."
  type        = string
}

variable "vpc_cidr" {
  description = "The network's addresses; the four subnets are cut from it."
  type        = string
  default     = "10.20.0.0/16"

  validation {
    condition     = can(cidrsubnet(var.vpc_cidr, 4, 15))
    error_message = "The network must be a CIDR block of at least 256 addresses."
  }
}

variable "zones" {
  description = "The two availability zones."
  type        = list(string)
  default     = ["ap-southeast-1a", "ap-southeast-1b"]

  validation {
    condition     = length(distinct(var.zones)) == 2
    error_message = "There must be two different zones."
  }
}

variable "repository" {
  description = "The GitHub repository that may deploy, as owner/name."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.repository))
    error_message = "The repository must be owner/name."
  }
}

variable "account_wide" {
  description = "Whether this environment makes what an account has once: image repositories and GitHub's identity provider. False where another environment of the same account made them."
  type        = bool
  default     = true
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
  description = "The password of the database's owner: 32 characters without = / +. It is not stored in the state, and has an effect only when the database is made and when database_password_version is raised."
  type        = string
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = can(regex("^[^=/+]{32}$", var.database_password))
    error_message = "The password must have 32 characters, none of them = / or +."
  }
}

variable "database_password_version" {
  description = "Raise it to give PostgreSQL and the secret the password in database_password (rotation)."
  type        = number
  default     = 1
}

variable "redis_node_type" {
  description = "Size of Redis."
  type        = string
}

variable "api_tasks" {
  description = "How many tasks serve people."
  type        = number

  validation {
    condition     = var.api_tasks >= 1
    error_message = "At least one task must serve."
  }
}

variable "portal_tasks" {
  description = "How many tasks serve operators."
  type        = number
  default     = 1
}

variable "worker_tasks" {
  description = "How many tasks run consumers and jobs alone. 0: they run within the surfaces. More: set WORKERS=external for the surfaces (ops/environments)."
  type        = number
  default     = 0
}

variable "extra_secrets" {
  description = "Names of further secrets below the environment's prefix, for ops/environments to refer to: DATA_KEY, SMTP_PASS."
  type        = set(string)
  default     = ["AUDIT_SIGNING_KEY", "DATA_KEY"]
}

variable "alert_emails" {
  description = "Who is told when an alarm goes off. Each has to confirm the subscription."
  type        = set(string)
  default     = []
}

variable "trace_collector" {
  description = "Where traces go, over OTLP/HTTP: an https address on port 443, which tasks may reach. Empty: nothing is traced."
  type        = string
  default     = ""

  validation {
    condition     = var.trace_collector == "" || can(regex("^https://[a-z0-9.-]+(:443)?(/[A-Za-z0-9/_.-]*)?$", var.trace_collector))
    error_message = "The collector must be https://host, on port 443, or nothing."
  }
}

variable "web_origins" {
  description = "Origins of browsers that upload media."
  type        = list(string)
  default     = []
}

variable "media_public_key" {
  description = "PEM of the key that signs links to media. Null: the distribution answers whoever knows the path of a file."
  type        = string
  default     = null
}
