#!/usr/bin/env bash
# The life of a hold: a call explained, Redis lost under an open stream, the
# audit.
set -euo pipefail
. "${ASGARD_ENV:-$(dirname "$0")/../../run/env}"

say() { printf '\n== %s\n' "$*"; }

# call KEY PATH [BODY]: the key goes in by standard input, so that no process
# list shows it.
call() {
    printf 'header = "Authorization: Bearer %s"\n' "$1" |
        curl -sS -N -K - -H 'Content-Type: application/json' \
            ${3:+--data "$3"} "$ASGARD_URL$2"
}

# Redis, whatever the form of its address; the password is not in any argument.
redis() {
    local at=${ASGARD_REDIS#redis://} user='' host=
    case $at in
    *@*) user=${at%@*} host=${at##*@}
         REDISCLI_AUTH=${user#*:} redis-cli --no-auth-warning \
             -h "${host%:*}" -p "${host##*:}" "$@" ;;
    /*)  redis-cli -s "$at" "$@" ;;
    *)   redis-cli -h "${at%:*}" -p "${at##*:}" "$@" ;;
    esac
}

entries() { call "$ASGARD_ADMIN_TOKEN" \
    "/api/ledger?project=$ASGARD_PROJECT&since=$since&limit=1000" |
    jq -r '.entries | length'; }

# wait_entries N: at most ten seconds.
wait_entries() {
    local n
    for ((n = 0; n < 100; n++)); do
        [ "$(entries)" -ge "$1" ] && return 0
        sleep 0.1
    done
    echo "the ledger has $(entries) entries, not $1" >&2
    return 1
}

since=$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)
# body MODEL TEXT [MORE]
body() { printf '{"model": "%s", "max_tokens": 200, %s
    "messages": [{"role": "user", "content": "%s"}]}' "$1" "${3:-}" "$2"; }

say 'A call, and its whole life'
call "$ASGARD_KEY" /v1/chat/completions "$(body echo 'Every cent counts')" |
    jq '{answer: .choices[0].message.content, usage}'
wait_entries 1
hold=$(call "$ASGARD_ADMIN_TOKEN" \
    "/api/ledger?project=$ASGARD_PROJECT&since=$since" |
    jq -r '.entries[0].hold_id')
$ASGARD_CTL audit money --explain "$hold"

say 'Redis loses everything while a stream is open'
call "$ASGARD_KEY" /v1/chat/completions \
    "$(body echo:latency_ms=1500 'Slowly' '"stream": true,')" > /dev/null &
stream=$!
sleep 0.5
redis FLUSHALL

say 'Calls are refused until the counters are rebuilt from the ledger'
for ((n = 0; n < 100; n++)); do
    status=$(call "$ASGARD_KEY" /v1/chat/completions "$(body echo again)" |
        jq -r '.error.code // "served"')
    echo "$status"
    [ "$status" = served ] && break
    sleep 0.2
done | uniq -c
wait "$stream"
echo 'The stream ended as if nothing had been.'
wait_entries 3
echo "$(entries) calls are in the ledger, each once."

say 'The proof: limit = spent + held + free, Redis against the ledger'
$ASGARD_CTL audit money
