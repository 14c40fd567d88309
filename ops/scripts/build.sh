#!/usr/bin/env bash
# Builds and pushes the images of one commit, and writes `NAME=DIGEST` lines to GITHUB_OUTPUT.
# What was pushed under this commit before is taken as it is: production runs the very image that
# staging ran, and a workflow that is run again builds nothing twice.
#
#   DEPLOYMENT='{…}' SHA=… ops/scripts/build.sh
set -euo pipefail
# shellcheck source=ops/scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
check_sha
registry=$(deployment REGISTRY)

worker=$(deployment WORKER)
names=(migrator api portal-api)
[[ $worker == true ]] && names+=(worker)

# Empty when the commit has no image yet.
digest_of() {
    ask ecr batch-get-image --repository-name "enterprise-todo/$1" --image-ids "imageTag=$SHA" |
        jq -r '.images[0].imageId.imageDigest // empty'
}

# A builder that can say how an image came about. It begins with nothing: what others can write to,
# such as a shared cache, has no place in what is deployed.
docker buildx create --name "release-$$" --driver docker-container --use
trap 'docker buildx rm "release-$$" >/dev/null' EXIT

aws ecr get-login-password | docker login --username AWS --password-stdin "$registry"
for name in "${names[@]}"; do
    digest=$(digest_of "$name")
    if [[ -z $digest ]]; then
        # `latest` stays on this machine: tags in the registry never move.
        docker buildx build --file "$OPS/Dockerfile" --target "$name" \
            --build-arg "REVISION=$SHA" \
            --provenance=mode=max \
            --tag "$registry/enterprise-todo/$name:$SHA" --push "$OPS/.."
        digest=$(digest_of "$name")
    fi
    check_digest "$digest"
    say "Image of $name: $registry/enterprise-todo/$name@$digest"
    printf '%s=%s\n' "$name" "$digest" >>"${GITHUB_OUTPUT:-/dev/null}"
done
