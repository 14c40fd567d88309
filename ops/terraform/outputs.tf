# What the workflows need to know, as one value: `terraform output -json deployment` becomes the
# variable DEPLOYMENT of the GitHub environment. Nothing in it is a secret: those stand as
# references. ops/scripts/render.sh fills the task definitions from it.
output "deployment" {
  value = merge(module.compute.deployment, {
    ENVIRONMENT     = var.environment
    AWS_REGION      = var.region
    DEPLOY_ROLE_ARN = module.delivery.deploy_role_arn
    API_URL         = "https://${local.hosts.api}"
    PORTAL_URL      = "https://${local.hosts.portal}"
    CDN_BASE_URL    = "https://${local.hosts.media}"
    S3_BUCKET       = module.media.bucket
    TRACE_COLLECTOR = var.trace_collector
  })
}

output "alerts_topic" {
  description = "Where alarms are told."
  value       = module.observability.topic_arn
}
