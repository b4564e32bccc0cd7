#!/bin/sh
# A disk that is full under the edge's state, in a mount namespace of our own; then files that may
# not grow. What cannot be stored is refused, nothing is lost, visitors go on, and with room again all
# works again.
if [ -z "${FULL_DISK_INSIDE:-}" ]; then
    FULL_DISK_INSIDE=1
    export FULL_DISK_INSIDE
    if unshare -m true 2>/dev/null; then
        exec unshare -m sh "$0"
    fi
    if unshare -rm true 2>/dev/null; then
        exec unshare -rm sh "$0"
    fi
    exit 77
fi
. "$(dirname "$0")/lib.sh"

mkdir -p "$state"
mount -t tmpfs -o size=2m,mode=0700 none "$state" || exit 77
clean_up_all() {
    umount -l "$state" 2>/dev/null || :
    clean_up
}
trap clean_up_all EXIT

edge_start
cert_make
check "a tunnel is created" "$CULVERT" tunnel create first
check "a name is routed" "$CULVERT" tunnel route dns first app.localhost
connector_start --hello-world first

served() {
    get app.localhost -o /dev/null -w '%{http_code}' "http://app.localhost:${http##*:}/_health"
}
names() {
    "$CULVERT" tunnel list --output json | tr ',' '\n' | sed -n 's/.*"name": *"\([^"]*\)".*/\1/p' |
        sort | tr '\n' ' '
}

# ---- No room ---------------------------------------------------------------------------------------

dd if=/dev/zero of="$state/fill" bs=4096 2>"$work/dd" || :
has "the disk is full" "$(cat "$work/dd")" "No space left"
status "a tunnel is refused" 1 "$CULVERT" tunnel create second
same "and the error is one line" "$(wc -l <"$work/err")" 1
status "a route is refused" 1 "$CULVERT" tunnel route dns first more.localhost
same "what was there is there" "$(names)" "first "
same "visitors are served" "$(served)" 200
check "the edge lives" kill -0 "$edge"

# ---- Room again ------------------------------------------------------------------------------------

rm "$state/fill"
check "the tunnel is created now" "$CULVERT" tunnel create second
check "the name is routed now" "$CULVERT" tunnel route dns first more.localhost
same "both are there" "$(names)" "first second "
kill -TERM "$connector"
ended "$connector"
kill -TERM "$edge"
ended "$edge"
same "the edge ends in good order" "$code" 0

# ---- Files that may not grow -----------------------------------------------------------------------

# In units of 512 bytes. The store's log of changes grows with each of them until it is too long.
(
    ulimit -f 600
    exec "$CULVERT" edge run --dev --state-dir "$state" --tunnel 127.0.0.1:0 --http 127.0.0.1:0 \
        --https 127.0.0.1:0 --metrics 127.0.0.1:0 >/dev/null 2>"$work/edge.log"
) &
edge=$!
pids="$pids $edge"
limited_is_ready() {
    grep -q "\"pid\":$edge\b" "$state/run.json" && edge_is_ready
}
wait_for "the edge is ready within its limit" limited_is_ready
cert_again() {
    rm -f "$HOME/.cloudflared/cert.pem"
    cert_make
}
cert_again
made=2
tries=0
while [ $tries -lt 200 ] && "$CULVERT" tunnel create "more-$tries" >"$work/out" 2>"$work/err"; do
    made=$((made + 1))
    tries=$((tries + 1))
done
check "at some time a tunnel is refused" test $tries -lt 200
check "the edge lives and answers" "$CULVERT" tunnel list
kill -TERM "$edge"
ended "$edge"
same "and ends in good order" "$code" 0
edge_start
cert_again
same "all that was made is there" "$(names | wc -w | tr -d ' ')" "$made"
check "and more can be made" "$CULVERT" tunnel create last
kill -TERM "$edge"
ended "$edge"
finish
