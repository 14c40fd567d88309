#!/usr/bin/env bash
# Runs the migrator of one commit as a task, waits for its end and reads its exit code. Nothing is
# deployed when this fails: it prints the task's log and exits with 1.
#
#   DEPLOYMENT='{…}' SHA=… ops/scripts/migrate.sh sha256:…
set -euo pipefail
# shellcheck source=ops/scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[[ $# -eq 1 ]] || die 'usage: migrate.sh DIGEST'
check_sha
cluster=$(deployment CLUSTER)
region=$(deployment AWS_REGION)
subnets=$(deployment SUBNET_IDS)
groups=$(deployment SECURITY_GROUP_ID)
group=/ecs/enterprise-todo-migrator$(suffix)

aborted() {
    say 'Migration failed — aborting deployment'
    exit 1
}

# What the migrator said. That it cannot be read must not hide why we are here.
show_log() {
    local log
    say "Log of the migrator ($group):"
    if log=$(aws logs get-log-events --region "$region" --log-group-name "$group" \
        --log-stream-name "migrator/migrator/${task##*/}" --start-from-head --output json); then
        jq -r '.events[].message | "  " + .' <<<"$log"
    else
        say '  it cannot be read'
    fi
}

definition=$(register migrator "$1") || die 'the task definition of the migrator was refused'
started=$(aws ecs run-task --cluster "$cluster" --task-definition "$definition" --count 1 \
    --launch-type FARGATE --started-by "deploy-${SHA:0:12}" \
    --network-configuration "awsvpcConfiguration={subnets=[$subnets],securityGroups=[$groups],assignPublicIp=DISABLED}" \
    --output json) || aborted
if ! task=$(jq -er '.tasks[0].taskArn' <<<"$started"); then
    jq -r '.failures[]? | "The migrator could not be started: \(.reason) \(.detail // "")"' <<<"$started"
    aborted
fi
say "Migrator task ARN: $task"

deadline=$((SECONDS + WAIT_SECONDS))
while :; do
    answer=$(ask ecs describe-tasks --cluster "$cluster" --tasks "$task") || aborted
    status=$(jq -r '.tasks[0].lastStatus // "MISSING"' <<<"$answer")
    [[ $status == STOPPED ]] && break
    if ((SECONDS >= deadline)); then
        say "The migrator is still $status after $WAIT_SECONDS s; it was left alone: a migration that runs must not be cut"
        show_log
        aborted
    fi
    sleep "$POLL_SECONDS"
done

code=$(jq -r '[.tasks[0].containers[] | select(.name == "migrator") | .exitCode][0] // "none"' <<<"$answer")
say "Migrator exit code: $code"
if [[ $code != 0 ]]; then
    # Without an exit code the program never ran: the image, the secrets or the network were at fault.
    jq -r '.tasks[0] | "Stopped because: \(.stoppedReason // "unknown")", (.containers[].reason // empty | "  " + .)' <<<"$answer"
    show_log
    aborted
fi
say 'Migration succeeded — proceeding with deployment'
