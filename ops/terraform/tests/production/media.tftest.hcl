# Inventory: media.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mocks"
}

override_resource {
  target = aws_acm_certificate.this
  values = {
    arn = "arn:aws:acm:ap-southeast-1:123456789012:certificate/1"
    domain_validation_options = [
      {
        domain_name           = "media.todo.example"
        resource_record_name  = "_1.media.todo.example"
        resource_record_type  = "CNAME"
        resource_record_value = "_2.acm-validations.aws"
      },
    ]
  }
}

run "media" {
  command = apply

  module {
    source = "./modules/media"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    name        = "enterprise-todo-media-prod"
    host        = "media.todo.example"
    zone_id     = "Z1"
    web_origins = ["https://app.todo.example"]
    public_key  = null
  }

  assert {
    condition     = aws_s3_bucket.this.bucket == "enterprise-todo-media-prod-123456789012"
    error_message = "The bucket's name must be the account's own."
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy && aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    error_message = "The bucket must block public access, all four ways."
  }

  assert {
    condition     = one(aws_s3_bucket_ownership_controls.this.rule).object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs must be off."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "Media must be encrypted at rest."
  }

  assert {
    condition     = [for it in jsondecode(aws_s3_bucket_policy.this.policy).Statement : it.Condition.StringEquals["AWS:SourceArn"] if it.Effect == "Allow"] == [aws_cloudfront_distribution.this.arn]
    error_message = "Only this distribution may read the bucket."
  }

  assert {
    condition     = [for it in jsondecode(aws_s3_bucket_policy.this.policy).Statement : it.Condition.Bool["aws:SecureTransport"] if it.Effect == "Deny"] == ["false"]
    error_message = "The bucket must refuse plain text."
  }

  assert {
    condition     = aws_cloudfront_origin_access_control.this.signing_behavior == "always" && aws_cloudfront_origin_access_control.this.origin_access_control_origin_type == "s3" && one(aws_cloudfront_distribution.this.origin).origin_access_control_id == aws_cloudfront_origin_access_control.this.id
    error_message = "CloudFront must sign its requests to the bucket."
  }

  assert {
    condition     = toset(aws_cloudfront_distribution.this.aliases) == toset(["media.todo.example"]) && aws_cloudfront_distribution.this.default_cache_behavior[0].viewer_protocol_policy == "redirect-to-https" && aws_cloudfront_distribution.this.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021"
    error_message = "media. speaks HTTPS only."
  }

  assert {
    condition     = anytrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.status == "Enabled" && length(rule.abort_incomplete_multipart_upload) == 1])
    error_message = "Failed uploads must be cleaned up."
  }

  assert {
    condition     = aws_route53_record.this.name == "media.todo.example" && aws_route53_record.this.alias[0].name == aws_cloudfront_distribution.this.domain_name
    error_message = "media. leads to CloudFront."
  }

  assert {
    condition     = one(one(aws_s3_bucket_cors_configuration.this).cors_rule).allowed_origins == toset(["https://app.todo.example"])
    error_message = "Browsers upload from the app's own origin only."
  }
}

run "signed_links" {
  command = apply

  module {
    source = "./modules/media"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    name        = "enterprise-todo-media-prod"
    host        = "media.todo.example"
    zone_id     = "Z1"
    web_origins = ["https://app.todo.example"]
    public_key  = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"
  }

  assert {
    condition     = one(aws_cloudfront_distribution.this.default_cache_behavior[0].trusted_key_groups) == aws_cloudfront_key_group.this[0].id
    error_message = "With a key, only signed links may be answered."
  }
}
