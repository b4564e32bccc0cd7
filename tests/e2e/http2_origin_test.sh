#!/bin/sh
# nginx as an origin that speaks HTTP/2 and ends each session after a few requests: no visitor may
# notice. Beside it one that chooses HTTP/1.1, one in clear, and a socket under TLS.
. "$(dirname "$0")/lib.sh"

both=$(free_port)
old=$(free_port)
clear=$(free_port)
origin_cert
nginx_start nginx <<CONF
    ssl_certificate $work/origin.pem;
    ssl_certificate_key $work/origin.key;
    keepalive_requests 10;
    server {
        listen 127.0.0.1:$both ssl http2;
        listen 127.0.0.1:$clear http2;
        listen unix:$work/nginx.sock ssl http2;
        location / { return 200 "\$server_protocol \$request_method \$ssl_server_name\n"; }
    }
    server {
        listen 127.0.0.1:$old ssl;
        location / { return 200 "\$server_protocol \$request_method\n"; }
    }
CONF
wait_for "nginx answers" curl -fsSk "https://127.0.0.1:$both/"

edge_start
cert_make
check "a tunnel is created" "$CULVERT" tunnel create two
check "a wildcard is routed" "$CULVERT" tunnel route dns two '*.localhost'
cat >"$work/config.yml" <<YAML
tunnel: two
originRequest:
  http2Origin: true
  originServerName: origin.test
  caPool: $work/origin.pem
ingress:
  - hostname: both.localhost
    service: https://127.0.0.1:$both
  - hostname: old.localhost
    service: https://127.0.0.1:$old
  - hostname: clear.localhost
    service: h2c://127.0.0.1:$clear
  - hostname: socket.localhost
    service: unix+tls:$work/nginx.sock
  - service: http_status:418
YAML
connector_start --config "$work/config.yml" two

port=${http##*:}
body() {
    name=$1
    shift
    get "$name" "$@" "http://$name:$port/"
}
same "an origin that chooses h2" "$(body both.localhost)" "HTTP/2.0 GET origin.test"
same "one that does not" "$(body old.localhost)" "HTTP/1.1 GET"
same "one in clear" "$(body clear.localhost)" "HTTP/2.0 GET "
same "a socket under TLS" "$(body socket.localhost)" "HTTP/2.0 GET origin.test"
same "a request with a body" "$(body both.localhost -d hello)" "HTTP/2.0 POST origin.test"

# ---- Sessions that end all the time --------------------------------------------------------------

# many HOST CURL-ARGUMENT...: 600 requests, 50 at a time; how they ended.
many() {
    name=$1
    shift
    get "$name" -Z --parallel-max 50 "$@" -o /dev/null -w '%{http_code}\n' \
        "http://$name:$port/[1-600]" 2>/dev/null | sort | uniq -c | tr -s ' '
}
for name in both clear socket; do
    same "$name: 600 requests" "$(many $name.localhost)" " 600 200"
    same "$name: 600 with a body" "$(many $name.localhost -d hello)" " 600 200"
done
check "nginx saw them as HTTP/2" \
    sh -c "[ \$(grep -c 'HTTP/2.0\" 200' '$work/nginx.access') -ge 3600 ]"

kill -TERM "$connector"
ended "$connector"
same "the connector's end" "$code" 0
finish
