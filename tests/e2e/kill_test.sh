#!/bin/sh
# kill -9 of the edge while visitors ask and the API writes, a few times over: whatever was answered
# with success is there afterwards, the connector comes back by itself and serves.
. "$(dirname "$0")/lib.sh"

# The same ports after each start, so that those who know them come back.
places="--tunnel 127.0.0.1:$(free_port) --http 127.0.0.1:$(free_port)"
edge_again() {
    rm -f "$state/run.json"
    # shellcheck disable=SC2086
    start edge "$CULVERT" edge run --dev --state-dir "$state" --https 127.0.0.1:0 \
        --metrics 127.0.0.1:0 $places
    edge=$started
    wait_for "the edge is ready" edge_is_ready || {
        cat "$work/edge.log"
        exit 1
    }
    http=$(address http)
}

edge_again
cert_make
check "a tunnel is created" "$CULVERT" tunnel create web
check "a name is routed" "$CULVERT" tunnel route dns web app.localhost
connector_start --hello-world web

served() {
    [ "$(get app.localhost -s -o /dev/null -w '%{http_code}' \
        "http://app.localhost:${http##*:}/_health" 2>/dev/null)" = 200 ]
}

# writer NAME: makes tunnels and routes, and notes what was answered with success.
writer() {
    n=0
    while [ -e "$work/go" ] && [ $n -lt 500 ]; do
        n=$((n + 1))
        if "$CULVERT" tunnel create "$1-$n" >/dev/null 2>&1; then
            echo "$1-$n" >>"$work/made.$1"
        fi
        if "$CULVERT" tunnel route dns web "$1-$n.localhost" >/dev/null 2>&1; then
            echo "$1-$n.localhost" >>"$work/routed.$1"
        fi
    done
}
visitor() {
    while [ -e "$work/go" ]; do
        served || :
    done
}
made() {
    cat "$work"/made.* 2>/dev/null | wc -l
}

round=0
for crowd in 2 5 9; do
    round=$((round + 1))
    before=$(made)
    : >"$work/go"
    writers=
    for who in a b; do
        writer "$who$round" &
        writers="$writers $!"
    done
    visitor &
    writers="$writers $!"
    pids="$pids $writers"
    enough() {
        [ "$(made)" -ge $((before + crowd)) ]
    }
    wait_for "round $round: tunnels are made" enough
    kill -9 "$edge"
    rm "$work/go"
    # shellcheck disable=SC2086
    wait $writers || :
    wait "$edge" 2>/dev/null || :
    edge_again
    "$CULVERT" tunnel list --output json >"$work/list"
    lost=0
    while read -r name; do
        grep -q "\"name\": *\"$name\"" "$work/list" || lost=$((lost + 1))
    done <<LIST
$(cat "$work"/made.*)
LIST
    same "round $round: no tunnel is lost of $(made)" "$lost" 0
    wait_for "round $round: the connector serves again" served
done

while read -r name; do
    [ "$(get "$name" -o /dev/null -w '%{http_code}' "http://$name:${http##*:}/_health")" = 200 ] ||
        fail "the route $name is lost"
done <<LIST
$(cat "$work"/routed.*)
LIST
ok "$(cat "$work"/routed.* | wc -l) routes were looked at"
kill -TERM "$connector"
ended "$connector"
same "the connector ends in good order" "$code" 0
kill -TERM "$edge"
ended "$edge"
same "the edge ends in good order" "$code" 0
finish
