#!/bin/sh
# packaging/demo.sh with the binary under test: it shows the page, gives way where a port is taken,
# serves the user's own server, and leaves neither a process nor a file behind.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)

place=$(mktemp -d)
helper=
# Nothing of this test outlives it, whatever happens.
trap '[ -z "$helper" ] || kill "$helper" 2>/dev/null || :; rm -rf "$place"' EXIT
mkdir "$place/tmp"

fail() {
    echo "not true: $1"
    cat "$place/out"
    exit 1
}

# Runs the demo with its temporary files in a place of our own.
demo() {
    # What the user has set for tunnels of his own must not reach the demo.
    TMPDIR=$place/tmp TUNNEL_TOKEN=mine http_proxy=http://127.0.0.1:9 CULVERT=$CULVERT \
        sh "$root/packaging/demo.sh" "$@" >"$place/out" 2>&1
}

nothing_is_left() {
    [ -z "$(ls -A "$place/tmp")" ] || fail "no file is left"
    # Both processes have the temporary directory in their environment.
    left=$(grep -l -s -z -F "HOME=$place/tmp/" /proc/[0-9]*/environ || :)
    [ -z "$left" ] || fail "no process is left: $left"
}

# A server on a port of the system's choice that answers with one line; prints its port.
cat >"$place/server.py" <<'END'
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b"the user's own server\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer)
print(server.server_address[1], flush=True)
server.serve_forever()
END

# Starts it on the port given and waits until it listens; false: it has ended.
serve() {
    python3 "$place/server.py" "$1" >"$place/port" 2>/dev/null &
    helper=$!
    until [ -s "$place/port" ]; do
        kill -0 "$helper" 2>/dev/null || return 1
        sleep 0.1
    done
}

# 1. The test page.
demo --once || fail "the demo ends with 0"
grep -q '^< HTTP/1.1 200' "$place/out" || fail "the answer is shown"
grep -q '^> GET / HTTP/1.1' "$place/out" || fail "the request is shown"
grep -q '^== Up at http://demo.localhost:[0-9]*/$' "$place/out" || fail "the address is shown"
nothing_is_left

# 2. The user's own server, while the usual port for visitors is taken (by it, if it was free).
serve 8080 || serve 0 || fail "a server for the test can be started"
demo --once --url "http://127.0.0.1:$(cat "$place/port")" || fail "the demo with --url ends with 0"
grep -q "^the user's own server" "$place/out" || fail "the user's own server answers"
grep -q '^Port 8080 is taken, ' "$place/out" || fail "it says that it took another port"
nothing_is_left

# 3. Without --once it stays until it is interrupted.
TMPDIR=$place/tmp CULVERT=$CULVERT setsid sh "$root/packaging/demo.sh" >"$place/out" 2>&1 &
running=$!
tries=300
until grep -q 'Ctrl-C ends it' "$place/out" 2>/dev/null; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { kill "$running"; fail "it comes up"; }
    sleep 0.1
done
kill -TERM "$running"
status=0
wait "$running" || status=$?
[ $status = 143 ] || fail "it ends by the signal, not with $status"
nothing_is_left
echo "the demo does what it says"
