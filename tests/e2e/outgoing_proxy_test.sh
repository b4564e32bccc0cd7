#!/bin/sh
# The proxies of the environment on the way to origins: whole targets for http, CONNECT for https,
# neither for loopback nor for what NO_PROXY names.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)

plain=$(free_port)
tls=$(free_port)
origin_cert
nginx_start nginx <<CONF
    server {
        listen 127.0.0.1:$plain;
        location / { return 200 "plain \$http_host \$request_uri\n"; }
    }
    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate $work/origin.pem;
        ssl_certificate_key $work/origin.key;
        location / { return 200 "tls \$http_host \$ssl_server_name\n"; }
    }
CONF
wait_for "nginx answers" curl -fsS "http://127.0.0.1:$plain/"
proxy=$(free_port)
start proxy python3 "$here/proxy.py" "$proxy"
wait_for "the proxy answers" curl -fsS --proxy "http://127.0.0.1:$proxy" \
    --noproxy '' "http://127.0.0.1:$plain/"

edge_start
cert_make
check "a tunnel is created" "$CULVERT" tunnel create all
check "a wildcard is routed" "$CULVERT" tunnel route dns all '*.localhost'
cat >"$HOME/.cloudflared/config.yml" <<YAML
tunnel: all
ingress:
  - hostname: plain.localhost
    service: http://origin.test:$plain/base
  - hostname: tls.localhost
    service: https://origin.test:$tls
    originRequest:
      caPool: $work/origin.pem
  - hostname: near.localhost
    service: http://127.0.0.1:$plain
  - hostname: straight.localhost
    service: http://straight.test:$plain
  - service: http_status:404
YAML
# Only the connector has them.
HTTP_PROXY="http://us%65r:secret@127.0.0.1:$proxy"
https_proxy="127.0.0.1:$proxy"
NO_PROXY=".nowhere.test, straight.test"
export HTTP_PROXY https_proxy NO_PROXY
connector_start
unset HTTP_PROXY https_proxy NO_PROXY

port=${http##*:}
body() {
    get "$1" "http://$1:$port/x?q=1"
}
asked() {
    tail -n 1 "$work/proxy.log"
}
same "http by the proxy" "$(body plain.localhost)" "plain plain.localhost:$port /base/x?q=1"
same "with the origin's address and the proxy's user" "$(asked)" \
    "GET http://origin.test:$plain/base/x?q=1 Basic dXNlcjpzZWNyZXQ="
same "https by the proxy" "$(body tls.localhost)" "tls tls.localhost:$port origin.test"
same "which connects to the origin" "$(asked)" "CONNECT origin.test:$tls -"
lines=$(wc -l <"$work/proxy.log")
same "loopback goes straight" "$(body near.localhost)" "plain near.localhost:$port /x?q=1"
same "a name of NO_PROXY is looked up here" "$(get straight.localhost -o /dev/null \
    -w '%{http_code}' "http://straight.localhost:$port/")" 502
same "the proxy saw neither" "$(wc -l <"$work/proxy.log")" "$lines"
if grep -q secret "$work/connector.log"; then
    fail "the log tells the password"
fi

kill -TERM "$connector"
ended "$connector"
same "the end" "$code" 0
HTTPS_PROXY=socks5://127.0.0.1:$proxy
export HTTPS_PROXY
status "a proxy that nobody speaks to is refused" 1 "$CULVERT" tunnel --metrics 127.0.0.1:0 run
has "with a sentence" "$(cat "$work/err")" "is not http://"
finish
