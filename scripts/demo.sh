# The first governed call of `make run`: registers a project and a key over HTTP
# once, makes one call, tells what happened (sourced by scripts/run).

# One member of a flat JSON text, as it is written there: money is never
# read through a double.
member() { sed -n "s/.*\"$1\" *: *\"\{0,1\}\([^\",}]*\).*/\1/p" | head -n 1; }

# api METHOD PATH [BODY]: the reply's body; fails unless 2xx.  The token goes
# in by standard input, so that no process list shows it.
api() {
    local out status
    out=$(printf 'header = "Authorization: Bearer %s"\n' "$admin_token" |
        curl -s -K - -X "$1" -w '\n%{http_code}' \
            -H 'Content-Type: application/json' ${3:+--data "$3"} "$url$2")
    status=${out##*$'\n'}
    printf '%s' "${out%$'\n'*}"
    [[ $status == 2* ]]
}

make_admin_token() {
    admin_token=$(cat "$var/admin.token" 2>/dev/null || true)
    if [ -n "$admin_token" ] && api GET '/api/projects?limit=1' > /dev/null
    then return 0; fi
    admin_token=$("$var/asgard-ctl" admin bootstrap |
        grep -oE 'asg_pat_[0-9a-f]{64}' | head -n 1) ||
        die "asgard-ctl admin bootstrap gave no token"
    printf '%s\n' "$admin_token" > "$var/admin.token"
}

# person_json NAME FIELDS: a body with the password that stands in run/var.
person_json() {
    jq -n --arg name "$1" --rawfile password "$var/$1.password" \
        "{username: \$name, password: (\$password | rtrimstr(\"\\n\"))} $2"
}

# sign_in NAME: the token of a session.
sign_in() {
    person_json "$1" '' | curl -s -H 'Content-Type: application/json' \
        --data @- "$url/api/auth/login" | member token
}

# make_person NAME EMAIL SHOWN SCOPES: once, with a password of its own and an
# access token of these scopes, both in run/var.
make_person() {
    local name=$1 token reply admin=$admin_token
    admin_token=$(cat "$var/$name.token" 2>/dev/null || true)
    if [ -n "$admin_token" ] && api GET /api/auth/me > /dev/null
    then admin_token=$admin; return 0; fi
    admin_token=$admin
    [ -s "$var/$name.password" ] || random_hex 16 > "$var/$name.password"
    reply=$(api POST /api/users @<(person_json "$name" \
        "+ {email: \"$2\", display_name: \"$3\", role: \"member\"}")) ||
        [[ $reply == *'"conflict"'* ]] ||
        die "the user $name was refused: $reply"
    token=$(sign_in "$name")
    [ -n "$token" ] || die "the user $name has another password than the" \
        "one in $var/$name.password"
    admin_token=$token
    reply=$(api POST /api/auth/tokens "{\"name\":\"make run\",$4}") ||
        die "no token for $name: $reply"
    api POST /api/auth/logout '{}' > /dev/null || true
    admin_token=$admin
    printf '%s' "$reply" | member token > "$var/$name.token"
}

# Who asks and who decides: the owner and the manager of the demo project.
make_people() {
    make_person requester you@example.com 'Demo requester' \
        '"scopes":["read","request"]'
    make_person approver manager@example.com 'Demo approver' \
        '"scopes":["read","request","admin"]'
    requester_token=$(cat "$var/requester.token")
    approver_token=$(cat "$var/approver.token")
}

make_demo() {
    local reply
    make_admin_token
    make_people
    project= key=
    [ -f "$var/demo" ] && . "$var/demo"
    if [ -n "$project" ] && api GET "/api/projects/$project" > /dev/null
    then return 0; fi
    reply=$(api POST /api/projects '{"name":"Demo",
        "description":"Made by make run.","owner_email":"you@example.com",
        "manager_email":"manager@example.com","budget_usd":5}') ||
        die "the demo project was refused: $reply"
    project=$(printf '%s' "$reply" | member project_id)
    reply=$(api POST "/api/projects/$project/keys" '{"name":"demo"}') ||
        die "the demo key was refused: $reply"
    key=$(printf '%s' "$reply" | member key)
    printf 'project=%s\nkey=%s\n' "$project" "$key" > "$var/demo"
}

# find_entry TRACE SINCE: the entry of this call, in at most five seconds.  The
# pages are of what was written since then: however long the ledger is.
find_entry() {
    local n page cursor query=project=$project\&since=$2
    query+=\&limit=${ASGARD_DEMO_PAGE:-1000}
    for ((n = 0, cursor = 0; n < 200; n++)); do
        page=$(api GET "/api/ledger?$query&cursor=$cursor" |
            tr '\n' ' ') || page=
        entry=$(printf '%s' "$page" |
            sed 's/},{/},\n{/g' | grep -F "\"$1\"" || true)
        [ -n "$entry" ] && return 0
        cursor=$(printf '%s' "$page" | member next_cursor)
        [[ $cursor =~ ^[0-9]+$ ]] && continue
        cursor=0
        ((n += 3))
        sleep 0.1
    done
    return 1
}

# What a newcomer may have done to the demo project is no failure of ours.
explain_refusal() {
    local code
    code=$(printf '%s' "$1" | jq -r '.error.code' 2> /dev/null || true)
    case $code in
    budget_exceeded) say "The 5 USD of the demo project are spent." ;;
    project_killed)  say "The demo project was stopped (killed)." ;;
    project_inactive) say "The demo project is not live." ;;
    invalid_api_key|key_expired) say "The demo key is no longer valid." ;;
    *) die "the first call failed: $1" ;;
    esac
    cat << TEXT

Asgard is running at $url, but its first call was refused ($code):

  $(printf '%s' "$1" | jq -r '.error.message')

All servers are up, and run/env names them. For a new demo project remove
run/var/demo, then 'make run'.
TEXT
}

show_demo() {
    local reply answer trace usage left since
    since=$(date -u -d '-5 seconds' +%Y-%m-%dT%H:%M:%SZ)
    reply=$(printf 'header = "Authorization: Bearer %s"\n' "$key" |
        curl -s -K - -D "$var/demo.headers" \
            -H 'Content-Type: application/json' --data '{"model":"echo",
        "max_tokens":200,"messages":[{"role":"user",
        "content":"Hello Asgard, this is my first call."}]}' \
            "$url/v1/chat/completions")
    trace=$(tr -d '\r' < "$var/demo.headers" |
        sed -n 's/^x-asgard-trace-id: //Ip')
    answer=$(printf '%s' "$reply" | jq -r '.choices[0].message.content' \
        2>/dev/null) || die "the first call failed: $reply"
    if [ "$answer" = null ]; then explain_refusal "$reply"; return 0; fi
    find_entry "$trace" "$since" ||
        die "the call $trace did not reach the ledger"
    usage=$(api GET "/api/projects/$project/usage" | tr -d '\n') || true
    left=$(printf '%s' "$usage" | grep -oE '"free_usd" *: *[^,}]*' |
        head -n 1 | sed 's/.*: *//') || left='not known right now,'
    cat << TEXT

Asgard is running at $url

Asgard is a gateway: programs call language models through one address, and
every call is checked against a budget before it is made and written into a
ledger after it. We have just made such a call for you, to a built-in model
named "echo" that answers with your own words (no provider, no real money):

  project     $project ("Demo"), budget 5 USD
  answer      $answer
  tokens      $(printf '%s' "$entry" | member prompt_tokens) in, $(
                printf '%s' "$entry" | member completion_tokens) out
  cost        $(printf '%s' "$entry" | member cost_usd) USD, now in the ledger
  budget left ${left:-unknown} USD
  trace id    $trace (the name of this call in every log)

Try next:

  . run/env                       # the address, the keys; keep it private
  curl \$ASGARD_URL/v1/chat/completions \\
       -H "Authorization: Bearer \$ASGARD_KEY" \\
       -H 'Content-Type: application/json' \\
       -d '{"model":"echo","messages":[{"role":"user","content":"Hi"}]}'
  curl \$ASGARD_URL/api/ledger \\
       -H "Authorization: Bearer \$ASGARD_ADMIN_TOKEN"
  \$ASGARD_CTL audit money         # is every nano-dollar accounted for?
  examples/review/run.sh          # who asks, who decides: three people
  examples/money/run.sh           # Redis lost under a call: nothing forgotten

Any OpenAI library works: base URL $url/v1, API key \$ASGARD_KEY.
A real provider: put OPENAI_MASTER_KEY=... into run/backends.env, then
'make reload'. 'make stop' stops everything and keeps the data.
TEXT
}
