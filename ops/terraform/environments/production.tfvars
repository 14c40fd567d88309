# Everything that is not an account's own. Domain, zone and repository come from the outside:
#   terraform apply -var-file=environments/production.tfvars -var domain=… -var zone_id=… -var repository=…
environment = "production"
vpc_cidr    = "10.20.0.0/16"

database = {
  instance_class      = "db.t4g.medium"
  storage_gb          = 100
  multi_az            = true
  backup_days         = 7
  deletion_protection = true
}

redis_node_type = "cache.t4g.small"

api_tasks    = 2
portal_tasks = 1
