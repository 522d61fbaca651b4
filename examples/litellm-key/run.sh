#!/usr/bin/env bash
# A LiteLLM key with a budget: asked for by an agent, decided by a manager, used,
# rotated, ended.
set -euo pipefail
. "${ASGARD_ENV:-$(dirname "$0")/../../run/env}"

name=chat-$(date +%s)$$                 # of this run
project=/api/projects/$ASGARD_PROJECT
patience=${ASGARD_PATIENCE:-300}        # seconds for each piece of work

say() { printf '\n== %s\n' "$*"; }

# with TOKEN METHOD URL [BODY]: the token goes in by standard input, so that no
# process list shows it.
with() {
    printf 'header = "Authorization: Bearer %s"\n' "$1" |
        curl -sS -K - -X "$2" -H 'Content-Type: application/json' \
            ${4:+--data "$4"} "$3"
}
rita() { with "$ASGARD_REQUESTER_TOKEN" "$1" "$ASGARD_URL$2" "${3:-}"; }
max() { with "$ASGARD_APPROVER_TOKEN" "$1" "$ASGARD_URL$2" "${3:-}"; }
agent() { with "$agent" "$1" "$ASGARD_URL$2" "${3:-}"; }
brief() { jq -c 'if .code then {code, error} else {state, approver} end'; }

# until FILTER COMMAND…: its answer, when the filter is true of it.
until_is() {
    local filter=$1 until=$((SECONDS + patience)) answer; shift
    while answer=$("$@"); ! jq -e "$filter" <<< "$answer" > /dev/null; do
        [ $SECONDS -lt $until ] || { printf '%s\n' "$answer" >&2; exit 1; }
        sleep 0.3
    done
    printf '%s\n' "$answer"
}

say 'An agent asks for a key of 25 USD; it waits for a human'
agent=$(rita POST /api/agent-principals '{"name": "helper"}' | jq -r .token)
asked=$(agent POST "$project/resources" "$(jq -n --arg name "$name" \
    '{resource_type: "litellm-key", name: $name,
      spec: {max_budget_usd: 25}, reason: "the assistant of the desk"}')")
id=$(jq -r .request.id <<< "$asked")
jq -c '.request | {state, rule}' <<< "$asked"

say 'The owner, whose agent it is, cannot approve it'
rita POST "/api/requests/$id/approve" '{}' | brief

say 'The manager can; then it is minted, once'
max POST "/api/requests/$id/approve" '{"reason": "until March"}' | brief
rid=$(rita GET "$project/resources?limit=1000" | jq -r --arg name "$name" \
    '.resources[] | select(.name == $name) | .id')
made=$(until_is '.state == "provisioned"' agent GET "$project/resources/$rid")
jq '{state, dry_run, outputs}' <<< "$made"
if jq -e .dry_run <<< "$made" > /dev/null; then
    say 'LITELLM_BASE_URL and LITELLM_MASTER_KEY are not set: a dry run'
    exit 0
fi
litellm=$(jq -r .outputs.litellm_base_url <<< "$made")
secret=$(jq -r '.outputs.api_key.secret_ref.path | sub(".*/"; "")' <<< "$made")

# The value is shown to nobody here.
key_of() {
    agent POST "$project/secrets/$secret/read" '{}' | jq -r '.value // empty'
}
chat() {
    local model
    model=$(with "$1" GET "$litellm/v1/models" | jq -r '.data[0].id // "any"')
    with "$1" POST "$litellm/v1/chat/completions" "$(jq -n --arg m "$model" \
        '{model: $m, messages: [{role: "user", content: "Hello?"}]}')" |
        jq -c 'if .error then {refused: .error.type}
               else {answer: .choices[0].message.content} end'
}

say 'The agent reads it, and calls LiteLLM with it'
first=$(key_of)
chat "$first"

say 'The key is rotated: what is left of its budget goes to the new one'
rita POST "$project/secrets/$secret/rotate" '{}' > /dev/null
until_is '.outputs.api_key.secret_ref.version > 1' \
    rita GET "$project/resources/$rid" | jq -c '.outputs.api_key.secret_ref'
second=$(key_of)
[ "$first" != "$second" ] && chat "$second"

say 'It is ended: nobody has to approve that, and LiteLLM knows it no more'
rita DELETE "$project/resources/$rid" > /dev/null
until_is '.state == "destroyed"' rita GET "$project/resources/$rid" |
    jq -c '{state}'
chat "$second"
