#!/bin/sh
# An edge with three workers as a visitor sees it: by TLS and in clear, over HTTP/1.1 and HTTP/2, each
# connection comes to a worker that has the tunnel, and nobody notices which.
. "$(dirname "$0")/lib.sh"

edge_start --workers 3
cert_make
check "a tunnel is created" "$CULVERT" tunnel create web
check "a name is routed" "$CULVERT" tunnel route dns web app.localhost
cat >"$work/config.yml" <<YAML
tunnel: web
ingress:
  - service: http_status:204
YAML
connector_start --config "$work/config.yml"

admin=$(address metrics)
figure() {
    curl -sS "http://$admin/metrics" | sed -n "s/^$1 //p"
}

secure=$(address https)
# visit HOST CURL-ARGUMENT...: over https; prints the status.
visit() {
    host=$1
    shift
    curl -sS --max-time 20 --cacert "$ca" --resolve "$host:${secure##*:}:127.0.0.1" \
        -o "$work/page" -w '%{http_code}' "$@" "https://$host:${secure##*:}/"
}

for version in --http1.1 --http2; do
    for _ in 1 2 3 4; do
        same "https $version" "$(visit app.localhost $version)" 204
    done
done
same "eight came by their name in TLS" "$(figure 'culvert_edge_handovers_total{reason="tunnel"}')" 8
same "the edge itself" "$(visit edge.localhost)" 404
has "is found" "$(cat "$work/page")" "Culvert edge"
same "who offers no name gets the edge's own certificate" \
    "$(curl -sS --max-time 20 --cacert "$ca" -o /dev/null -w '%{http_code}' "https://127.0.0.1:${secure##*:}/")" 404

# A route that was answered is a route in every worker.
for n in 1 2 3 4 5 6; do
    check "r$n is routed" "$CULVERT" tunnel route dns web "r$n.localhost"
    same "and served in clear" "$(get "r$n.localhost" -o /dev/null -w '%{http_code}' "http://r$n.localhost:${http##*:}/")" 204
    same "and by TLS" "$(visit "r$n.localhost")" 204
done

# HTTP/2 with prior knowledge packs the name: any worker, and a way from there.
for _ in 1 2 3; do
    same "HTTP/2 in clear" "$(get app.localhost --http2-prior-knowledge -o /dev/null -w '%{http_code}' \
        "http://app.localhost:${http##*:}/")" 204
done

kill -TERM "$edge"
ended "$edge"
same "the edge stops" "$code" 0
finish
