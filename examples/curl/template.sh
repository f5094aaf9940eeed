#!/usr/bin/env bash
# Makes a template and launches it against a target: template.sh NAME TARGET. Needs curl and jq.
set -euo pipefail

: "${SCANYARD_API_KEY:?a key with templates:create, templates:read, scans:create}"
name=${1:?the name of the template} target=${2:?the target}
source "$(dirname "$0")/call.sh"

template=$(call POST /scan-templates "$(jq --null-input --arg name "$name" '{name: $name, scanType: "sentinel", tags: ["example"]}')") || {
    [ "$(jq --raw-output .code <<< "$template")" = DUPLICATE_TEMPLATE_NAME ]
    template=$(call GET '/scan-templates?limit=100' | jq --arg name "$name" '{data: (.data[] | select(.name == $name))}')
}
id=$(jq --exit-status --raw-output .data.id <<< "$template")
call POST "/scan-templates/$id/launch" "$(jq --null-input --arg target "$target" '{target: $target}')" |
    jq --raw-output '"launched \(.data.id) \(.data.status)"'
