#!/bin/sh
# --stdin-control: lines on standard input break connections, which come back; its end, or no
# standard input at all, changes nothing.
. "$(dirname "$0")/lib.sh"

edge_start
cert_make
check "a tunnel is created" "$CULVERT" tunnel create web
check "a name is routed" "$CULVERT" tunnel route dns web app.localhost
printf 'tunnel: web\ningress:\n  - service: http_status:204\n' >"$work/config.yml"

culvert=$CULVERT
mkfifo "$work/commands"
exec 9<>"$work/commands"
printf '#!/bin/sh\nSTDIN_CONTROL=true exec "%s" "$@" <"%s"\n' "$culvert" "$work/commands" \
    >"$work/culvert"
chmod +x "$work/culvert"
CULVERT=$work/culvert
connector_start --config "$work/config.yml"

# registrations COUNT: so many or more were there.
registrations() {
    [ "$(grep -c "Registered tunnel connection" "$work/connector.log")" -ge "$1" ]
}

echo help >&9
wait_for "help is given" grep -q "Supported command: reconnect" "$work/connector.log"
echo reconnect >&9
wait_for "a connection is broken" grep -q "Restarting connection" "$work/connector.log"
wait_for "and comes back" registrations 5
echo "reconnect 1s" >&9
wait_for "another one, too, after its delay" registrations 6
wait_for "four are up" four_are_up
check "requests are served" answers_are app.localhost 204

exec 9>&-
kill "$connector"
ended "$connector"
same "it ends well" "$code" 0

printf '#!/bin/sh\nexec "%s" "$@" <&-\n' "$culvert" >"$work/culvert"
connector_start --config "$work/config.yml" --stdin-control
check "without any input requests are served" answers_are app.localhost 204
kill "$connector"
ended "$connector"
same "it ends well without any input" "$code" 0
finish
