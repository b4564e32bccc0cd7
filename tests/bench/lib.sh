# What the measuring scripts share: throw-away state, an origin, an edge and connectors on ports that
# the system chose, loads, and tables of medians with their spread. Sourced.
#
#   BUILD          the build directory (build/release)
#   CULVERT        the binary (BUILD/culvert)
#   BENCH_SECONDS  how long each load measures
#   BENCH_ROUNDS   how often each cell is measured, in turns
# shellcheck shell=sh disable=SC2034
set -eu
LC_ALL=C
export LC_ALL

bench_dir=$(cd "$(dirname "$0")" && pwd)
BUILD=${BUILD:-$bench_dir/../../build/release}
[ -x "$BUILD/tests/bench/bench-load" ] || {
    echo "build first: cmake --preset release && cmake --build --preset release" >&2
    exit 2
}
BUILD=$(cd "$BUILD" && pwd)
CULVERT=${CULVERT:-$BUILD/culvert}
bench_load=$BUILD/tests/bench/bench-load
bench_origin=$BUILD/tests/bench/bench-origin
bench_relay=$BUILD/tests/bench/bench-relay

work=$(mktemp -d)
chmod 755 "$work" # servers that change their user look into it
pids=
HOME=$work/home
state=$work/state
mkdir -p "$HOME/.cloudflared" "$work/cells"
no_proxy='*'
export HOME no_proxy
for variable in $(env | sed -n 's/^\(TUNNEL_[A-Z_]*\)=.*/\1/p') XDG_STATE_HOME STATE_DIRECTORY; do
    unset "$variable"
done

# Scripts that made more than processes take it back here.
clean_up_more() {
    :
}

clean_up() {
    # shellcheck disable=SC2086
    [ -z "$pids" ] || kill $pids 2>/dev/null || :
    # shellcheck disable=SC2086
    [ -z "$pids" ] || wait $pids 2>/dev/null || :
    clean_up_more
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

say() {
    printf '%s\n' "$*" >&2
}

give_up() {
    say "$1"
    [ $# -lt 2 ] || tail -n 20 "$2" >&2
    exit 1
}

# need PROGRAM PACKAGE: of Debian, for measuring only.
need() {
    PATH=$PATH:/usr/sbin:/sbin
    command -v "$1" >/dev/null || give_up "this needs $1: apt-get install $2"
}

# start LOG COMMAND...: in the background; its process is $started.
start() {
    log=$work/$1.log
    shift
    : >"$log" # here, so that nobody finds a line of the process before
    "$@" >"$log" 2>&1 &
    started=$!
    pids="$pids $started"
}

# stop PID: and waits for its end.
stop() {
    kill "$1" 2>/dev/null || :
    wait "$1" 2>/dev/null || :
}

# wait_for LOG COMMAND...: until it succeeds, at most 20 seconds.
wait_for() {
    log=$work/$1.log
    shift
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 400 ] || give_up "$* never came" "$log"
        sleep 0.05
    done
}

# ---- Origin, edge, connectors: $origin_runs, $edge_runs and $connector_runs stand in front of the
# command: `ip netns exec NAME`, or nothing. ------------------------------------------------------

origin_runs=
edge_runs=
connector_runs=

# origin_start [ADDRESS]: sets $origin and $origin_at.
origin_start() {
    # shellcheck disable=SC2086
    start origin $origin_runs "$bench_origin" "${1:-127.0.0.1}:0"
    origin=$started
    wait_for origin grep -q listening "$work/origin.log"
    origin_at=$(sed -n 's/^listening on //p' "$work/origin.log")
}

address() {
    sed -n "s/.*\"$1\":\"\([0-9.:]*\)\".*/\1/p" "$state/run.json"
}

edge_is_ready() {
    [ -s "$state/run.json" ] || return 1
    # shellcheck disable=SC2086
    $edge_runs curl -fsS "http://$(address metrics)/ready"
}

# site_make: a certificate for what stands in front of visitors, $site.pem and $site.key, the same for
# all that are compared.
site_make() {
    need openssl openssl
    site=$work/site
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 60 -subj /CN=edge \
        -addext 'subjectAltName=DNS:edge.localhost,DNS:app.localhost,DNS:a.localhost,DNS:b.localhost' -keyout "$site.key" \
        -out "$site.pem" 2>/dev/null
    chmod 600 "$site.key"
}

# edge_start [TUNNEL-ADDRESS [FLAG...]]: sets $edge, $https, $tunnel, $ca; EDGE_BINARY is another
# binary than CULVERT.
edge_start() {
    edge_binary=${EDGE_BINARY:-$CULVERT}
    edge_address=${1:-127.0.0.1}
    [ $# -eq 0 ] || shift
    [ -n "${site:-}" ] || site_make
    cat >"$work/edge.yml" <<END
hostname: edge.localhost
zones: [localhost]
listen: {tunnel: "$edge_address:0", http: "127.0.0.1:0", https: "127.0.0.1:0", metrics: "127.0.0.1:0"}
certificates: [{cert: $site.pem, key: $site.key}]
END
    rm -f "$state/run.json"
    # shellcheck disable=SC2086
    start edge $edge_runs "$edge_binary" edge run --config "$work/edge.yml" --state-dir "$state" "$@"
    SSL_CERT_FILE=$site.pem
    export SSL_CERT_FILE
    edge_started
}

# The same on a desk of one's own, which serves in clear too: sets $http besides. Its names are
# covered by $ca.
edge_start_dev() {
    edge_binary=${EDGE_BINARY:-$CULVERT}
    start edge "$edge_binary" edge run --dev --state-dir "$state" --tunnel 127.0.0.1:0 \
        --http 127.0.0.1:0 --https 127.0.0.1:0 --metrics 127.0.0.1:0 "$@"
    edge_started
}

edge_started() {
    edge=$started
    wait_for edge edge_is_ready
    http=$(address http)
    https=$(address https)
    tunnel=$(address tunnel)
    ca=$state/ca.pem
    # shellcheck disable=SC2086
    $edge_runs "$edge_binary" edge cert --state-dir "$state" \
        --out "$HOME/.cloudflared/cert.pem" >"$work/cert.log" 2>&1 ||
        give_up "no account certificate" "$work/cert.log"
}

# tunnel_make NAME: and the public name NAME.localhost.
tunnel_make() {
    for tunnel_words in "create $1" "route dns $1 $1.localhost"; do
        # shellcheck disable=SC2086
        $edge_runs "$edge_binary" tunnel $tunnel_words >"$work/tunnel.log" 2>&1 ||
            give_up "tunnel $tunnel_words" "$work/tunnel.log"
    done
    # So that a connector need not reach the API.
    mkdir -p "$work/credentials"
    mv "$HOME"/.cloudflared/*.json "$work/credentials/$1.json"
}

connections_are_up() {
    # shellcheck disable=SC2086
    $connector_runs curl -fsS "http://$1/ready" | grep -q "\"readyConnections\":$2,"
}

# connector_start BINARY TUNNEL [FLAG...]: of `tunnel`; sets $connector. It has its credentials in a
# file, asks the edge at $tunnel and serves $origin_at; HA_CONNECTIONS of
# them (4).
connector_start() {
    connector_binary=$1
    connector_tunnel=$2
    shift 2
    wanted=${HA_CONNECTIONS:-4}
    edges=
    while [ "$(echo "$edges" | wc -w)" -lt $((2 * wanted)) ]; do
        edges="$edges --edge $tunnel"
    done
    # shellcheck disable=SC2086
    start "connector-$connector_tunnel" $connector_runs "$connector_binary" tunnel $edges \
        --ha-connections "$wanted" --cacert "$ca" --protocol http2 --metrics 127.0.0.1:0 "$@" \
        --url "http://$origin_at" run --credentials-file "$work/credentials/$connector_tunnel.json" \
        "$(sed -n 's/.*"TunnelID" *: *"\([^"]*\)".*/\1/p' \
            "$work/credentials/$connector_tunnel.json")"
    connector=$started
    connector_log=connector-$connector_tunnel
    wait_for "$connector_log" grep -q "Starting metrics server on" "$work/$connector_log.log"
    connector_metrics=$(sed -n 's/.*Starting metrics server on \([0-9.:]*\)\/metrics.*/\1/p' \
        "$work/$connector_log.log")
    wait_for "$connector_log" connections_are_up "$connector_metrics" "$wanted"
}

# Has the binary this option? For figures of binaries that are older.
has_option() {
    has_binary=$1
    has_word=$2
    shift 2
    "$has_binary" "$@" --help 2>&1 | grep -q -e "$has_word"
}

# free_port: sets $port to one on which nobody listens.
port=$((20000 + $$ % 10000))
free_port() {
    port=$((port + 1))
    while grep -q -i -E "^ *[0-9]+: [0-9A-F]+:$(printf '%04X' $port) [0-9A-F:]+ 0A" /proc/net/tcp; do
        port=$((port + 1))
    done
}

# ---- Loads and their figures ------------------------------------------------------------------------

# load OPTION...: of bench-load; its lines are in $work/figures. Errors are told, not hidden.
load() {
    "$bench_load" "$@" >"$work/figures" 2>"$work/load.log" || {
        say "bench-load $*:"
        cat "$work/load.log" "$work/figures" >&2
    }
}

# figure KEY [PROCESS]: of the last load.
figure() {
    awk -v key="$1" -v process="${2:-}" '
        (process == "" && $1 == "load") || (process != "" && $2 == "name=" process) {
            for (i = 2; i <= NF; i++)
                if (index($i, key "=") == 1)
                    print substr($i, length(key) + 2)
        }' "$work/figures"
}

# keep CELL VALUE: one more of this cell.
keep() {
    echo "$2" >>"$work/cells/$1"
}

# Median of a cell: a number to calculate with.
median() {
    sort -g "$work/cells/$1" | awk '{ v[NR] = $1 } END {
        if (NR == 0) print "nan"
        else if (NR % 2) print v[(NR + 1) / 2]
        else print (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# cell CELL [DIGITS]: "median (smallest–largest)".
cell() {
    [ -s "$work/cells/$1" ] || { printf '–'; return 0; }
    sort -g "$work/cells/$1" | awk -v digits="${2:-1}" '
        { v[NR] = $1 }
        END {
            middle = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
            form = "%." digits "f"
            printf(form " (" form "–" form ")", middle, v[1], v[NR])
        }'
}

# What every table begins with; $1: more of the command than the script and its rounds.
machine() {
    printf 'Command: `BENCH_SECONDS=%s BENCH_ROUNDS=%s sh tests/bench/%s%s`.\n' \
        "$BENCH_SECONDS" "${BENCH_ROUNDS:-1}" "$(basename "$0")" "${1:+ $1}"
    printf 'Machine: %s, %s processors, Linux %s, %s, nghttp2 %s.\n\n' \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
        "$(uname -r)" "$(openssl version 2>/dev/null | cut -d ' ' -f 1,2)" \
        "$(dpkg-query -W -f '${Version}' libnghttp2-14 2>/dev/null)"
}
