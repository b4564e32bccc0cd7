# What the end-to-end tests share: throw-away state, an edge and connectors on ports that the system
# chose, waiting for conditions, and checks. Sourced; CULVERT names the binary.
# shellcheck shell=sh disable=SC2034
set -eu
: "${CULVERT:?names the binary}"

work=$(mktemp -d)
failures=0
pids=
HOME=$work/home
mkdir -p "$HOME/.cloudflared"
export HOME
state=$work/state
unset TUNNEL_TOKEN TUNNEL_ORIGIN_CERT TUNNEL_API_URL TUNNEL_EDGE TUNNEL_METRICS NOTIFY_SOCKET || :

clean_up() {
    for pid in $pids; do
        kill -9 "$pid" 2>/dev/null || :
    done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

fail() {
    printf 'not ok - %s\n' "$*"
    failures=$((failures + 1))
}

ok() {
    printf 'ok - %s\n' "$*"
}

# check NAME COMMAND...: it must succeed.
check() {
    what=$1
    shift
    if "$@" >"$work/out" 2>&1; then
        ok "$what"
    else
        fail "$what"
        sed 's/^/#   /' "$work/out" | tail -n 20
    fi
}

# same NAME GOT WANTED
same() {
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        fail "$1: got \"$2\", not \"$3\""
    fi
}

# has NAME TEXT PART
has() {
    case $2 in
        *"$3"*) ok "$1" ;;
        *)
            fail "$1: \"$3\" is not in it"
            printf '%s\n' "$2" | sed 's/^/#   /' | tail -n 20
            ;;
    esac
}

# status NAME WANTED COMMAND...: its exit status; what it said is in $work/out and $work/err.
status() {
    what=$1
    wanted=$2
    shift 2
    got=0
    "$@" >"$work/out" 2>"$work/err" || got=$?
    if [ "$got" = "$wanted" ]; then
        ok "$what"
    else
        fail "$what: exit status $got, not $wanted"
        sed 's/^/#   /' "$work/err" | tail -n 20
    fi
}

# wait_for NAME COMMAND...: until it succeeds, at most 20 seconds.
wait_for() {
    what=$1
    shift
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -ge 400 ]; then
            fail "$what: never came"
            return 1
        fi
        sleep 0.05
    done
}

# ended PID: waits for its end, at most 40 seconds; its exit status is in $code.
ended() {
    tries=0
    while kill -0 "$1" 2>/dev/null; do
        tries=$((tries + 1))
        if [ $tries -ge 800 ]; then
            fail "process $1 does not end"
            kill -9 "$1"
        fi
        sleep 0.05
    done
    code=0
    wait "$1" || code=$?
}

# start LOG COMMAND...: in the background; its process is $started.
start() {
    log=$1
    shift
    # Emptied here, so that nobody waits for a line and finds the one of the process before.
    : >"$work/$log.out"
    : >"$work/$log.log"
    "$@" >"$work/$log.out" 2>"$work/$log.log" &
    started=$!
    pids="$pids $started"
}

# address KEY: what the running edge listens on, from its run file.
address() {
    sed -n "s/.*\"$1\":\"\([0-9.:]*\)\".*/\1/p" "$state/run.json"
}

edge_is_ready() {
    [ -s "$state/run.json" ] && curl -fsS "http://$(address metrics)/ready"
}

# edge_start [FLAG...]: on free ports; sets $edge, $http, $https, $tunnel, $ca.
edge_start() {
    rm -f "$state/run.json"
    start edge "$CULVERT" edge run --dev --state-dir "$state" --tunnel 127.0.0.1:0 \
        --http 127.0.0.1:0 --https 127.0.0.1:0 --metrics 127.0.0.1:0 --loglevel debug "$@"
    edge=$started
    wait_for "the edge is ready" edge_is_ready || {
        cat "$work/edge.log"
        exit 1
    }
    http=$(address http)
    https=$(address https)
    tunnel=$(address tunnel)
    ca=$state/ca.pem
}

cert_make() {
    check "an account certificate is written" "$CULVERT" edge cert --state-dir "$state" \
        --out "$HOME/.cloudflared/cert.pem"
}

four_are_up() {
    curl -fsS "http://$metrics/ready?min=4"
}

# connector_start ARGUMENT...: of `tunnel run`; sets $connector and $metrics.
connector_start() {
    start connector "$CULVERT" tunnel --metrics 127.0.0.1:0 --loglevel debug run "$@"
    connector=$started
    wait_for "the metrics server starts" grep -q "Starting metrics server" "$work/connector.log" ||
        cat "$work/connector.log"
    metrics=$(sed -n 's/.*Starting metrics server on \([0-9.:]*\)\/metrics.*/\1/p' \
        "$work/connector.log")
    wait_for "four connections are registered" four_are_up || cat "$work/connector.log"
}

# get HOST CURL-ARGUMENT...: over http, the name being this machine's.
get() {
    host=$1
    shift
    curl -sS --max-time 20 --resolve "$host:${http##*:}:127.0.0.1" "$@"
}

# origin_cert: for the name origin.test, as $work/origin.pem and $work/origin.key.
origin_cert() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=origin \
        -addext 'subjectAltName=DNS:origin.test' -keyout "$work/origin.key" \
        -out "$work/origin.pem" 2>/dev/null
}

# nginx_start NAME: with what comes in as the inner of http { }; its log of requests is
# $work/NAME.access, its process $started.
nginx_start() {
    cat >"$work/$1.conf" <<CONF
daemon off;
user root;
pid $work/$1.pid;
error_log $work/$1.err;
events { worker_connections 1024; }
http {
    access_log $work/$1.access;
    client_body_temp_path $work/$1.1;
    proxy_temp_path $work/$1.2;
    fastcgi_temp_path $work/$1.3;
    uwsgi_temp_path $work/$1.4;
    scgi_temp_path $work/$1.5;
    $(cat)
}
CONF
    start "$1" nginx -c "$work/$1.conf"
}

# waiting_origin: sets $port. It ends its answer to /waits when there is $work/go.
waiting_origin() {
    port=$(free_port)
    start origin python3 "$(dirname "$0")/waiting_origin.py" "$port" "$work/go"
    wait_for "the origin answers" curl -fsS -o /dev/null "http://127.0.0.1:$port/"
}

# logged WORDS TIMES: by the connector.
logged() {
    [ "$(grep -c "$1" "$work/connector.log")" -ge "$2" ]
}

# answers_are HOST STATUS: a few requests in a row, which go to all connections, agree.
answers_are() {
    for _ in 1 2 3 4 5 6 7 8; do
        [ "$(get "$1" -o /dev/null -w '%{http_code}' "http://$1:${http##*:}/")" = "$2" ] || return 1
    done
}

free_port() {
    python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

finish() {
    if [ $failures -gt 0 ]; then
        for log in edge connector; do
            echo "# $log:"
            tail -n 30 "$work/$log.log" 2>/dev/null | sed 's/^/#   /'
        done
        echo "$failures checks failed"
        exit 1
    fi
}
