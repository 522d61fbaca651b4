# Where `make run` keeps things and how its processes are known: sourced by
# run, stop and reload (bash).
#
#   run/env                      what a newcomer and a test need (mode 0600)
#   run/backends.env, routing.yaml, prices.json, guardrails.conf, services/
#                                yours; read when they exist
#   run/var/                     data, sockets, logs, secrets of this instance
#
# run/var is a link into /var/lib/asgard-run where the checkout stands in a
# folder that unprivileged users cannot enter (say /root): PostgreSQL refuses
# to run as root, and nginx's workers are www-data.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
run=${ASGARD_RUN:-$top/run}
var=$(readlink -f "$run/var" || printf '%s' "$run/var")
build=${ASGARD_BUILD:-$top/build/release}
ctl_bin=$build/asgard-ctl/asgard-ctl
pg_bin=/usr/lib/postgresql/15/bin

say() { printf '%s\n' "$*"; }
die() { printf 'make: %s\n' "$*" >&2; exit 1; }

am_root() { [ "$(id -u)" = 0 ]; }

# as USER COMMAND...: as that user when we are root, else as ourselves.
as() {
    local user=$1
    shift
    if am_root && [ "$user" != root ]; then
        exec setpriv --reuid="$user" --regid="$(id -g "$user")" \
            --clear-groups -- "$@"
    fi
    exec "$@"
}

# pid_of NAME: the id in run/var/NAME.pid, if that process lives and is ours:
# its folder, command line or program names this instance.
pid_of() {
    local pid
    pid=$(head -n 1 "$var/$1.pid" 2>/dev/null) || return 1
    [[ $pid =~ ^[0-9]+$ ]] && kill -0 "$pid" 2>/dev/null || return 1
    tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null |
        grep -qF -e "$var" -e "${ports[$1]:-//}" || return 1
    printf '%s' "$pid"
}

# How a process shows itself when its command line names no folder of ours.
declare -A ports=()
[ -f "$var/ports" ] && while IFS== read -r name port; do
    [ "$name" = redis ] && ports[redis]="127.0.0.1:$port"
done < "$var/ports"

# stop_one NAME SIGNAL SECONDS: ask, wait, insist.
stop_one() {
    local pid n
    pid=$(pid_of "$1") || { rm -f "$var/$1.pid"; return 0; }
    kill -"$2" "$pid" 2>/dev/null || true
    for ((n = 0; n < $3 * 20; n++)); do
        kill -0 "$pid" 2>/dev/null || { rm -f "$var/$1.pid"; return 0; }
        sleep 0.05
    done
    if [ "$1" = nginx ]; then kill -TERM "$pid" 2>/dev/null || true
    else kill -KILL "$pid" 2>/dev/null || true; fi
    sleep 0.3
    rm -f "$var/$1.pid"
}

mine_or_die() {
    [ ! -e "$run/env" ] || [ -r "$run/env" ] ||
        die "this was started by another user (sudo?): use sudo here too"
}
