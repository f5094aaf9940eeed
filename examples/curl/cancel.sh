#!/usr/bin/env bash
# Submits a scan and cancels it; shows what a second cancel is told. Needs curl and jq.
set -euo pipefail

: "${SCANYARD_API_KEY:?a key with scans:create and scans:cancel}"
source "$(dirname "$0")/call.sh"

id=$(call POST /scans '{"target": "127.0.0.1", "scanType": "sentinel", "options": {"ports": "1-65535"}}' | jq --raw-output .data.id)
call POST "/scans/$id/cancel?scanType=sentinel" | jq --raw-output .data.status
{ call POST "/scans/$id/cancel?scanType=sentinel" || true; } | jq --raw-output .code
