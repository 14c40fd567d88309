#!/usr/bin/env bash
# Keys and secrets of all environments.
#
#   ops/scripts/keys.sh make [FOLDER]            the twelve PEM files, in FOLDER (default: keys)
#   ops/scripts/keys.sh upload ENVIRONMENT [FOLDER]   into Secrets Manager: staging or production
#   ops/scripts/keys.sh password                 a password for the database, on standard output
#
# A file that exists is never replaced: a key that is in use cannot be made again.
set -euo pipefail
umask 077

BITS=4096
PASSWORD_CHARS=32

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

make() {
    local folder=$1 surface environment private public
    mkdir -p "$folder"
    for surface in user portal; do
        for environment in dev staging prod; do
            private=$folder/${surface}_private_$environment.pem
            public=$folder/${surface}_public_$environment.pem
            if [[ -e $private || -e $public ]]; then
                [[ -e $private && -e $public ]] || die "only half of a pair exists: $private, $public"
                printf 'kept  %s\n' "$private"
                continue
            fi
            openssl genpkey -quiet -algorithm RSA -pkeyopt "rsa_keygen_bits:$BITS" -out "$private.new"
            openssl pkey -in "$private.new" -pubout -out "$public.new"
            # Both or neither, also when this is stopped half-way.
            mv "$public.new" "$public"
            mv "$private.new" "$private"
            printf 'made  %s\n' "$private"
        done
    done
}

# Random letters and digits; rejection keeps every character as likely as the others.
password() {
    local text=
    while ((${#text} < PASSWORD_CHARS)); do
        text+=$(openssl rand -base64 48 | tr -dc 'A-Za-z0-9')
    done
    printf '%s\n' "${text:0:PASSWORD_CHARS}"
}

# The value goes in by a file, never by an argument that other people on the machine could read.
put() {
    local name=$1 file=$2
    [[ -s $file ]] || die "there is no $file"
    aws secretsmanager put-secret-value --secret-id "$prefix$name" --secret-string "file://$file" >/dev/null
    printf 'uploaded  %s%s\n' "$prefix" "$name"
}

has_value() {
    aws secretsmanager describe-secret --secret-id "$prefix$1" --output json |
        jq -e '.VersionIdsToStages // {} | length > 0' >/dev/null
}

# Makes a value with a command, unless there is one.
put_once() {
    local name=$1 fresh
    shift
    if has_value "$name"; then
        printf 'kept  %s%s\n' "$prefix" "$name"
        return
    fi
    fresh=$(mktemp)
    "$@" >"$fresh"
    put "$name" "$fresh"
    rm -f "$fresh"
}

upload() {
    local environment=$1 folder=$2 short
    case $environment in
        staging) short=staging ;;
        production) short=prod ;;
        *) die "'$environment' is neither staging nor production" ;;
    esac
    prefix=enterprise-todo/$environment/
    put JWT_PRIVATE_KEY "$folder/user_private_$short.pem"
    put JWT_PUBLIC_KEY "$folder/user_public_$short.pem"
    put PORTAL_JWT_PRIVATE_KEY "$folder/portal_private_$short.pem"
    put PORTAL_JWT_PUBLIC_KEY "$folder/portal_public_$short.pem"
    # It wraps the keys of personal data: another one would make them unreadable.
    put_once DATA_KEY openssl rand -base64 32
    # It signs the checkpoints over all events: another one would need the old one's public half.
    put_once AUDIT_SIGNING_KEY openssl genpkey -quiet -algorithm ed25519
}

case ${1:-} in
    make) make "${2:-keys}" ;;
    upload) upload "${2:?which environment}" "${3:-keys}" ;;
    password) password ;;
    *) die 'usage: keys.sh make [FOLDER] | upload ENVIRONMENT [FOLDER] | password' ;;
esac
