# As production, smaller. `account_wide = false` when production lives in the same account.
environment = "staging"
vpc_cidr    = "10.30.0.0/16"

database = {
  instance_class      = "db.t4g.micro"
  storage_gb          = 20
  multi_az            = false
  backup_days         = 1
  deletion_protection = false
}

redis_node_type = "cache.t4g.micro"

api_tasks    = 1
portal_tasks = 1
