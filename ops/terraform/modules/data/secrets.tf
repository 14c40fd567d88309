# The secrets exist here; what is in them does not: ops/scripts/keys.sh makes the key pairs and
# uploads them, and the database's password is given to the apply that makes or rotates it. Nothing
# secret is in the state.

locals {
  fixed = toset(["JWT_PRIVATE_KEY", "JWT_PUBLIC_KEY", "PORTAL_JWT_PRIVATE_KEY", "PORTAL_JWT_PUBLIC_KEY", "DB_PASSWORD"])
}

resource "aws_secretsmanager_secret" "this" {
  for_each = setunion(local.fixed, var.extra_secrets)

  name                    = "${var.secrets_prefix}${each.key}"
  recovery_window_in_days = var.deletion_protection ? 30 : 7
}

# Passes through in memory only. Raising the version writes what was given then: a rotation is a new
# version of the same secret, and the database gets it in the same apply.
resource "aws_secretsmanager_secret_version" "database" {
  secret_id                = aws_secretsmanager_secret.this["DB_PASSWORD"].id
  secret_string_wo         = var.database_password
  secret_string_wo_version = var.database_password_version
}
