#!/usr/bin/env bash
# Submits a scan, waits for its end and prints what was found: scan.sh TARGET [ENGINE]. Needs curl and jq.
set -euo pipefail

: "${SCANYARD_URL:?such as https://scan.example.test}" "${SCANYARD_API_KEY:?a key with scans:create, scans:read, results:read}"
target=${1:?the target, such as http://127.0.0.1:8000/}
engine=${2:-sentinel}
api=$SCANYARD_URL/scan-api/api/v1

# call METHOD PATH [BODY]: prints the body of the answer. What can succeed later is repeated when the server says so; the
# Idempotency-Key makes that safe also for a POST whose answer was lost.
call() {
    local method=$1 path=$2 body=${3:-} headers answer status wait id attempt
    headers=$(mktemp)
    id=$(cat /proc/sys/kernel/random/uuid)
    for attempt in 1 2 3 4 5; do
        answer=$(curl --silent --show-error --request "$method" --dump-header "$headers" --write-out '\n%{http_code}' \
            ${SCANYARD_CA_FILE:+--cacert "$SCANYARD_CA_FILE"} \
            --header "X-API-Key: $SCANYARD_API_KEY" --header 'Content-Type: application/json' \
            ${body:+--header "Idempotency-Key: $id" --data "$body"} "$api$path") || return 5
        status=${answer##*$'\n'}
        answer=${answer%$'\n'*}
        if [ "$status" -lt 400 ]; then
            rm -f "$headers"
            echo "$answer"
            return
        fi
        wait=$(tr -d '\r' < "$headers" | sed -n 's/^retry-after: //Ip')
        [ "$(jq .retryable <<< "$answer")" = true ] && [ "$attempt" -lt 5 ] || break
        sleep "${wait:-$attempt}"
    done
    rm -f "$headers"
    # The code is what a program branches on; details say what to change; the request id is for support.
    jq --raw-output '"\(.code): \(.error) [request \(.requestId)]", (.details // [] | .[] | "  \(.field // "-"): \(.reason)"), "  see \(.help)"' \
        <<< "$answer" >&2
    return 4
}

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
