#!/usr/bin/env bash
# Asgard with nothing but curl: chat, stream, models, a refusal, the bill.
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

say 'A chat'
call "$ASGARD_KEY" /v1/chat/completions '{"model": "echo",
    "messages": [{"role": "user", "content": "Hello Asgard"}]}' |
    jq '{answer: .choices[0].message.content, usage}'

say 'The same as a stream'
call "$ASGARD_KEY" /v1/chat/completions '{"model": "echo", "stream": true,
    "stream_options": {"include_usage": true},
    "messages": [{"role": "user", "content": "Hello Asgard"}]}'

say 'The models that this key may use'
call "$ASGARD_KEY" /v1/models | jq -r '.data[].id'

say 'A project without money: registered, a key minted, its call refused'
poor=$(call "$ASGARD_ADMIN_TOKEN" /api/projects '{"name": "Empty purse",
    "owner_email": "you@example.com", "manager_email": "boss@example.com",
    "budget_usd": 0}' | jq -r .project_id)
poor_key=$(call "$ASGARD_ADMIN_TOKEN" "/api/projects/$poor/keys" \
    '{"name": "example"}' | jq -r .key)
call "$poor_key" /v1/chat/completions '{"model": "echo",
    "messages": [{"role": "user", "content": "Hello Asgard"}]}' | jq .error

say 'What the first project has spent'
sleep 1
call "$ASGARD_ADMIN_TOKEN" "/api/projects/$ASGARD_PROJECT/usage" |
    jq '{spent_usd, held_usd, windows}'

say 'Each call in the ledger'
call "$ASGARD_ADMIN_TOKEN" "/api/ledger?project=$ASGARD_PROJECT" |
    jq -r '.entries[] |
        "\(.ts) \(.model) \(.prompt_tokens)+\(.completion_tokens)"'
