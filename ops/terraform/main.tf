# Production has the plain names of the inventory, staging the same with a suffix, so that both fit
# into one account.
locals {
  production = var.environment == "production"
  suffix     = local.production ? "" : "-staging"
  short      = local.production ? "prod" : "staging"

  ports = { api = 3333, portal-api = 3334 }
  hosts = {
    api    = "api.${var.domain}"
    portal = "portal.${var.domain}"
    media  = "media.${var.domain}"
  }
}

module "network" {
  source = "./modules/network"

  name  = "enterprise-todo-${local.short}"
  cidr  = var.vpc_cidr
  zones = var.zones
  ports = local.ports
}

module "data" {
  source = "./modules/data"

  name                      = "enterprise-todo-${local.short}"
  secrets_prefix            = "enterprise-todo/${var.environment}/"
  extra_secrets             = var.extra_secrets
  subnet_ids                = module.network.private_subnet_ids
  database_group_id         = module.network.database_group_id
  redis_group_id            = module.network.redis_group_id
  database                  = var.database
  database_password         = var.database_password
  database_password_version = var.database_password_version
  redis_node_type           = var.redis_node_type
  deletion_protection       = var.database.deletion_protection
}

module "media" {
  source = "./modules/media"
  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  name        = "enterprise-todo-media-${local.short}"
  host        = local.hosts.media
  zone_id     = var.zone_id
  web_origins = var.web_origins
  public_key  = var.media_public_key
}

module "edge" {
  source = "./modules/edge"

  name                = "enterprise-todo-alb${local.suffix}"
  suffix              = local.suffix
  vpc_id              = module.network.vpc_id
  subnet_ids          = module.network.public_subnet_ids
  group_id            = module.network.balancer_group_id
  ports               = local.ports
  hosts               = { api = local.hosts.api, portal-api = local.hosts.portal }
  zone_id             = var.zone_id
  deletion_protection = var.database.deletion_protection
}

module "observability" {
  source = "./modules/observability"

  suffix         = local.suffix
  balancer       = module.edge.balancer_metric_name
  target_groups  = module.edge.target_group_metric_names
  cluster        = "enterprise-todo-${local.short}"
  database       = module.data.database_identifier
  redis          = module.data.redis_identifier
  alert_emails   = var.alert_emails
  region         = var.region
  storage_gb     = var.database.storage_gb
  external_works = var.worker_tasks > 0
}

module "compute" {
  source = "./modules/compute"

  short          = local.short
  suffix         = local.suffix
  environment    = var.environment
  region         = var.region
  registry       = module.delivery.registry
  secrets_prefix = "enterprise-todo/${var.environment}/"
  secret_arns    = module.data.secret_arns
  media_bucket   = module.media.bucket_arn
  subnet_ids     = module.network.private_subnet_ids
  group_id       = module.network.tasks_group_id
  target_groups  = module.edge.target_group_arns
  ports          = local.ports
  tasks          = { api = var.api_tasks, portal-api = var.portal_tasks, worker = var.worker_tasks }
  database_host  = module.data.database_host
  redis_host     = module.data.redis_host
}

module "delivery" {
  source = "./modules/delivery"

  suffix       = local.suffix
  environment  = var.environment
  repository   = var.repository
  account_wide = var.account_wide
  region       = var.region
  cluster      = "enterprise-todo-${local.short}"
}
