#!/bin/sh
# Our load generator beside wrk, ab and h2load, in turns: at the origin, where the generator is the
# slower end, and at the edge, whose CPU for each request must not depend on who asks. Prints Markdown.
#
#   sh tests/bench/honesty.sh
#
# BENCH_SECONDS (2, whole ones), BENCH_ROUNDS (3). See lib.sh.
. "$(dirname "$0")/lib.sh"

BENCH_SECONDS=${BENCH_SECONDS:-2}
BENCH_ROUNDS=${BENCH_ROUNDS:-3}
need wrk wrk
need ab apache2-utils
need h2load nghttp2-client

origin_start
edge_start_dev
tunnel_make app
connector_start "$CULVERT" app
clear=http://app.localhost:${http##*:}/bytes/1024
over_tls=https://app.localhost:${https##*:}/bytes/1024

# Milliseconds of CPU of the edge so far, of all its threads; in steps of 10.
edge_ms() {
    awk -v tick="$(getconf CLK_TCK)" '{ print ($14 + $15) * 1000 / tick }' "/proc/$edge/stat"
}

# other CELL COMMAND...: keeps what it says to be its rate and what the edge used for a thousand.
other() {
    cell=$1
    shift
    before=$(edge_ms)
    "$@" >"$work/other" 2>&1 || cat "$work/other" >&2
    after=$(edge_ms)
    # wrk: "N requests in", "Requests/sec: R"; h2load: "requests: N total", "finished in T, R req/s"
    count=$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p; s/^requests: \([0-9]*\) total.*/\1/p' "$work/other")
    keep "$cell" "$(sed -n 's|^Requests/sec: *||p; s|^finished in .*, \([0-9.]*\) req/s.*|\1|p
        s/^Requests per second: *\([0-9.]*\) .*/\1/p' "$work/other")"
    [ -z "$count" ] || keep "$cell.cpu" "$(awk "BEGIN { print ($after - $before) * 1000 / $count }")"
}

ours() {
    cell=$1
    shift
    load --seconds "$BENCH_SECONDS" --process edge="$edge" "$@"
    keep "$cell" "$(figure per_s)"
    keep "$cell.cpu" "$(figure ms_per_1000 edge)"
}

for round in $(seq "$BENCH_ROUNDS"); do
    say "round $round"
    at=http://$origin_at/bytes/1024
    ours origin.bench-load --connections 64 "$at"
    other origin.wrk wrk -t 1 -c 64 -d "$BENCH_SECONDS" "$at"
    other origin.ab ab -q -k -c 64 -t "$BENCH_SECONDS" -n 10000000 "$at"
    ours h1.bench-load --connections 64 --connect "$http" "$clear"
    other h1.wrk wrk -t 1 -c 64 -d "$BENCH_SECONDS" -H "Host: app.localhost:${http##*:}" \
        "http://$http/bytes/1024"
    ours h2.bench-load --http2 --connections 4 --streams 16 --ca "$ca" --connect "$https" "$over_tls"
    other h2.h2load h2load -c 4 -m 16 -D "$BENCH_SECONDS" --connect-to="$https" "$over_tls"
done

# row WHERE CELL GENERATOR
row() {
    printf '| %s | %s | %s | %s |\n' "$1" "$3" "$(cell "$2.$3" 0)" "$4"
}

machine
printf '%s rounds of %s s, answers of 1 KiB.\n\n' "$BENCH_ROUNDS" "$BENCH_SECONDS"
printf '| at | generator | requests/s | CPU ms of the edge per 1,000 |\n|---|---|---|---|\n'
for generator in bench-load wrk ab; do
    row "the origin, HTTP/1.1, 64 connections" origin $generator "–"
done
for generator in bench-load wrk; do
    row "the edge, HTTP/1.1 in clear, 64 connections" h1 $generator "$(cell h1.$generator.cpu 1)"
done
for generator in bench-load h2load; do
    row "the edge, HTTP/2 over TLS, 4 connections of 16 streams" h2 $generator \
        "$(cell h2.$generator.cpu 1)"
done
