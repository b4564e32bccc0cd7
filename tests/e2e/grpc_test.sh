#!/bin/sh
# gRPC with a peer of its own, through edge and connector, to an origin in clear (h2c://) and one
# over TLS (https with http2Origin); the client speaks TLS, or HTTP/2 in clear with prior knowledge.
# Both ends have two workers, so that calls cross between them.
. "$(dirname "$0")/lib.sh"

# Debian's, which has the package python3-grpcio.
peer() {
    GRPC_VERBOSITY=NONE /usr/bin/python3 "$(dirname "$0")/grpc_peer.py" "$@"
}
peer_in_background() {
    start "$1" env GRPC_VERBOSITY=NONE /usr/bin/python3 "$(dirname "$0")/grpc_peer.py" serve "$2"
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=origin \
    -addext 'subjectAltName=DNS:origin.test' -keyout "$work/origin.key" -out "$work/origin.pem" \
    2>/dev/null
peer_in_background origin "$work"
origin=$started
wait_for "the server runs" test -s "$work/ports" || cat "$work/origin.log"
read -r clear secure <"$work/ports"

# asks WHAT NAME PORT [CA]: everything the peer has.
asks() {
    peer ask "$@" >"$work/asked" 2>&1 || failures=$((failures + 1))
    cat "$work/asked"
}

edge_start --workers 2
cert_make
check "a tunnel is created" "$CULVERT" tunnel create calls
check "a wildcard is routed" "$CULVERT" tunnel route dns calls '*.localhost'
cat >"$work/config.yml" <<YAML
tunnel: calls
ingress:
  - hostname: clear.localhost
    service: h2c://127.0.0.1:$clear
  - hostname: secure.localhost
    service: https://127.0.0.1:$secure
    originRequest:
      http2Origin: true
      originServerName: origin.test
      caPool: $work/origin.pem
  - hostname: down.localhost
    service: h2c://127.0.0.1:1
  - service: http_status:418
YAML
connector_start --workers 2 --config "$work/config.yml" calls

asks "TLS to h2c" clear.localhost "${https##*:}" "$ca"
asks "TLS to https" secure.localhost "${https##*:}" "$ca"
asks "clear to h2c" clear.localhost "${http##*:}"

# ---- What is no gRPC -----------------------------------------------------------------------------

same "an origin that is down" \
    "$(get down.localhost -o /dev/null -w '%{http_code}' "http://down.localhost:${http##*:}/")" 502
kill -TERM "$origin"
ended "$origin"
same "one that went away" \
    "$(get clear.localhost -o /dev/null -w '%{http_code}' "http://clear.localhost:${http##*:}/")" 502
rm "$work/ports"
kill -TERM "$connector"
ended "$connector"
same "the connector's end" "$code" 0
finish
