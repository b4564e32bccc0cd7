#!/bin/sh
# One service at several addresses, health checks, the PROXY protocol and a path of a service, with
# nginx as the origins.
. "$(dirname "$0")/lib.sh"

# ---- Two origins alike, which can be stopped, and one that wants the PROXY header ----------------

origin_cert

first=$(free_port)
second=$(free_port)
named=$(free_port)
named_tls=$(free_port)
for name in first second; do
    eval "port_of=\$$name"
    nginx_start $name <<CONF
    server {
        listen 127.0.0.1:$port_of;
        location /live { return 204; }
        location / { return 200 "$name \$request_uri\n"; }
    }
CONF
    eval "${name}_pid=\$started"
done
nginx_start named <<CONF
    server {
        listen 127.0.0.1:$named proxy_protocol;
        listen 127.0.0.1:$named_tls ssl proxy_protocol;
        listen unix:$work/named.sock proxy_protocol;
        ssl_certificate $work/origin.pem;
        ssl_certificate_key $work/origin.key;
        location / { return 200 "\$proxy_protocol_addr \$proxy_protocol_server_addr \$proxy_protocol_server_port\n"; }
    }
CONF
wait_for "the first origin answers" curl -fsS "http://127.0.0.1:$first/"
wait_for "the second origin answers" curl -fsS "http://127.0.0.1:$second/"
wait_for "the third one answers to a header" curl -fsS --haproxy-protocol "http://127.0.0.1:$named/"

# ---- One connector -------------------------------------------------------------------------------

edge_start
cert_make
check "a tunnel is created" "$CULVERT" tunnel create all
check "a wildcard is routed" "$CULVERT" tunnel route dns all '*.localhost'
cat >"$HOME/.cloudflared/config.yml" <<YAML
tunnel: all
ingress:
  - hostname: two.localhost
    service: http://127.0.0.1:$first
    originRequest:
      addresses: ["127.0.0.1:$second"]
  - hostname: checked.localhost
    service: http://127.0.0.1:$first/app/
    originRequest:
      addresses: ["127.0.0.1:$second"]
      healthCheck:
        path: /live
        interval: 1s
        unhealthyAfter: 1
        healthyAfter: 1
        status: 204
  - hostname: v1.localhost
    service: http://127.0.0.1:$named
    originRequest:
      proxyProtocol: v1
  - hostname: v2.localhost
    service: https://127.0.0.1:$named_tls
    originRequest:
      proxyProtocol: v2
      originServerName: origin.test
      caPool: $work/origin.pem
  - hostname: socket.localhost
    service: unix:$work/named.sock
    originRequest:
      proxyProtocol: v2
  - service: http_status:404
YAML
check "the rules are valid" "$CULVERT" tunnel ingress validate
connector_start
port=${http##*:}
body() {
    name=$1
    shift
    get "$name" "$@" "http://$name:$port/x?q=1"
}

# ---- The PROXY header ----------------------------------------------------------------------------

same "version 1 names the visitor" "$(body v1.localhost)" "127.0.0.1 127.0.0.1 $named"
same "and another one" "$(body v1.localhost --interface 127.0.0.2)" "127.0.0.2 127.0.0.1 $named"
same "version 2, before TLS" "$(body v2.localhost --interface 127.0.0.3)" \
    "127.0.0.3 127.0.0.1 $named_tls"
same "over a socket" "$(body socket.localhost --interface 127.0.0.4)" "127.0.0.4 0.0.0.0 "
for visitor in 1 2 3 1 2 3; do
    same "nobody goes by another one's name" \
        "$(body v1.localhost --interface 127.0.0.$visitor)" \
        "127.0.0.$visitor 127.0.0.1 $named"
done

# ---- An address goes down under load -------------------------------------------------------------

metric() {
    curl -fsS "http://$metrics/metrics" | sed -n "s/^$1{rule=\"$2\"} //p"
}
# Each worker has its own opinion of the address.
is_aside() {
    [ "$(metric culvert_origin_ejected 0)" -gt 0 ]
}
is_back() {
    [ "$(metric culvert_origin_ejected 0)" = 0 ]
}
# Both answer, in turns.
both_answer() {
    for turn in 1 2 3 4 5 6 7 8; do
        body two.localhost
    done | sort -u >"$work/both"
    [ "$(cat "$work/both")" = "first /x?q=1
second /x?q=1" ]
}
check "both addresses answer" both_answer
same "the path of the service goes first" "$(body checked.localhost | cut -d' ' -f2)" "/app/x?q=1"

load() {
    while [ ! -e "$work/stop" ]; do
        get two.localhost -o /dev/null -w '%{http_code}\n' "http://two.localhost:$port/"
    done >"$work/load.$1"
}
for one in 1 2 3 4; do
    load $one &
    loads="${loads:-} $!"
done
wait_for "the load runs" test -s "$work/load.4"
kill -TERM "$second_pid"
ended "$second_pid"
wait_for "the address is put aside" is_aside
start second nginx -c "$work/second.conf"
second_pid=$started
wait_for "it comes back by itself" is_back
touch "$work/stop"
for one in $loads; do
    wait "$one"
done
same "no request was lost" "$(sort -u "$work"/load.*)" 200
check "both addresses answer again" both_answer
line=$(grep 'An address of a service is put aside' "$work/connector.log" | head -n 1)
has "the log names the rule" "$line" "ingressRule=0"
has "and the address" "$line" "address=127.0.0.1:$second"
check "and that it is back" grep -q "An address of a service is back" "$work/connector.log"

# ---- Checks --------------------------------------------------------------------------------------

# How often the log says that of the second address; and that it says so once more.
count_of() {
    grep "$1" "$work/connector.log" | grep -c "address=127.0.0.1:$second" || :
}
says_again() {
    [ "$(count_of "$1")" -gt "$before" ]
}
wait_for "it is well by the checks" sh -c "! grep 'health check\|well again' '$work/connector.log' |
    tail -n 1 | grep -q fails"
before=$(count_of "fails its health check")
kill -TERM "$second_pid"
ended "$second_pid"
wait_for "the check notices" says_again "fails its health check"
for turn in 1 2 3 4; do
    has "only the other one is asked" "$(body checked.localhost)" "first /app/x?q=1"
done
before=$(count_of "is well again")
start second nginx -c "$work/second.conf"
wait_for "the check notices that, too" says_again "is well again"
checked_both() {
    body checked.localhost | grep -q second
}
wait_for "and it is asked again" checked_both
kill -TERM "$first_pid"
ended "$first_pid"
same "all the time nobody is refused" "$(get checked.localhost -o /dev/null -w '%{http_code}' \
    "http://checked.localhost:$port/")" 200

kill -TERM "$connector"
ended "$connector"
same "the end" "$code" 0
finish
