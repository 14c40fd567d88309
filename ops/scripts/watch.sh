#!/usr/bin/env bash
# Waits until a service is stable on a given task definition. The circuit breaker rolls back by
# itself, and a service that was rolled back is stable as well: so it is asked on what.
#
#   DEPLOYMENT='{…}' ops/scripts/watch.sh api arn:aws:ecs:…:task-definition/enterprise-todo-api:7
set -euo pipefail
# shellcheck source=ops/scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[[ $# -eq 2 ]] || die 'usage: watch.sh NAME TASK_DEFINITION'
service=enterprise-todo-$1$(suffix)
definition=$2
cluster=$(deployment CLUSTER)

failed() {
    say "$service did not become stable: $1"
    say 'Its last events:'
    jq -r '.services[0].events[:10][]? | "  \(.createdAt) \(.message)"' <<<"$answer"
    say 'Deployment failed'
    exit 1
}

deadline=$((SECONDS + WAIT_SECONDS))
while :; do
    answer=$(ask ecs describe-services --cluster "$cluster" --services "$service") || exit 1
    state=$(jq -r --arg it "$definition" '
        .services[0] as $service
        | ([$service.deployments[]? | select(.taskDefinition == $it)][0]) as $ours
        | if $service == null or $service.status != "ACTIVE" then "GONE"
          elif $ours == null and $service.taskDefinition == $it then "WAITING"
          elif $ours == null then "REPLACED"
          elif $ours.rolloutState == "FAILED" then "FAILED"
          elif $ours.status != "PRIMARY" then "REPLACED"
          elif $ours.rolloutState == "COMPLETED" and $ours.runningCount == $ours.desiredCount then "STABLE"
          else "WAITING" end' <<<"$answer")
    case $state in
        STABLE) break ;;
        FAILED) failed "$(jq -r --arg it "$definition" '[.services[0].deployments[] | select(.taskDefinition == $it)][0].rolloutStateReason // "the circuit breaker opened"' <<<"$answer")" ;;
        REPLACED) failed 'another deployment took its place (rolled back, or somebody else deploys)' ;;
        GONE) failed 'there is no such service' ;;
    esac
    ((SECONDS < deadline)) || failed "no stability within $WAIT_SECONDS s"
    sleep "$POLL_SECONDS"
done
say "$service is stable on ${definition##*/}"
