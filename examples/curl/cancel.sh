#!/usr/bin/env bash
# Submits a scan and cancels it; shows what a second cancel is told. Needs curl and jq.
set -euo pipefail

: "${SCANYARD_URL:?such as https://scan.example.test}" "${SCANYARD_API_KEY:?a key with scans:create and scans:cancel}"
api=$SCANYARD_URL/scan-api/api/v1
call() {
    curl --silent --show-error ${SCANYARD_CA_FILE:+--cacert "$SCANYARD_CA_FILE"} --header "X-API-Key: $SCANYARD_API_KEY" \
        --header 'Content-Type: application/json' "$@"
}

id=$(call --fail-with-body --data '{"target": "127.0.0.1", "scanType": "sentinel", "options": {"ports": "1-65535"}}' "$api/scans" |
    jq --raw-output .data.id)
call --fail-with-body --request POST "$api/scans/$id/cancel?scanType=sentinel" | jq --raw-output '.data.status'
call --request POST "$api/scans/$id/cancel?scanType=sentinel" | jq --raw-output '.code'
