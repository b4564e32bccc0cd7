#!/bin/sh
# Every kind of origin of this version behind one connector: http, https with a CA of its own, with
# any certificate, with another name, a unix socket, a fixed status, the test page.
. "$(dirname "$0")/lib.sh"

# ---- nginx: plain, TLS and a socket --------------------------------------------------------------

plain=$(free_port)
tls=$(free_port)
origin_cert
nginx_start nginx <<CONF
    server {
        listen 127.0.0.1:$plain;
        location / { return 200 "plain \$http_host\n"; }
    }
    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate $work/origin.pem;
        ssl_certificate_key $work/origin.key;
        location / { return 200 "tls \$ssl_server_name\n"; }
    }
    server {
        listen unix:$work/nginx.sock;
        location / { return 200 "socket \$uri\n"; }
    }
CONF
wait_for "nginx answers" curl -fsS "http://127.0.0.1:$plain/"

# One that takes connections and says nothing.
mute=$(free_port)
start mute python3 -c "
import socket, time
listener = socket.create_server(('127.0.0.1', $mute))
time.sleep(600)"

# ---- One connector with all of them --------------------------------------------------------------

edge_start
cert_make
check "a tunnel is created" "$CULVERT" tunnel create all
check "a wildcard is routed" "$CULVERT" tunnel route dns all '*.localhost'
cat >"$work/config.yml" <<YAML
tunnel: all
ingress:
  - hostname: plain.localhost
    path: ^/admin
    service: http_status:403
  - hostname: plain.localhost
    service: http://localhost:$plain
  - hostname: host.localhost
    service: http://127.0.0.1:$plain
    originRequest:
      httpHostHeader: other.example
  - hostname: ca.localhost
    service: https://127.0.0.1:$tls
    originRequest:
      originServerName: origin.test
      caPool: $work/origin.pem
  - hostname: any.localhost
    service: https://127.0.0.1:$tls
    originRequest:
      noTLSVerify: true
  - hostname: strict.localhost
    service: https://127.0.0.1:$tls
    originRequest:
      originServerName: origin.test
  - hostname: wrong.localhost
    service: https://127.0.0.1:$tls
    originRequest:
      originServerName: another.test
      caPool: $work/origin.pem
  - hostname: socket.localhost
    service: unix:$work/nginx.sock
  - hostname: hello.localhost
    service: hello_world
  - hostname: mute.localhost
    service: https://127.0.0.1:$mute
    originRequest:
      tlsTimeout: 1s
  - hostname: down.localhost
    service: http://127.0.0.1:1
  - service: http_status:418
YAML
start connector "$CULVERT" tunnel --config "$work/config.yml" --metrics 127.0.0.1:0 \
    --loglevel info --output json run
connector=$started
wait_for "it registers" sh -c "[ \$(grep -c 'Registered tunnel connection' '$work/connector.log') = 4 ]"

port=${http##*:}
body() {
    get "$1" "http://$1:$port${2:-/}"
}
code_of() {
    get "$1" -o /dev/null -w '%{http_code}' "http://$1:$port${2:-/}"
}
same "http by name" "$(body plain.localhost)" "plain plain.localhost:$port"
same "a path pattern goes first" "$(code_of plain.localhost /admin)" 403
same "encoded it is the same path" "$(code_of plain.localhost /%61dmin)" 403
same "a way around it is refused" "$(get plain.localhost --path-as-is -o /dev/null \
    -w '%{http_code}' "http://plain.localhost:$port/x/../admin")" 400
same "another Host for the origin" "$(body host.localhost)" "plain other.example"
same "https with its CA and name" "$(body ca.localhost)" "tls origin.test"
has "https without verification" "$(body any.localhost)" "tls"
same "https with an unknown CA" "$(code_of strict.localhost)" 502
same "https with a wrong name" "$(code_of wrong.localhost)" 502
same "a unix socket" "$(body socket.localhost /p)" "socket /p"
same "the test page" "$(code_of hello.localhost /_health)" 200
same "an origin that does not shake hands" "$(code_of mute.localhost)" 504
same "an origin that is down" "$(code_of down.localhost)" 502
same "what no rule names" "$(code_of nobody.localhost)" 418

# ---- What the operator reads ---------------------------------------------------------------------

kill -TERM "$connector"
ended "$connector"
same "the end" "$code" 0
check "every line of the log is JSON" python3 -c "
import json, sys
for line in open('$work/connector.log'):
    json.loads(line)"
failures_logged=$(grep -c 'Unable to reach the origin service' "$work/connector.log")
same "one line for each failed request" "$failures_logged" 4
line=$(grep 'Unable to reach the origin service' "$work/connector.log" | tail -n 1)
has "it names the rule" "$line" '"ingressRule":10'
has "the origin" "$line" '"originService":"http://127.0.0.1:1"'
has "and the cause" "$line" 'Connection refused'
finish
