#!/bin/sh
# --watch: the rules follow the file, however it is written; what is half written or wrong changes
# nothing and is told once, with the place; a request that runs keeps its rules.
. "$(dirname "$0")/lib.sh"

edge_start
cert_make
check "a tunnel is created" "$CULVERT" tunnel create web
check "a name is routed" "$CULVERT" tunnel route dns web app.localhost

waiting_origin

# As a ConfigMap is mounted: config.yml -> ..data/config.yml, ..data -> a directory that is turned.
etc=$work/etc
mkdir -p "$etc/..one"
ln -s ..one "$etc/..data"
ln -s ..data/config.yml "$etc/config.yml"

# rules SERVICE: a file with one rule, on stdout.
rules() {
    printf 'tunnel: web\ningress:\n  - service: %s\n' "$1"
}

rules "http://127.0.0.1:$port" >"$etc/..one/config.yml"
connector_start --config "$etc/config.yml" --workers 2 --watch
has "the log says that the file is followed" "$(cat "$work/connector.log")" "are followed"
get app.localhost "http://app.localhost:${http##*:}/waits" >"$work/running" &
running=$!
wait_for "a request is at the origin" sh -c \
    "curl -fsS http://$metrics/metrics | grep -q '^culvert_streams_active{kind=\"http\"} 1'"

mkdir "$etc/..two"
rules http_status:201 >"$etc/..two/config.yml"
ln -s ..two "$etc/..tmp"
mv -T "$etc/..tmp" "$etc/..data"
rm -r "$etc/..one"
wait_for "a link that is turned is followed" answers_are app.localhost 201
: >"$work/go"
wait $running
same "a request that ran kept its rules" "$(cat "$work/running")" whole

rules http_status:202 >"$etc/..two/config.yml"
wait_for "a file that is written in place is followed" answers_are app.localhost 202

rules http_status:203 >"$etc/config.yml.new"
mv "$etc/config.yml.new" "$etc/config.yml"
wait_for "a file that is renamed over is followed" answers_are app.localhost 203

# A writer that rests in the middle of it.
(
    printf 'tunnel: web\n'
    sleep 0.5
    printf 'ingress:\n  - service: http_status:204\n'
) >"$etc/config.yml"
wait_for "a file that is written in two steps is followed" answers_are app.localhost 204
same "half of it was not looked at" "$(grep -c "not changed" "$work/connector.log")" 0

# Half a file that its writer closed: a whole one, without rules.
printf 'tunnel: web\n' >"$etc/config.yml"
wait_for "half of a file is refused" logged "not changed" 1
printf 'ingress:\n  - service: http_status:205\n' >>"$etc/config.yml"
wait_for "the other half is followed" answers_are app.localhost 205

rm "$etc/config.yml"
wait_for "a file that is gone is told" logged "not changed" 2
check "and changes nothing" answers_are app.localhost 205
rules http_status:206 >"$etc/config.yml"
wait_for "a file that was made again is followed" answers_are app.localhost 206

rules http_status:many >"$etc/config.yml"
wait_for "a bad file is refused" logged "not changed" 3
has "with file, line and column" "$(grep "not changed" "$work/connector.log" | tail -n 1)" \
    "config.yml:3:14: "
touch "$etc/config.yml"
rules http_status:many >"$etc/config.yml"
rules http_status:207 >"$etc/config.yml.new"
mv "$etc/config.yml.new" "$etc/config.yml"
wait_for "a good one after it is followed" answers_are app.localhost 207
same "what was wrong was told once" "$(grep -c "not changed" "$work/connector.log")" 3
applied=$(grep -c "were read again" "$work/connector.log")
touch "$etc/config.yml"
rules http_status:207 >"$etc/config.yml"
rules http_status:208 >"$etc/config.yml"
wait_for "the last one is followed" answers_are app.localhost 208
same "what did not change was not read" "$(grep -c "were read again" "$work/connector.log")" \
    $((applied + 1))

kill "$connector"
ended "$connector"
same "it ends well" "$code" 0
finish
