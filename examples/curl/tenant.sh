#!/usr/bin/env bash
# Makes a tenant, its owner and, as that owner, a key for CI: tenant.sh NAME EMAIL [NETWORK]. Prints the key, this once.
# NETWORK, such as 10.1.0.0/16, is what the tenant may scan besides public addresses. Needs curl and jq.
set -euo pipefail

: "${SCANYARD_API_KEY:?a key with tenants:create and users:create, such as the first one}"
name=${1:?the name of the tenant} email=${2:?the e-mail address of its owner} network=${3:-}
source "$(dirname "$0")/call.sh"

tenant=$(call POST /tenants "$(jq --null-input --arg name "$name" --arg network "$network" \
    '{name: $name, monthlyQuota: 1000} + if $network == "" then {} else {policy: {granted: [$network]}} end')")
user=$(call POST /users "$(jq --null-input --arg email "$email" --argjson tenant "$tenant" \
    '{email: $email, role: "owner", tenantId: $tenant.data.id}')")
# The server made a password, shown this once. A real owner changes it: POST /auth/change-password.
login=$(jq '{email: .data.email, password: .data.password}' <<< "$user")
token=$(credential='' call POST /auth/login "$login" | jq --raw-output .data.accessToken)
credential="Authorization: Bearer $token"
call POST /api-keys '{
    "name": "ci", "expiresInDays": 90, "rateLimitPerMinute": 120,
    "scopes": ["scans:create", "scans:read", "scans:list", "scans:cancel", "results:read", "templates:create", "templates:read",
               "webhooks:create", "webhooks:read", "webhooks:update", "usage:read"]}' | jq --raw-output .data.key
