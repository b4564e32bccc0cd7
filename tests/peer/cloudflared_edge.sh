#!/bin/sh
# The unmodified cloudflared against Culvert's edge: commands, connections, requests, drain, and an
# edge that dies. Both kinds of credentials are tried: its own and Culvert's.
#
#   CLOUDFLARED=FILE sh tests/peer/cloudflared_edge.sh
#
# CULVERT names the binary, PEER_MIB the size of transfers (256).
. "$(dirname "$0")/lib.sh"
: "${CLOUDFLARED:?names the program}"
CLOUDFLARED=$(absolute CLOUDFLARED "$CLOUDFLARED")
bytes=$((${PEER_MIB:-256} * 1024 * 1024))
NO_AUTOUPDATE=true
export NO_AUTOUPDATE

# ---- What is started ------------------------------------------------------------------------------

# cf ARGUMENT...: a command of `cloudflared tunnel`.
cf() {
    "$CLOUDFLARED" tunnel --api-url "http://$http/client/v4" \
        --origincert "$HOME/.cloudflared/cert.pem" "$@"
}

ready_connections() {
    curl -fs "http://$metrics/ready" | grep -q "\"readyConnections\":$1,"
}

# Its back-off may take most of a minute.
comes_back() {
    tries=0
    until ready_connections 4 || [ $tries -ge 120 ]; do
        tries=$((tries + 1))
        sleep 0.5
    done
}

# cf_start ARGUMENT...: of `tunnel run`; sets $connector and $metrics.
cf_start() {
    start connector "$CLOUDFLARED" --config "$work/config.yml" tunnel --no-prechecks \
        --origincert "$HOME/.cloudflared/cert.pem" --api-url "http://$http/client/v4" \
        --edge "$tunnel" --edge "$tunnel" --edge "$tunnel" --edge "$tunnel" \
        --cacert "$ca" --protocol http2 --metrics 127.0.0.1:0 run "$@"
    connector=$started
    wait_for "cloudflared starts" grep -q "Starting metrics server" "$work/connector.log"
    metrics=$(sed -n 's/.*Starting metrics server on \([0-9.:]*\)\/metrics.*/\1/p' \
        "$work/connector.log")
    if wait_for "cloudflared registers four connections" ready_connections 4; then
        ok "four connections are registered"
    else
        tail -n 30 "$work/connector.log" | sed 's/^/#   /'
        tail -n 30 "$work/edge.log" | sed 's/^/#   edge: /'
    fi
}

# cf_stop: it drains and ends.
cf_stop() {
    kill -TERM "$connector"
    ended "$connector"
    same "SIGTERM ends cloudflared with 0" "$code" 0
}

# visit PATH CURL-ARGUMENT...: over http.
visit() {
    path=$1
    shift
    get peer.localhost "$@" "http://peer.localhost:${http##*:}$path"
}

# visit_tls PATH CURL-ARGUMENT...: over https.
visit_tls() {
    path=$1
    shift
    curl -sS --max-time 60 --cacert "$ca" --resolve "peer.localhost:${https##*:}:127.0.0.1" "$@" \
        "https://peer.localhost:${https##*:}$path"
}

status_of() {
    visit "$@" -o /dev/null -w '%{http_code}'
}

origin_port=$(free_port)
start origin python3 "$peer_dir/origin.py" "$origin_port"
wait_for "the origin answers" curl -fsS "http://127.0.0.1:$origin_port/"
cat >"$work/config.yml" <<YAML
ingress:
  - hostname: peer.localhost
    service: http://127.0.0.1:$origin_port
  - service: http_status:404
YAML

# ---- Commands ------------------------------------------------------------------------------------

edge_start
cert_make
status "create" 0 cf create peer
credentials=$(ls "$HOME"/.cloudflared/*.json)
id=$(basename "$credentials" .json)
has "it says which tunnel" "$(cat "$work/out" "$work/err")" "$id"
same "its credentials are read only" "$(stat -c %a "$credentials")" 400
status "a name is taken once" 1 cf create peer
has "and the reason is told" "$(cat "$work/err")" "already exists"
status "list" 0 cf list
has "the tunnel is in the list" "$(cat "$work/out")" "$id"
status "route dns" 0 cf route dns peer peer.localhost
status "route dns twice" 0 cf route dns peer peer.localhost
status "token" 0 cf token peer
token=$(cat "$work/out")
has "the token names the tunnel" "$(printf '%s' "$token" | base64 -d)" "\"t\":\"$id\""
status "info" 0 cf info peer
status "an unknown tunnel has no token" 1 cf token nobody
same "no connector yet: 503" "$(status_of /)" 503

# ---- Requests ------------------------------------------------------------------------------------

cf_start peer
status "info of a running tunnel" 0 cf info peer
has "the connector is shown" "$(cat "$work/out")" "linux_"
same "list counts its connections" "$(cf list -o json 2>/dev/null | python3 -c '
import json, sys
print(len(json.load(sys.stdin)[0]["connections"]))')" 4

same "http" "$(visit /)" hello
same "h2c by prior knowledge" "$(visit / --http2-prior-knowledge -w '%{http_version}')" "hello
2"
for version in 1.1 2; do
    same "https, HTTP/$version" "$(visit_tls / --http$version -w '%{http_version}')" "hello
$version"
done
visit "/head/%2e%2F/x?q=%20" -X DELETE -H 'Cf-Connecting-Ip: 9.9.9.9' -H 'X-Mine: yes' >"$work/head"
has "method and raw path arrive" "$(cat "$work/head")" "DELETE /head/%2e%2F/x?q=%20 HTTP/1.1"
has "so do the visitor's headers" "$(cat "$work/head")" "X-Mine: yes"
has "and the host" "$(cat "$work/head")" "Host: peer.localhost:${http##*:}"
for name in Cf-Ray Cf-Visitor Cdn-Loop X-Forwarded-For X-Forwarded-Proto; do
    has "the edge adds $name" "$(cat "$work/head")" "$name: "
done
same "only the edge says who connects" "$(sed -n 's/^Cf-Connecting-Ip: //p' "$work/head")" 127.0.0.1
has "headers of the answer arrive" "$(visit / -i | tr 'A-Z' 'a-z')" "set-cookie: a=1"
for code in 204 304 404 500; do
    same "status $code arrives" "$(status_of /status/$code)" $code
done
same "HEAD has a length and no body" \
    "$(visit /bytes/12345 -I | tr -d '\r' | sed -n 's/^[Cc]ontent-[Ll]ength: //p')" 12345
same "a host of nobody is not found" \
    "$(get no.localhost -o /dev/null -w '%{http_code}' "http://no.localhost:${http##*:}/")" 404
same "Expect: 100-continue" "$(visit / -H 'Expect: 100-continue' -d four)" \
    "4 $(printf four | sha256sum | cut -d ' ' -f 1)"
first=$(visit /events -N --max-time 20 | (
    read -r _
    date +%s
    cat >"$work/events"
))
same "events come one by one" $(($(date +%s) - first >= 1)) 1
same "all of them" "$(grep -c data: "$work/events")" 2

python3 -c 'import sys
block = bytes(range(256)) * 256
count = int(sys.argv[1])
while count > 0:
    sys.stdout.buffer.write(block[:count])
    count -= len(block)' "$bytes" >"$work/large"
sum=$(sha256sum <"$work/large" | cut -d ' ' -f 1)
same "a large download, HTTP/1.1" "$(visit "/bytes/$bytes" --max-time 100 | sha256sum | cut -d ' ' -f 1)" "$sum"
same "a large download, h2 over TLS" "$(visit_tls "/bytes/$bytes" | sha256sum | cut -d ' ' -f 1)" "$sum"
same "a large chunked download" "$(visit_tls "/chunked/$bytes" | sha256sum | cut -d ' ' -f 1)" "$sum"
same "a large upload, HTTP/1.1" "$(visit / -T "$work/large" -X POST --max-time 100)" "$bytes $sum"
same "a large upload, h2 over TLS" "$(visit_tls / -T "$work/large" -X POST)" "$bytes $sum"
same "a large upload, chunked" \
    "$(visit_tls / --http1.1 -T - -X POST <"$work/large")" "$bytes $sum"
rm -f "$work/large"
for version in 1.1 2; do
    same "400 requests, 40 at a time, HTTP/$version" "$(visit_tls '/?[1-400]' --http$version -Z \
        --parallel-max 40 2>/dev/null | grep -c '^hello$')" 400
done

# ---- It drains -----------------------------------------------------------------------------------

(visit /sleep/3 -w '%{http_code}' >"$work/late") &
late=$!
sleep 1
kill -TERM "$connector"
wait_for "the connector is out of the routing" sh -c '! curl -fsS "http://'"$http"'/" \
    -H "Host: peer.localhost" -o /dev/null'
same "no new request reaches it" "$(status_of /)" 503
wait $late || :
same "the request in flight is finished" "$(cat "$work/late")" "hello
200"
ended "$connector"
same "cloudflared ends with 0" "$code" 0
has "it unregistered" "$(cat "$work/connector.log")" "Unregistered tunnel connection"

# ---- Credentials of either kind ------------------------------------------------------------------

cf_start --token "$token"
same "by the token that the edge's API gave" "$(visit /)" hello
cf_stop
cf_start --credentials-file "$credentials" "$id"
same "by its credentials file and id" "$(visit /)" hello
cf_stop

check "Culvert creates a tunnel" "$CULVERT" tunnel create ours
status "cloudflared routes a name to it" 0 cf route dns -f ours peer.localhost
cf_start ours
same "cloudflared runs with Culvert's credentials" "$(visit /)" hello
cf_stop
cf_start --token "$("$CULVERT" tunnel token ours)"
same "and with the token that Culvert prints" "$(visit /)" hello

# ---- The edge dies -------------------------------------------------------------------------------

kill -9 "$edge"
ended "$edge"
rm -f "$state/run.json"
start edge "$CULVERT" edge run --dev --state-dir "$state" --tunnel "$tunnel" --http "$http" \
    --https "$https" --metrics 127.0.0.1:0 --loglevel debug
edge=$started
wait_for "the edge is ready again" edge_is_ready
comes_back
same "cloudflared comes back to an edge that was killed" "$(visit /)" hello

# ---- Refusals and the end ------------------------------------------------------------------------

status "a connected tunnel is not deleted" 1 cf delete ours
cf_stop
sed 's/"TunnelSecret":"[^"]*"/"TunnelSecret":"bm90IHRoZSBzZWNyZXQgb2YgdGhpcyB0dW5uZWwgISE="/' \
    "$credentials" >"$work/wrong.json"
start connector "$CLOUDFLARED" --config "$work/config.yml" tunnel --no-prechecks --edge "$tunnel" \
    --cacert "$ca" --protocol http2 --metrics 127.0.0.1:0 run \
    --credentials-file "$work/wrong.json" "$id"
connector=$started
check "a wrong secret is refused, with the reason" \
    wait_for "the refusal" grep -q "Unauthorized: " "$work/connector.log"
same "and serves nobody" "$(status_of /)" 503
cf_stop
status "delete" 0 cf delete -f ours
status "delete of the other" 0 cf delete -f peer
same "nothing is left" "$(cf list -o json 2>/dev/null)" null
same "the name of a deleted tunnel is not found" "$(status_of /)" 404
kill -TERM "$edge"
ended "$edge"
same "SIGTERM ends the edge with 0" "$code" 0
finish
