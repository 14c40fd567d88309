# One pinned provider: what was tested is what is applied. The lock file holds its checksum.
terraform {
  # Write-only arguments and ephemeral values keep secrets out of the state.
  required_version = ">= 1.11.0, < 2.0.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # Where the state lives is said at `terraform init -backend-config=…`: a bucket is an account's own.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project     = "enterprise-todo"
      Environment = var.environment
      ManagedBy   = "terraform"
    }
  }
}

# CloudFront takes certificates from this region only.
provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"

  default_tags {
    tags = {
      Project     = "enterprise-todo"
      Environment = var.environment
      ManagedBy   = "terraform"
    }
  }
}
