#!/usr/bin/env bash
# Submits a scan, waits for its end and prints what was found: scan.sh TARGET [ENGINE]. Needs curl and jq.
set -euo pipefail

: "${SCANYARD_API_KEY:?a key with scans:create, scans:read, results:read}"
target=${1:?the target, such as http://127.0.0.1:8000/}
engine=${2:-sentinel}
source "$(dirname "$0")/call.sh"

scan=$(call POST /scans "$(jq --null-input --compact-output --arg target "$target" --arg engine "$engine" \
    '{target: $target, scanType: $engine}')")
id=$(jq --raw-output .data.id <<< "$scan")
echo "scan $id of $target" >&2

while :; do
    scan=$(call GET "/scans/$id?scanType=$engine")
    status=$(jq --raw-output .data.status <<< "$scan")
    case $status in
        completed) break ;;
        failed | cancelled)
            call GET "/scans/$id/results?scanType=$engine" | jq '.data.failure' >&2
            exit 3
            ;;
    esac
    sleep 1
done

# Every page, or none: a page that fails ends the script, it does not shorten the list.
cursor=
while :; do
    page=$(call GET "/scans/$id/results?scanType=$engine&limit=100${cursor:+&cursor=$cursor}")
    jq --raw-output '.data.findings[] | [.severity, .title, (.location.url // .location.host // "")] | @tsv' <<< "$page"
    cursor=$(jq --raw-output '.pagination.nextCursor // empty' <<< "$page")
    [ -n "$cursor" ] || break
done
