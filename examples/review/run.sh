#!/usr/bin/env bash
# The review: three people and an agent, from the question to the record.
set -euo pipefail
. "${ASGARD_ENV:-$(dirname "$0")/../../run/env}"

run=$(date +%s)$$                       # names of this run
resources=/api/projects/$ASGARD_PROJECT/resources

say() { printf '\n== %s\n' "$*"; }

# call TOKEN METHOD PATH [BODY]: the token goes in by standard input, so that no
# process list shows it.
call() {
    printf 'header = "Authorization: Bearer %s"\n' "$1" |
        curl -sS -K - -X "$2" -H 'Content-Type: application/json' \
            ${4:+--data "$4"} "$ASGARD_URL$3"
}
rita() { call "$ASGARD_REQUESTER_TOKEN" "$@"; }
max() { call "$ASGARD_APPROVER_TOKEN" "$@"; }

ask() {
    jq -n --arg type "$1" --arg name "$2-$run" --argjson spec "$3" \
        '{resource_type: $type, name: $name[:40], spec: $spec,
          reason: "for the quarterly report"}'
}
id_of() { jq -r .request.id; }
brief() { jq -c 'if .code then {code, error} else {state, approver} end'; }

say 'Rita asks for a bucket: self-service, made at once'
rita POST "$resources" "$(ask s3-bucket logs '{}')" |
    jq '{state: .provisioned.state, dry_run: .provisioned.dry_run,
         rule: .request.rule}'

say 'and for a warehouse, which costs: it waits'
plan=$(ask databricks-sql-warehouse report '{"cluster_size": "Small"}')
small=$(rita POST "$resources" "$plan" | id_of)
rita GET "/api/requests/$small" |
    jq '{state, waits: .waits.for, may_decide, you_may}'

say 'Rita cannot approve what she asked'
rita POST "/api/requests/$small/approve" '{}' | brief

say 'Her agent asks for a key, and cannot approve either; nor can Rita'
agent=$(rita POST /api/agent-principals '{"name": "helper"}' | jq -r .token)
key=$(call "$agent" POST "$resources" \
    "$(ask litellm-key helper '{"max_budget_usd": 5}')" | id_of)
call "$agent" POST "/api/requests/$key/approve" '{}' | brief
rita POST "/api/requests/$key/approve" '{}' | brief

say 'Cora has no part in the project: for her there is no such request'
password=$(head -c 24 /dev/urandom | base64)
call "$ASGARD_ADMIN_TOKEN" POST /api/users "$(jq -n --arg name "cora$run" \
    --arg password "$password" '{username: $name, password: $password,
    email: ($name + "@example.com")}')" > /dev/null
cora=$(jq -n --arg name "cora$run" --arg password "$password" \
    '{username: $name, password: $password}' |
    curl -sS -H 'Content-Type: application/json' --data @- \
        "$ASGARD_URL/api/auth/login" | jq -r .token)
call "$cora" GET "/api/requests/$small" | brief

say 'Max looks at what is asked'
max GET "/api/requests/$small" |
    jq '{kind, requester_name, reason, payload, plan_hash, you_may}'

say 'Meanwhile Rita wants a larger one: another plan, so another request'
plan=$(ask databricks-sql-warehouse report '{"cluster_size": "Large"}')
large=$(rita POST "$resources" "$plan" | id_of)
max POST "/api/requests/$small/approve" '{"reason": "fine"}' | brief

say 'Max looks again, and approves that one; the work starts with his word'
max POST "/api/requests/$large/approve" '{"reason": "until March"}' | brief
max POST "/api/requests/$key/reject" '{"reason": "use the shared key"}' | brief
rita GET "$resources?limit=1000" | jq --arg name "report-$run" \
    '.resources[] | select(.name == $name[:40])
     | {rtype, name, state, dry_run, spec, est_monthly_usd, actual_usd}'

say 'What is on record'
rita GET "/api/requests/$large" |
    jq -r '.history[] | "\(.at) \(.actor[:5]) \(.event) -> \(.state) "
           + (.reason // "")'
