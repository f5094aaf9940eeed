#!/usr/bin/env bash
# Prints what this tenant used in the last 24 hours and what is left of its quota. Needs curl and jq.
set -euo pipefail

: "${SCANYARD_API_KEY:?a key with usage:read}"
source "$(dirname "$0")/call.sh"

call GET '/usage/summary?period=24h' | jq --raw-output '.data | "calls \(.totalCalls), of them failed \(.errorCalls); scans \(.totalScans)"'
call GET /usage/quota | jq --raw-output '.data | "quota \(.used) of \(.limit // "no limit"), anew at \(.resetAt)"'
call GET '/usage/by-endpoint?limit=3' | jq --raw-output '.data[] | @json'
