#!/usr/bin/env bash
# Deploys one process of one commit, and waits until it is stable.
#
#   DEPLOYMENT='{…}' SHA=… ops/scripts/deploy.sh api sha256:…
set -euo pipefail
# shellcheck source=ops/scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[[ $# -eq 2 ]] || die 'usage: deploy.sh NAME DIGEST'
name=$1
case $name in
    api | portal-api | worker) ;;
    *) die "'$name' is no service" ;;
esac
check_sha
cluster=$(deployment CLUSTER)
service=enterprise-todo-$name$(suffix)
definition=$(register "$name" "$2") || die "the task definition of $name was refused"
say "Deploying $service: ${definition##*/} (commit $SHA)"
aws ecs update-service --cluster "$cluster" --service "$service" \
    --task-definition "$definition" --output json >/dev/null || die "$service was not updated"
"$OPS/scripts/watch.sh" "$name" "$definition"
