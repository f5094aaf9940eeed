#!/usr/bin/env bash
# Makes a template and launches it against a target: template.sh NAME TARGET. Needs curl and jq.
set -euo pipefail

: "${SCANYARD_URL:?such as https://scan.example.test}" "${SCANYARD_API_KEY:?a key with templates:create, templates:read, scans:create}"
name=${1:?the name of the template} target=${2:?the target}
api=$SCANYARD_URL/scan-api/api/v1
call() {
    curl --silent --show-error ${SCANYARD_CA_FILE:+--cacert "$SCANYARD_CA_FILE"} \
        --header "X-API-Key: $SCANYARD_API_KEY" --header 'Content-Type: application/json' "$@"
}

template=$(call --data "$(jq --null-input --arg name "$name" '{name: $name, scanType: "sentinel", tags: ["example"]}')" \
    "$api/scan-templates")
if [ "$(jq --raw-output .code <<< "$template")" = DUPLICATE_TEMPLATE_NAME ]; then
    template=$(call "$api/scan-templates?limit=100" | jq --arg name "$name" '{data: (.data[] | select(.name == $name))}')
fi
id=$(jq --exit-status --raw-output .data.id <<< "$template")
call --fail-with-body --data "$(jq --null-input --arg target "$target" '{target: $target}')" "$api/scan-templates/$id/launch" |
    jq --raw-output '"launched \(.data.id) \(.data.status)"'
