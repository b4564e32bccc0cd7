#!/bin/sh
# WebSockets through edge and connector: a library's client and a browser as visitors, directly and
# with nginx in front of the edge; behind the connector nginx as a proxy, and a library's server.
. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
server=$(free_port)
proxy=$(free_port)
front=$(free_port)
broken=$(free_port)
report=$work/report
: >"$report"

edge_start --workers 2
nginx_start nginx <<CONF
    proxy_http_version 1.1;
    proxy_set_header Host \$http_host;
    proxy_set_header Upgrade \$http_upgrade;
    proxy_set_header Connection \$connection_upgrade;
    map \$http_upgrade \$connection_upgrade { default upgrade; '' close; }
    server {
        listen 127.0.0.1:$proxy;
        location / { proxy_pass http://127.0.0.1:$server; }
    }
    server {
        listen 127.0.0.1:$front;
        location / { proxy_pass http://$http; }
    }
CONF
start origin /usr/bin/python3 "$here/websocket.py" origin "$server" "$report"
origin=$started
wait_for "the origin answers" curl -fsS "http://127.0.0.1:$proxy/"

cert_make
check "a tunnel is created" "$CULVERT" tunnel create web
check "a wildcard is routed" "$CULVERT" tunnel route dns web '*.localhost'
cat >"$work/config.yml" <<YAML
tunnel: web
ingress:
  - hostname: direct.localhost
    service: ws://127.0.0.1:$server
  - hostname: broken.localhost
    service: http://127.0.0.1:$broken
  - service: http://127.0.0.1:$proxy
YAML
connector_start --config "$work/config.yml"

# ---- A library's client --------------------------------------------------------------------------

# visits NAME URL PORT
visits() {
    check "$1" /usr/bin/python3 "$here/websocket.py" visit "$2" "$3" "$ca"
}
visits "in clear, nginx at the origin" "ws://app.localhost:${http##*:}" "${http##*:}"
visits "over TLS" "wss://app.localhost:${https##*:}" "${https##*:}"
visits "nginx at both ends" "ws://app.localhost:$front" "$front"
visits "no nginx at all, a service of ws:" "ws://direct.localhost:${http##*:}" "${http##*:}"
same "the visitor's close codes arrive" "$(grep -c 'closed 4002 enough' "$report")" 4
same "and so do the origin's own" "$(grep -c 'closed 4001 because' "$report")" 4

# ---- A browser -----------------------------------------------------------------------------------

# browse NAME URL: the page tells the origin what it saw.
browse() {
    : >"$report"
    start "browser" chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync \
        --disable-dev-shm-usage --ignore-certificate-errors --user-data-dir="$work/$1" \
        --log-net-log="$work/$1.json" --net-log-capture-mode=Everything "$2"
    wait_for "the browser reports" grep -q '^http' "$report" || tail -n 5 "$work/browser.log"
    kill -TERM "$started" 2>/dev/null || :
    wait "$started" 2>/dev/null || :
    same "$1" "$(grep '^http' "$report")" \
        "${2%%//*} chat text same bytes 300000 same 4003 goodbye clean"
}
browse "a browser's over HTTP/1.1" "http://app.localhost:${http##*:}/"
browse "a browser's over HTTP/2" "https://app.localhost:${https##*:}/"
check "it is one stream of many there" grep -q ':protocol: websocket' \
    "$work/a browser's over HTTP/2.json"

# ---- An end that is none -------------------------------------------------------------------------

# held NAME: a visitor's WebSocket is open.
held() {
    start held /usr/bin/python3 "$here/websocket.py" hold "ws://app.localhost:${http##*:}" "${http##*:}"
    wait_for "$1" grep -q open "$work/held.out"
    holder=$started
}
start breaker /usr/bin/python3 "$here/websocket.py" break "$broken"
wait_for "the origin that breaks off listens" /usr/bin/python3 -c "
import socket
socket.create_connection(('127.0.0.1', $broken)).close()"
same "what an origin says before it breaks off arrives, and then an end" "$(/usr/bin/python3 \
    "$here/websocket.py" word broken.localhost "${http##*:}")" "because and an end"
held "one is held open"
kill -9 "$origin"
ended "$holder"
has "an origin that dies closes it without a frame" "$(cat "$work/held.out")" "closed without a frame"

start origin /usr/bin/python3 "$here/websocket.py" origin "$server" "$report"
wait_for "the origin is back" curl -fsS "http://127.0.0.1:$proxy/"
held "another one is held open"
kill -9 "$connector"
ended "$holder"
has "a connector that dies too" "$(cat "$work/held.out")" "closed without a frame"
finish
