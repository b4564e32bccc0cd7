#!/bin/sh
# Names over https as tools ask for them: what the certificate of the connection is for is served,
# other names of the edge are misdirected (421), and unknown ones are unknown.
. "$(dirname "$0")/lib.sh"

# asks NAME STATUS URL-HOST CURL-ARGUMENT...: the path is the API's, which wants a token (403) under
# the edge's own names; a route without a connector says 503.
asks() {
    what=$1
    wanted=$2
    url=https://$3:${https##*:}/client/v4/accounts/none/cfd_tunnel
    shift 3
    same "$what" "$(curl -sS --max-time 20 --cacert "$ca" -o "$work/out" -w '%{http_code}' \
        --resolve "app.localhost:${https##*:}:127.0.0.1" \
        --resolve "edge.localhost:${https##*:}:127.0.0.1" "$@" "$url" 2>&1)" "$wanted"
}

edge_start
cert_make
check "a tunnel is created" "$CULVERT" tunnel create web
check "its name is routed" "$CULVERT" tunnel route dns web app.localhost

asks "the edge's name" 403 edge.localhost
asks "the edge by number, which TLS is not told" 403 127.0.0.1
asks "the edge as localhost" 403 localhost
asks "a routed name" 503 app.localhost
for version in --http1.1 --http2; do
    asks "a routed name on a connection to a number, $version" 503 127.0.0.1 \
        $version -H "Host: app.localhost"
    asks "a routed name on a connection for the edge, $version" 421 edge.localhost \
        $version -H "Host: app.localhost"
    has "and why" "$(cat "$work/out")" "SNI"
    asks "the edge on a connection for a routed name, $version" 421 app.localhost \
        $version -H "Host: edge.localhost"
    asks "another name of the same certificate, $version" 403 edge.localhost \
        $version -H "Host: 127.0.0.1"
    asks "a name that nobody routed, $version" 404 edge.localhost $version -H "Host: x.localhost"
done
has "it is counted" "$(curl -fsS "http://$(address metrics)/metrics")" \
    'culvert_edge_abuse_total{limit="misdirected"} 4'
finish
