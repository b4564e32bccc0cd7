#!/bin/sh
# Culvert's connector in front of edgeload, an edge and load generator that shares no code with it:
# started with the command line that edgeload's manual gives for the peer, under load and under
# attack. Prints checks and, at the end, the figures.
#
#   EDGELOAD=DIR sh tests/peer/edgeload.sh             DIR holds the programs edgeload and origin
#   EDGELOAD=DIR sh tests/peer/edgeload.sh get reset   some of the workloads
#
# CULVERT names the binary, LOAD_SECONDS how long each of the workloads that are measured runs (3),
# LOAD_MIB the size of transfers (256), LOAD_RESETS how many requests are reset (100,000), LOAD_IDLE
# how many WebSockets are held (10,000).
. "$(dirname "$0")/lib.sh"
: "${EDGELOAD:?names the directory that holds edgeload and origin}"
EDGELOAD=$(absolute EDGELOAD "$EDGELOAD")
seconds=${LOAD_SECONDS:-3}
bytes=$((${LOAD_MIB:-256} * 1024 * 1024))
resets=${LOAD_RESETS:-100000}
idle=${LOAD_IDLE:-10000}

cd "$work" || exit
cat >config.yml <<'YAML'
tunnel: c0ffee00-1234-4567-89ab-0123456789ab
credentials-file: cred.json
ingress:
  - service: http://127.0.0.1:8000
YAML
cat >cred.json <<'JSON'
{"AccountTag":"0123456789abcdef0123456789abcdef","TunnelID":"c0ffee00-1234-4567-89ab-0123456789ab",
 "TunnelSecret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}
JSON
chmod 400 cred.json
cat >connector.sh <<'SH'
#!/bin/sh
n=$1; shift; e=""
for i in $(seq $n); do e="$e --edge 127.0.0.1:7844"; done
exec "$CULVERT" --config config.yml --no-autoupdate tunnel --no-prechecks $e --ha-connections $n \
    --protocol http2 --cacert certs/ca.pem --metrics 127.0.0.1:0 "$@" run >connector.log 2>&1
SH
chmod 755 connector.sh
: >figures

# load TITLE OPTION...: one run with a fresh connector; its result is in the file `result`.
connections=4
load() {
    title=$1
    shift
    "$EDGELOAD/edgeload" --connections $connections "$@" -- ./connector.sh $connections \
        >result 2>events || {
        fail "$title: edgeload ended with $?"
        tail -n 3 events connector.log | sed 's/^/#   /'
    }
    [ ! -s result ] || printf '%s\t%s\n' "$title" "$(cat result)" >>figures
}

# holds NAME EXPRESSION: of the members of the result.
holds() {
    check "$title: $1" python3 -c '
import json, sys
members = json.load(open("result"))
sys.exit(0 if eval(sys.argv[1], {"__builtins__": {"all": all, "len": len}}, members) else
         "not so: " + sys.argv[1] + "\nresult: " + json.dumps(members)[:600])' "$2"
}

# The connector was asked to end and did, in good order.
ends_well() {
    check "$title: SIGTERM ends the connector with 0" grep -q '"event":"exited".*"code":0,' events
}

# ---- Workloads that measure ----------------------------------------------------------------------

try_get() {
    for count in 1 64 512; do
        load "get, $count in flight" --workload get --concurrency $count --seconds "$seconds"
        holds "every request is answered" 'errors == {} and done > 100'
        ends_well
    done
}

try_download() {
    load "download" --workload download --path "/bytes/$bytes" --bytes "$bytes" --requests 1
    holds "it is whole" 'errors == {} and done == 1'
    load "download, chunked" --workload download --path "/chunked/$bytes" --bytes "$bytes" \
        --requests 1
    holds "it is whole" 'errors == {} and done == 1'
    load "16 downloads" --workload download --path /bytes/16777216 --bytes 16777216 --requests 64 \
        --concurrency 16
    holds "all are whole" 'errors == {} and done == 64'
    ends_well
}

try_upload() {
    load "upload" --workload upload --bytes "$bytes" --requests 1
    holds "it is taken" 'errors == {} and done == 1'
    load "16 uploads" --workload upload --bytes 16777216 --requests 64 --concurrency 16
    holds "all are taken" 'errors == {} and done == 64'
    ends_well
}

try_idle() {
    load "idle" --workload none --seconds 2
    load "1000 requests that wait" --workload idle --kind get --path /hang --concurrency 1000 \
        --seconds 2
    holds "all wait, and others are served" 'open_at_end == 1000 and probe_status == 200'
    ends_well
}

try_ws() {
    for size in 64 65536; do
        load "ws, 64 streams, $size B" --workload ws --concurrency 64 --size $size \
            --seconds "$seconds"
        holds "every message comes back" 'errors == {} and done > 100'
        ends_well
    done
}

try_idle_ws() {
    load "$idle WebSockets" --workload idle --kind ws --concurrency "$idle" --seconds 3 --wait 60
    holds "all stay open, and others are served" "open_at_end == $idle and probe_status == 200"
    holds "each in 8 kB at most" 'bytes_per_stream < 8192'
    ends_well
}

# Flows into the private network: raw bytes to the origin's second port.
try_tcp() {
    load "tcp, 64 streams of 64 B" --workload tcp --concurrency 64 --size 64 --seconds "$seconds"
    holds "every byte comes back" 'errors == {} and done > 1000'
    holds "8 ms of CPU for 1000 messages" 'connector["cpu_ms_per_1000"] <= 8'
    load "tcp, 64 streams of 64 KiB" --workload tcp --concurrency 64 --size 65536 \
        --seconds "$seconds"
    holds "every byte comes back" 'errors == {} and done > 100'
    holds "107 ms of CPU for 1000 messages" 'connector["cpu_ms_per_1000"] <= 107'
    ends_well
    load "tcp, 5000 idle streams" --workload idle --kind tcp --concurrency 5000 --seconds 2
    holds "all stay, at 8 kB each" 'open_at_end == 5000 and bytes_per_stream <= 8192'
    ends_well
}

# ---- Streams that do not move --------------------------------------------------------------------

try_slow() {
    load "64 slow readers" --workload slow --concurrency 64 --path /bytes/67108864 \
        --bytes 67108864 --seconds 6
    holds "others are served all the while" 'errors == {} and probes > 5 and probe_after == 200'
    holds "their bytes do not pile up" 'connector["rss_kb_peak"] < 65536'
    ends_well
}

try_stall() {
    load "4 stalled uploads" --workload stall --concurrency 4 --path /stall --bytes 67108864 \
        --seconds 6
    holds "uploads beside them are served" 'errors == {} and probes > 5 and probe_after == 200'
    ends_well
}

# ---- Attacks -------------------------------------------------------------------------------------

# Not served in time is not dead: the requests before may still be in the queues of the kernel, or the
# origin could not be dialed for want of ports.
tell_why_late() {
    echo "# not all served within the wait; dials without a free port:" \
        "$(grep -c 'Cannot assign requested address' connector.log || :); seconds and CPU seconds:" \
        "$(sed -n 's/.*"seconds":\([0-9.]*\),.*"cpu_s":\([0-9.]*\),.*/\1, \2/p' result)"
}

try_reset() {
    load "$resets resets" --workload reset --requests "$resets" --concurrency 100 --wait 60
    holds "it goes on serving" \
        'alive and connections_serving == 4 and times_without_connection == 0'
    holds "in bounded memory" 'rss_kb_peak < 65536'
    grep -q '"connections_serving":4,' result || tell_why_late
    ends_well
}

try_malformed() {
    load "malformed" --workload malformed --wait 40
    holds "it serves after each case" 'survived and failed == 0 and tried >= 71'
    holds "its connections come back" 'all(c["registered"] == 4 for c in cases)'
    ends_well
    # A control stream that breaks costs its connection, which is back within two seconds; the case
    # itself is given 1.5 seconds to settle.
    connections=2
    for case in rpc-null-root rpc-empty-message rpc-root-outside rpc-far-to-itself \
        rpc-segment-count rpc-segment-size control-abort control-end control-reset; do
        load "$case" --workload malformed --wait 4 --only $case
        holds "the connection comes back" \
            'survived and cases[0]["registered"] == 2 and cases[0]["ms"] < 3500'
    done
    connections=4
}

# ---- Registration --------------------------------------------------------------------------------

try_registration() {
    for answer in dup retry unauthorized exception canceled abort odd end drop silent; do
        load "first registration: $answer" --answer $answer --answer-times 1 --wait 15 \
            --workload none --seconds 0.1
        holds "it is tried again" 'connections == 4'
        ends_well
    done
    title="refused for good"
    "$EDGELOAD/edgeload" --connections 4 --answer permanent --wait 10 -- ./connector.sh 4 \
        >result 2>events || :
    check "$title: the connector ends with 1" grep -q '"event":"exited".*"code":1,' events
    has "$title: and with the cause" "$(tail -n 1 connector.log)" "tunnel was deleted"
}

try_shutdown() {
    load "shutdown" --workload shutdown --concurrency 16 --path /sleep/2000
    holds "requests in flight are finished" 'errors == {} and done == 16'
    holds "and nothing is waited for after them" 'seconds < 4'
    ends_well
}

# Rules that the edge pushes take the place of the file's.
try_config() {
    printf '{"version":7,"config":{"ingress":[{"service":"http_status:204"}]}}' >push.json
    load "a pushed configuration" --remote --config push.json --workload get --seconds 1
    check "$title: it is taken" grep -q \
        '"event":"config".*lastAppliedVersion[^0-9]*7,.*err[^a-z]*null' events
    holds "every request goes by it" 'done == 0 and len(errors) == 1 and errors["status_204"] > 100'
    ends_well
    printf '{"version":8,"config":{"ingress":[{"service":"nonsense"}]}}' >push.json
    title="a pushed configuration that is wrong"
    "$EDGELOAD/edgeload" --connections 4 --config push.json --workload none --seconds 1 -- \
        ./connector.sh 4 >result 2>events || :
    check "$title: it is refused, with words" grep -q \
        '"event":"config".*lastAppliedVersion[^0-9]*-1,.*message' events
}

# ---- All of it -----------------------------------------------------------------------------------

start origin "$EDGELOAD/origin" 8000 9001
[ $# -gt 0 ] || set -- get download upload idle ws idle_ws tcp slow stall reset malformed registration \
    shutdown config
for workload; do
    "try_$workload"
done

python3 - <<'PYTHON'
import json
print("\n%-28s %10s %9s %9s %9s %9s %8s" % (
    "", "done", "per s", "ms/1000", "s/GiB", "RSS MB", "p99 ms"))
for line in open("figures"):
    title, result = line.split("\t")
    r = json.loads(result)
    c = r.get("connector") or r
    if "rss_kb_peak" in c and "registration" not in title:
        print("%-28s %10s %9s %9s %9s %9.1f %8s" % (
            title, r.get("done", ""), r.get("per_s", ""), c.get("cpu_ms_per_1000", ""),
            c.get("cpu_s_per_gib", ""), c["rss_kb_peak"] / 1024,
            r["latency_us"]["p99"] / 1000 if "latency_us" in r else ""))
PYTHON
finish
