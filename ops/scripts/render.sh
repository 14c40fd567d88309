#!/usr/bin/env bash
# Fills a task definition: ops/task-definitions/NAME.json, what ops/environments/ENVIRONMENT.json
# adds, the values of DEPLOYMENT, and the image by its digest. Prints what ECS takes.
#
#   DEPLOYMENT='{…}' SHA=… ops/scripts/render.sh api sha256:…
set -euo pipefail
# shellcheck source=ops/scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[[ $# -eq 2 ]] || die 'usage: render.sh NAME DIGEST'
name=$1 digest=$2
check_sha
check_digest "$digest"
definition=$OPS/task-definitions/$name.json
[[ -f $definition ]] || die "there is no task definition called '$name'"
# Each by itself: a failure within the words of a command would go unnoticed.
registry=$(deployment REGISTRY)
environment=$(deployment ENVIRONMENT)
extra=$OPS/environments/$environment.json
[[ -f $extra ]] || die "there is no $extra"

jq --arg name "$name" --arg image "$registry/enterprise-todo/$name@$digest" --arg sha "$SHA" \
    --argjson deployment "$DEPLOYMENT" --slurpfile extra "$extra" '
    ($deployment + {IMAGE: $image, SHA: $sha}) as $values
    # A later entry of the same name replaces an earlier one.
    | def merged($more; $key): (map({(.name): .[$key]}) | add // {}) + ($more // {})
        | to_entries | map({name: .key, ($key): .value});
    def filled: gsub("\\$\\{(?<it>[A-Z0-9_]+)\\}";
        $values[.it] // error("DEPLOYMENT has no \(.it)"));
    .containerDefinitions[0] |= (
        .environment = (.environment | merged($extra[0][$name].environment; "value"))
        | .secrets = (.secrets | merged($extra[0][$name].secrets; "valueFrom"))
        | ([.environment[].name] - ([.environment[].name] - [.secrets[].name])) as $both
        | if $both == [] then . else error("both plain and secret: \($both | join(", "))") end
    )
    | walk(if type == "string" then filled else . end)
' "$definition"
