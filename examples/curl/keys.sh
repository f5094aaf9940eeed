#!/usr/bin/env bash
# Logs in, makes a key that may only scan, rotates it so that both work for a while, and revokes it: keys.sh EMAIL, with the
# password on the standard input. Needs curl and jq.
set -euo pipefail

email=${1:?the e-mail address of an admin or owner}
source "$(dirname "$0")/call.sh"

status() {
    curl --silent --output /dev/null --write-out '%{http_code}' ${SCANYARD_CA_FILE:+--cacert "$SCANYARD_CA_FILE"} \
        --header @<(printf 'X-API-Key: %s' "$1") "$api/engines"
}

login=$(jq --raw-input --compact-output --arg email "$email" '{email: $email, password: .}')
token=$(credential='' call POST /auth/login "$login" | jq --raw-output .data.accessToken)
credential="Authorization: Bearer $token"

made=$(call POST /api-keys \
    '{"name": "nightly", "scopes": ["scans:create", "scans:read", "results:read"], "allowedScanTypes": ["sentinel"], "expiresInDays": 90}')
id=$(jq --raw-output .data.id <<< "$made")
old=$(jq --raw-output .data.key <<< "$made")
echo "made: $(status "$old")"

# The old key works for another hour, long enough to bring the new one to everybody who uses it.
new=$(call POST "/api-keys/$id/rotate" '{"overlapSeconds": 3600}' | jq --raw-output .data.key)
echo "rotated: old $(status "$old"), new $(status "$new")"

call DELETE "/api-keys/$id" > /dev/null
echo "revoked: old $(status "$old"), new $(status "$new")"
