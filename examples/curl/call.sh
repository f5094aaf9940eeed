# One call, as every script here makes it; for `source`. Needs curl and jq.

: "${SCANYARD_URL:?such as https://scan.example.test}"
api=$SCANYARD_URL/scan-api/api/v1
# Who calls; a script that logs in puts its token here.
credential=${SCANYARD_API_KEY:+X-API-Key: $SCANYARD_API_KEY}

# call METHOD PATH [BODY]: prints the body of the answer, also of a refusal (status 4). What can succeed later is repeated when
# the server says so, a POST with the same Idempotency-Key, which makes that safe also when its answer was lost. Credential and
# body go in by files: an argument is shown to every user of this machine.
call() {
    local method=$1 path=$2 body=${3:-} headers answer status wait key attempt
    headers=$(mktemp)
    [ "$method" != POST ] || key=$(cat /proc/sys/kernel/random/uuid)
    for attempt in 1 2 3 4 5; do
        answer=$(curl --silent --show-error --request "$method" --dump-header "$headers" --write-out '\n%{http_code}' \
            ${SCANYARD_CA_FILE:+--cacert "$SCANYARD_CA_FILE"} --header @<(printf '%s\n' "$credential") \
            --header 'Content-Type: application/json' ${key:+--header "Idempotency-Key: $key"} \
            ${body:+--data @-} "$api$path" <<< "$body") || { rm -f "$headers"; return 5; }
        status=${answer##*$'\n'}
        answer=${answer%$'\n'*}
        if [ "$status" -lt 400 ]; then
            rm -f "$headers"
            printf '%s\n' "$answer"
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
    printf '%s\n' "$answer"
    return 4
}
