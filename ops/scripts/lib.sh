# shellcheck shell=bash
# What the scripts of a delivery share. They are told everything by two variables: DEPLOYMENT (one
# JSON object, `terraform output -json deployment`) and SHA (the commit that is delivered).

# How long something may take, and how often it is asked. A migration of a large table is longer
# than the ten minutes after which `aws ecs wait` gives up, so the waiting is done here.
WAIT_SECONDS=${WAIT_SECONDS:-3600}
POLL_SECONDS=${POLL_SECONDS:-10}
# So many failed questions in a row are no hiccup of the network.
FAILED_ASKS_MAX=5

OPS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# A value of the deployment; never an empty one.
deployment() {
    jq -er --arg name "$1" '.[$name] // empty | select(. != "")' <<<"${DEPLOYMENT:?is not set}" ||
        die "DEPLOYMENT has no $1"
}

# Staging's names end with a suffix, production's do not.
suffix() { jq -er '.SUFFIX | strings' <<<"${DEPLOYMENT:?is not set}" || die 'DEPLOYMENT has no SUFFIX'; }

check_sha() { [[ ${SHA:-} =~ ^[0-9a-f]{40}$ ]] || die "SHA must be a whole commit id, not '${SHA:-}'"; }

check_digest() { [[ $1 =~ ^sha256:[0-9a-f]{64}$ ]] || die "'$1' is no digest of an image"; }

# Asks AWS a question that may fail now and then. Changes are never repeated: they do not go here.
ask() {
    local failed=0 answer
    until answer=$(aws "$@" --output json); do
        failed=$((failed + 1))
        ((failed < FAILED_ASKS_MAX)) || die "aws $1 $2 failed $failed times in a row"
        sleep "$POLL_SECONDS"
    done
    printf '%s\n' "$answer"
}

# Registers the rendered definition of a process, and says under which ARN.
register() {
    local rendered answer
    rendered=$("$OPS/scripts/render.sh" "$1" "$2") || return 1
    answer=$(aws ecs register-task-definition --cli-input-json "$rendered" --output json) || return 1
    jq -er '.taskDefinition.taskDefinitionArn' <<<"$answer"
}
