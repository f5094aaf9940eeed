#!/usr/bin/env bash
# Logs in, makes a key that may only scan, rotates it so that both work for a while, and revokes it: keys.sh EMAIL, with the
# password on the standard input. Needs curl and jq.
set -euo pipefail

: "${SCANYARD_URL:?such as https://scan.example.test}"
email=${1:?the e-mail address of an admin or owner}
api=$SCANYARD_URL/scan-api/api/v1
# Headers and bodies go in by files: an argument is shown to every user of this machine.
call() {
    curl --silent --show-error --fail-with-body ${SCANYARD_CA_FILE:+--cacert "$SCANYARD_CA_FILE"} \
        --header 'Content-Type: application/json' "$@"
}
status() {
    curl --silent --output /dev/null --write-out '%{http_code}' ${SCANYARD_CA_FILE:+--cacert "$SCANYARD_CA_FILE"} \
        --header @<(printf 'X-API-Key: %s' "$1") "$api/engines"
}

token=$(jq --raw-input --arg email "$email" '{email: $email, password: .}' | call --data @- "$api/auth/login" |
    jq --raw-output .data.accessToken)
bearer() { printf 'Authorization: Bearer %s' "$token"; }

made=$(call --header @<(bearer) "$api/api-keys" --data \
    '{"name": "nightly", "scopes": ["scans:create", "scans:read", "results:read"], "allowedScanTypes": ["sentinel"], "expiresInDays": 90}')
id=$(jq --raw-output .data.id <<< "$made")
old=$(jq --raw-output .data.key <<< "$made")
echo "made: $(status "$old")"

# The old key works for another hour, long enough to bring the new one to everybody who uses it.
new=$(call --header @<(bearer) "$api/api-keys/$id/rotate" --data '{"overlapSeconds": 3600}' | jq --raw-output .data.key)
echo "rotated: old $(status "$old"), new $(status "$new")"

call --header @<(bearer) --request DELETE "$api/api-keys/$id" > /dev/null
echo "revoked: old $(status "$old"), new $(status "$new")"
