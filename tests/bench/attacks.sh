#!/bin/sh
# What attacks on the edge do to others: the latency of a well-behaved visitor, and the memory and CPU
# of edge and connector, under each attack that tests/attack knows. The attackers work on the same
# machine and take their share of its processors: the line "busy, no attack" shows what that alone
# costs. Prints Markdown.
#
#   sh tests/bench/attacks.sh [NAME...]     as `culvert-attack --list` names them; "all"
#
# ATTACKERS (16) connections each, BENCH_SECONDS (3). See lib.sh.
. "$(dirname "$0")/lib.sh"

BENCH_SECONDS=${BENCH_SECONDS:-3}
ATTACKERS=${ATTACKERS:-16}
attack=$BUILD/tests/culvert-attack
[ -x "$attack" ] || give_up "there is no $attack: cmake --build --preset release"
# The last one leaves the machine short of ports for a while.
[ $# -gt 0 ] || set -- h2-rapid-reset h2-continuations h2-settings h2-pings h2-empty-data \
    h2-priorities h2-bomb h2-tiny-windows h2-deaf-downloads h1-slow-head h1-slow-body h1-deaf \
    h1-pipeline h1-empty-lines h1-idle h2-window-overflow h2-late-overflow h2-late-resets
[ "$*" != all ] || set -- "$("$attack" --list | cut -d ' ' -f 1)"

origin_start
edge_start_dev
tunnel_make app
connector_start "$CULVERT" app

# What an attack left behind at the origin is not the next one's.
is_calm() {
    curl -fsS --max-time 0.2 "http://$origin_at/bytes/1024" -o "$work/answer"
}

# The well-behaved visitor, from an address of its own: 8 requests in flight over two connections.
visitor() {
    load --http2 --from 127.0.0.2 --connections 2 --streams 4 --expect 1024 --warm-up 0.5 \
        --seconds "$BENCH_SECONDS" --ca "$ca" --connect "$https" --process edge="$edge" \
        --process connector="$connector" "https://app.localhost:${https##*:}/bytes/1024"
}

# row NAME ATTACKER-LINE
row() {
    printf '| %s | %.0f | %.1f | %.1f | %.0f | %s | %.1f | %.1f | %.2f | %s |\n' "$1" \
        "$(figure per_s)" "$(figure p50_us | awk '{ print $1 / 1000 }')" \
        "$(figure p99_us | awk '{ print $1 / 1000 }')" \
        "$(figure max_us | awk '{ print $1 / 1000 }')" "$(figure errors)" \
        "$(figure peak_kib edge | awk '{ print $1 / 1024 }')" \
        "$(figure peak_kib connector | awk '{ print $1 / 1024 }')" "$(figure cores edge)" "$2"
}

# Of the attacker's last line: how many connections it made, how many were cut off.
fate() {
    sed -n 's/.* connections=\([0-9]*\) cut_off=\([0-9]*\).*/\1, \2 of them cut off/p' "$1"
}

machine
printf 'A visitor with 8 requests in flight (HTTP/2, TLS, 1 KiB) beside %s attackers, %s s each.\n\n' \
    "$ATTACKERS" "$BENCH_SECONDS"
printf '| attack | requests/s | p50, ms | p99, ms | max, ms | errors | edge RSS at most, MiB | connector | edge, cores | attacking connections |\n'
printf '|---|---|---|---|---|---|---|---|---|---|\n'
visitor
row "none" "–"
start busy sh -c "while :; do :; done"
busy=$started
visitor
stop "$busy"
row "busy, no attack" "–"
seconds=$(awk "BEGIN { printf(\"%d\", $BENCH_SECONDS + 1.5) }")
start handshakes "$bench_load" --fresh --connections "$ATTACKERS" --seconds "$seconds" --warm-up 0 \
    --connect "$https" "https://app.localhost:${https##*:}/bytes/0"
flood=$started
visitor
wait "$flood" || :
row "TLS handshakes, as many as go" \
    "$(sed -n 's/^load.* requests=\([0-9]*\) .*/\1, all served/p' "$work/handshakes.log")"
# shellcheck disable=SC2048
for name in $*; do
    "$attack" --list | grep -q "^$name " || { say "there is no attack $name"; continue; }
    say "$name"
    case $name in
        *-idle | *-silent) count=1000 ;;
        *-deaf-downloads) count=4 ;; # of 100 downloads each
        *) count=$ATTACKERS ;;
    esac
    start attack "$attack" "$name" "$http" "$seconds" "$count"
    flood=$started
    visitor
    wait "$flood" || :
    row "$name" "$(fate "$work/attack.log")"
    wait_for origin is_calm
done
visitor
row "none, afterwards" "–"
