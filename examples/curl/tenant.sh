#!/usr/bin/env bash
# Makes a tenant, its owner and, as that owner, a key for CI: tenant.sh NAME EMAIL [NETWORK]. Prints the key, this once.
# NETWORK, such as 10.1.0.0/16, is what the tenant may scan besides public addresses. Needs curl and jq.
set -euo pipefail

: "${SCANYARD_URL:?such as https://scan.example.test}" "${SCANYARD_API_KEY:?a key with tenants:create and users:create, such as the first one}"
name=${1:?the name of the tenant} email=${2:?the e-mail address of its owner} network=${3:-}
api=$SCANYARD_URL/scan-api/api/v1
call() {
    local answer
    answer=$(curl --silent --show-error --fail-with-body ${SCANYARD_CA_FILE:+--cacert "$SCANYARD_CA_FILE"} \
        --header 'Content-Type: application/json' "$@") || { printf '%s\n' "$answer" >&2; return 1; }
    printf '%s\n' "$answer"
}
# Secrets go in by files: an argument is shown to every user of this machine.
operator() { call --header @<(printf 'X-API-Key: %s' "$SCANYARD_API_KEY") "$@"; }

tenant=$(operator --data "$(jq --null-input --arg name "$name" --arg network "$network" \
    '{name: $name, monthlyQuota: 1000} + if $network == "" then {} else {policy: {granted: [$network]}} end')" "$api/tenants")
user=$(operator --data "$(jq --null-input --arg email "$email" --argjson tenant "$tenant" \
    '{email: $email, role: "owner", tenantId: $tenant.data.id}')" "$api/users")
# The server made a password, shown this once. A real owner changes it: POST /auth/change-password.
session=$(jq '{email: .data.email, password: .data.password}' <<< "$user" | call --data @- "$api/auth/login")
call --header @<(jq --raw-output '"Authorization: Bearer \(.data.accessToken)"' <<< "$session") --data '{
    "name": "ci", "expiresInDays": 90, "rateLimitPerMinute": 120,
    "scopes": ["scans:create", "scans:read", "scans:list", "scans:cancel", "results:read", "templates:create", "templates:read",
               "webhooks:create", "webhooks:read", "webhooks:update", "usage:read"]}' "$api/api-keys" | jq --raw-output .data.key
