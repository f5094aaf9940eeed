#!/usr/bin/env bash
# Prints what this tenant used in the last 24 hours and what is left of its quota. Needs curl and jq.
set -euo pipefail

: "${SCANYARD_URL:?such as https://scan.example.test}" "${SCANYARD_API_KEY:?a key with usage:read}"
api=$SCANYARD_URL/scan-api/api/v1
call() {
    curl --silent --show-error --fail-with-body ${SCANYARD_CA_FILE:+--cacert "$SCANYARD_CA_FILE"} \
        --header "X-API-Key: $SCANYARD_API_KEY" "$@"
}

call "$api/usage/summary?period=24h" | jq --raw-output '.data | "calls \(.totalCalls), of them failed \(.errorCalls); scans \(.totalScans)"'
call "$api/usage/quota" | jq --raw-output '.data | "quota \(.used) of \(.limit // "no limit"), anew at \(.resetAt)"'
call "$api/usage/by-endpoint?limit=3" | jq --raw-output '.data[] | @json'
