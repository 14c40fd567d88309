#!/usr/bin/env bash
# Puts a service back on an earlier revision of its task definition: the one that is named, or the
# newest one before the current whose image is another. The schema stays: each release works on the
# schema of the next (docs/deploying.md).
#
#   DEPLOYMENT='{…}' ops/scripts/rollback.sh api [REVISION]
set -euo pipefail
# shellcheck source=ops/scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# How far back an earlier image is looked for.
REVISIONS_BACK_MAX=20

[[ $# -eq 1 || $# -eq 2 ]] || die 'usage: rollback.sh NAME [REVISION]'
name=$1 wanted=${2:-}
case $name in
    api | portal-api | worker) ;;
    *) die "'$name' is no service" ;;
esac
[[ -z $wanted || $wanted =~ ^[1-9][0-9]*$ ]] || die "'$wanted' is no revision"
family=enterprise-todo-$name$(suffix)
cluster=$(deployment CLUSTER)

current=$(ask ecs describe-services --cluster "$cluster" --services "$family" |
    jq -er '.services[0].taskDefinition') || die "there is no service $family"
revision=${current##*:}

# Image and commit of a revision; fails when it is gone.
image_of() {
    aws ecs describe-task-definition --task-definition "$family:$1" --output json |
        jq -er '.taskDefinition | select(.status == "ACTIVE") | .containerDefinitions[0]
            | "\(.image) \(.dockerLabels["org.opencontainers.image.revision"] // "unknown")"'
}

if [[ -n $wanted ]]; then
    found=$(image_of "$wanted") || die "$family:$wanted does not exist, or is not active"
else
    running=$(image_of "$revision") || running=
    for ((wanted = revision - 1; wanted >= 1 && wanted >= revision - REVISIONS_BACK_MAX; wanted--)); do
        found=$(image_of "$wanted" 2>/dev/null) || found=
        [[ -n $found && ${found% *} != "${running% *}" ]] && break
        found=
    done
    [[ -n ${found:-} ]] || die "$family has no earlier revision with another image"
fi
say "Rolling $family back from revision $revision to $wanted (commit ${found##* })"
target=${current%:*}:$wanted
aws ecs update-service --cluster "$cluster" --service "$family" --task-definition "$target" \
    --output json >/dev/null || die "$family was not updated"
"$OPS/scripts/watch.sh" "$name" "$target"
