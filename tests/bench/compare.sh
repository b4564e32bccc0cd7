#!/bin/sh
# Two connector binaries in turns (A B, B A, ...): CPU for requests and for bytes, memory. Prints
# Markdown with a verdict for each line.
#
#   sh tests/bench/compare.sh BINARY-A BINARY-B [WORKLOAD...]
#   EDGELOAD=DIR sh tests/bench/compare.sh ...    edgeload of DIR as the edge, in place of ours
#
# Workloads: get-64 get-1 get-512 (requests in flight), down, up. A binary may be cloudflared. The
# edge is the same for both: EDGE_BINARY (Culvert's of BUILD). BENCH_SECONDS (2), BENCH_ROUNDS (5).
. "$(dirname "$0")/lib.sh"

BENCH_SECONDS=${BENCH_SECONDS:-2}
BENCH_ROUNDS=${BENCH_ROUNDS:-5}
MIB=${BENCH_MIB:-256} # of one transfer
[ $# -ge 2 ] || give_up "usage: compare.sh BINARY-A BINARY-B [WORKLOAD...]"

absolute() {
    [ -x "$1" ] || give_up "there is no program $1"
    echo "$(cd "$(dirname "$1")" && pwd)/$(basename "$1")"
}

binary_a=$(absolute "$1")
binary_b=$(absolute "$2")
shift 2
[ $# -gt 0 ] || set -- get-64 get-1 down up
bytes=$((MIB * 1024 * 1024))

# ---- With our own edge: both connectors stay up, each for its own name ------------------------------

start_ours() {
    origin_start
    EDGE_BINARY=${EDGE_BINARY:-$CULVERT}
    edge_start
    for who in a b; do
        tunnel_make $who
        eval "binary=\$binary_$who"
        # shellcheck disable=SC2154
        connector_start "$binary" $who
        eval "pid_$who=$connector"
        keep "$who.idle-rss" "$(awk '/^VmRSS/ { print $2 / 1024 }' "/proc/$connector/status")"
    done
}

# measure_ours a|b WORKLOAD
measure_ours() {
    eval "pid=\$pid_$1"
    case $2 in
        get-*) options="--connections ${2#get-} --seconds $BENCH_SECONDS" path=/bytes/64 key=ms_per_1000 ;;
        down) options="--connections 1 --requests 1" path=/bytes/$bytes key=s_per_gib ;;
        up) options="--connections 1 --requests 1 --post $bytes" path=/ key=s_per_gib ;;
        *) give_up "workloads: get-N down up" ;;
    esac
    # shellcheck disable=SC2086,SC2154
    load $options --ca "$site.pem" --connect "$https" --process connector="$pid" \
        "https://$1.localhost:${https##*:}$path"
    keep "$1.$2.cpu" "$(figure $key connector)"
    keep "$1.$2.rss" "$(figure peak_kib connector | awk '{ print $1 / 1024 }')"
}

# ---- With edgeload: it starts the connector for each run --------------------------------------------

start_edgeload() {
    EDGELOAD=$(cd "$EDGELOAD" && pwd)
    free_port
    origin_port=$port
    free_port
    echo_port=$port
    free_port
    edge_port=$port
    start origin "$EDGELOAD/origin" "$origin_port" "$echo_port"
    cat >"$work/config.yml" <<END
tunnel: c0ffee00-1234-4567-89ab-0123456789ab
credentials-file: $work/cred.json
ingress:
  - service: http://127.0.0.1:$origin_port
END
    cat >"$work/cred.json" <<END
{"AccountTag":"0123456789abcdef0123456789abcdef","TunnelID":"c0ffee00-1234-4567-89ab-0123456789ab",
 "TunnelSecret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}
END
    chmod 400 "$work/cred.json"
}

# member NAME: of the result's connector.
member() {
    sed -n "s/.*\"connector\":{[^}]*\"$1\":\([0-9.]*\).*/\1/p" "$work/result"
}

measure_edgeload() {
    eval "binary=\$binary_$1"
    case $2 in
        get-*) options="--workload get --concurrency ${2#get-} --seconds $BENCH_SECONDS" key=cpu_ms_per_1000 ;;
        down) options="--workload download --path /bytes/$bytes --bytes $bytes --requests 1" key=cpu_s_per_gib ;;
        up) options="--workload upload --bytes $bytes --requests 1" key=cpu_s_per_gib ;;
        *) give_up "workloads: get-N down up" ;;
    esac
    edges="--edge 127.0.0.1:$edge_port"
    # shellcheck disable=SC2086
    "$EDGELOAD/edgeload" --port "$edge_port" --cert-dir "$work/certs" --connections 4 $options -- \
        "$binary" --config "$work/config.yml" --no-autoupdate tunnel --no-prechecks $edges $edges \
        $edges $edges --ha-connections 4 --protocol http2 --cacert "$work/certs/ca.pem" \
        --metrics 127.0.0.1:0 run >"$work/result" 2>"$work/events" ||
        give_up "edgeload $options with $binary" "$work/events"
    grep -q '"errors":{}' "$work/result" || say "$1, $2: $(cat "$work/result")"
    keep "$1.$2.cpu" "$(member $key)"
    keep "$1.$2.rss" "$(member rss_kb_peak | awk '{ print $1 / 1024 }')"
    keep "$1.idle-rss" "$(member rss_kb_before | awk '{ print $1 / 1024 }')"
}

# ---- In turns -----------------------------------------------------------------------------------------

with=ours
[ -z "${EDGELOAD:-}" ] || with=edgeload
start_$with
order="a b"
for round in $(seq "$BENCH_ROUNDS"); do
    for name; do
        say "round $round: $name"
        for who in $order; do
            measure_$with "$who" "$name"
        done
    done
    [ "$order" = "a b" ] && order="b a" || order="a b"
done

# verdict CELL-A CELL-B: the difference of the medians, where the values do not overlap; of five or
# more the smallest and the largest are left out.
verdict() {
    for of in "$1" "$2"; do
        sort -g "$work/cells/$of" | awk '{ v[NR] = $1 } END {
            cut = NR >= 5 ? 1 : 0
            middle = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
            print v[1 + cut], middle, v[NR - cut] }'
    done | awk '
        NR == 1 { low = $1; a = $2; high = $3 }
        NR == 2 {
            change = a > 0 ? ($2 / a - 1) * 100 : 0
            if ($1 <= high && $3 >= low) printf("within noise (%+.1f %%)", change)
            else printf("%+.1f %%", change)
        }'
}

# row NAME CELL DIGITS
row() {
    [ -s "$work/cells/a.$2" ] || return 0
    printf '| %s | %s | %s | %s |\n' "$1" "$(cell "a.$2" "$3")" "$(cell "b.$2" "$3")" \
        "$(verdict "a.$2" "b.$2")"
}

version() {
    "$1" --version 2>/dev/null | head -n 1
}

machine "A B"
printf 'A: %s. B: %s. Edge: %s. %s rounds, medians with smallest and largest.\n\n' \
    "$(version "$binary_a")" "$(version "$binary_b")" "${EDGELOAD:+edgeload}${EDGE_BINARY:+ours}" \
    "$BENCH_ROUNDS"
printf '| connector | A | B | B against A |\n|---|---|---|---|\n'
for name; do
    case $name in
        get-*) row "${name#get-} in flight, CPU ms per 1,000 requests" "$name.cpu" 1 ;;
        down) row "download of $MIB MiB, CPU s per GiB" "$name.cpu" 2 ;;
        up) row "upload of $MIB MiB, CPU s per GiB" "$name.cpu" 2 ;;
    esac
    row "the same, RSS at most, MiB" "$name.rss" 1
done
row "RSS at rest, MiB" idle-rss 1
