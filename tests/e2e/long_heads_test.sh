#!/bin/sh
# Answers with long heads through both binaries, in several workers of the edge: a visitor who can
# read them gets them whole, another one hears 502, and nobody else is harmed.
. "$(dirname "$0")/lib.sh"

port=$(free_port)
start origin python3 "$(dirname "$0")/long_heads_origin.py" "$port"
wait_for "the origin answers" curl -fsS -o /dev/null "http://127.0.0.1:$port/0x0"

edge_start --workers 3
cert_make
check "the tunnel is created" "$CULVERT" tunnel create web
check "its name is routed" "$CULVERT" tunnel route dns web app.localhost
printf 'ingress:\n  - service: http://127.0.0.1:%s\n' "$port" >"$work/config.yml"
connector_start --config "$work/config.yml" web

# ask URL CURL-ARGUMENT...: the status and how many bytes of head came.
ask() {
    get app.localhost -o "$work/body" -w '%{http_code} %{size_header}' "$@"
}

# at_least NAME "STATUS BYTES" WANTED-BYTES
at_least() {
    same "$1: status" "${2%% *}" 200
    if [ "${2##* }" -ge "$3" ]; then ok "$1: all of it"; else fail "$1: ${2##* } bytes"; fi
}

# curl itself takes 100 KiB a field and 300 KiB in all.
for fields in 50000x1 66000x1 99000x1 95000x2 99000x3; do
    for _ in 1 2 3; do # over several connections of the tunnel
        at_least "fields of $fields bytes" "$(ask "http://app.localhost:${http##*:}/$fields")" \
            $((${fields%x*} * ${fields#*x}))
    done
done

# raw PATH: the same of a visitor who takes any head.
raw() {
    python3 - "${http##*:}" "$1" <<'PYTHON'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
s.sendall(f"GET {sys.argv[2]} HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\n\r\n".encode())
answer = b"".join(iter(lambda: s.recv(65536), b""))
print(answer[9:12].decode(), answer.index(b"\r\n\r\n"))
PYTHON
}
at_least "a field of 500 KiB" "$(raw /512000x1)" 512000
at_least "a head of nearly 1 MiB" "$(raw /1048000x1)" 1048000

asked=$(printf '%060000d' 0)
same "a long field of a request" \
    "$(ask -H "X-Asks: $asked" "http://app.localhost:${http##*:}/0x0" | cut -d ' ' -f 1)" 200
same "it arrives whole" "$(cat "$work/body")" 60000

# libcurl's HTTP/2 is nghttp2, which would give its connection up behind a longer field.
over_h2() {
    curl -sS --http2 --max-time 20 --cacert "$ca" \
        --resolve "app.localhost:${https##*:}:127.0.0.1" -o "$work/body" -o "$work/body" \
        -w '%{http_code} %{num_connects}\n' "$@"
}
same "over HTTP/2 it is 502, on a connection that lives" \
    "$(over_h2 "https://app.localhost:${https##*:}/66000x1" \
        "https://app.localhost:${https##*:}/60000x1")" "502 1
200 0"

same "above the limit it is 502" \
    "$(ask "http://app.localhost:${http##*:}/1100000x1" | cut -d ' ' -f 1)" 502
has "the connector's log says why" "$(cat "$work/connector.log")" \
    "the head of the answer is above 1048576 bytes"
check "all connections are there" four_are_up
if grep -q "from=serving" "$work/connector.log"; then
    fail "a connection was lost on the way"
else
    ok "none was lost on the way"
fi
finish
