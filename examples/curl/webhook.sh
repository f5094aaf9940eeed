#!/usr/bin/env bash
# Registers a webhook, keeps its secret in a file and sends a ping: webhook.sh URL SECRET_FILE. Needs curl and jq.
set -euo pipefail

: "${SCANYARD_API_KEY:?a key with webhooks:create and webhooks:update}"
url=${1:?where the receiver listens, such as https://hooks.example.test/scanyard} file=${2:?where the secret goes}
source "$(dirname "$0")/call.sh"

webhook=$(call POST /webhooks "$(jq --null-input --arg url "$url" \
    '{name: "example", url: $url, events: ["scan.started", "scan.completed", "scan.failed", "scan.cancelled"]}')")
# The secret is shown this once.
(umask 077 && jq --raw-output .data.secret <<< "$webhook" > "$file")
id=$(jq --raw-output .data.id <<< "$webhook")
call POST "/webhooks/$id/test" | jq --raw-output '"ping \(.data.status)"'
