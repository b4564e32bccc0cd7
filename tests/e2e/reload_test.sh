#!/bin/sh
# SIGHUP: the rules of the configuration file are read again, a request that runs keeps its own, a
# bad file changes nothing and is named with the place; with one worker and with several.
. "$(dirname "$0")/lib.sh"

edge_start
cert_make
check "a tunnel is created" "$CULVERT" tunnel create web
check "a name is routed" "$CULVERT" tunnel route dns web app.localhost

waiting_origin

# rules SERVICE: the file with one rule.
rules() {
    printf 'tunnel: web\ningress:\n  - service: %s\n' "$1" >"$work/config.yml"
}

for workers in 1 3; do
    rm -f "$work/go"
    rules "http://127.0.0.1:$port"
    connector_start --config "$work/config.yml" --workers $workers
    get app.localhost "http://app.localhost:${http##*:}/waits" >"$work/running" &
    running=$!
    wait_for "a request is at the origin" sh -c \
        "curl -fsS http://$metrics/metrics | grep -q '^culvert_streams_active{kind=\"http\"} 1'"

    rules http_status:204
    kill -HUP "$connector"
    wait_for "$workers workers: the log says that rules were read" logged "were read again" 1
    wait_for "$workers workers: new requests use the new rule" answers_are app.localhost 204
    ok "$workers workers: a reload is used by new requests"
    : >"$work/go"
    wait $running
    same "$workers workers: a request that ran was finished" "$(cat "$work/running")" whole

    printf 'tunnel: web\ningress:\n  - service: http_status:many\n' >"$work/config.yml"
    kill -HUP "$connector"
    wait_for "$workers workers: the log says that a bad file was refused" logged "not changed" 1
    has "$workers workers: with file, line and column" \
        "$(grep "not changed" "$work/connector.log")" "config.yml:3:14: "
    : >"$work/config.yml"
    kill -HUP "$connector"
    wait_for "$workers workers: an empty file is refused" logged "not changed" 2
    rm "$work/config.yml"
    kill -HUP "$connector"
    wait_for "$workers workers: no file is refused" logged "not changed" 3
    check "$workers workers: nothing changed by that" answers_are app.localhost 204

    rules http_status:418
    for _ in 1 2 3 4 5; do
        kill -HUP "$connector"
    done
    wait_for "$workers workers: many signals end in the last version" answers_are app.localhost 418
    kill "$connector"
    ended "$connector"
    same "$workers workers: it ends well" "$code" 0
done

finish
