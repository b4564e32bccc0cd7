#!/bin/sh
# Settings have their effect wherever they come from: flags, variables, the configuration file.
. "$(dirname "$0")/lib.sh"

four_are_up() {
    curl -fsS "http://$metrics/ready?min=2"
}

edge_start
cert_make
check "a tunnel is created" "$CULVERT" tunnel create web
check "a name is routed" "$CULVERT" tunnel route dns web app.localhost
check "another name is routed" "$CULVERT" tunnel route dns web own.localhost

# effects NAME ADDRESS TAGS: of the settings that the rounds below have in common.
effects() {
    same "$1: the pid file has the process" "$(cat "$work/pid")" "$connector"
    has "$1: there is a log of JSON" "$(cat "$work"/logs/*)" '"message":"Registered tunnel'
    has "$1: connections come from the address" \
        "$("$CULVERT" tunnel list --output json)" "\"origin_ip\": \"$2\""
    same "$1: there are as many as were asked for" \
        "$(curl -sS "http://$metrics/ready" | sed -n 's/.*"readyConnections":\([0-9]*\).*/\1/p')" 2
    same "$1: the origin gets the tags" \
        "$(get app.localhost "http://app.localhost:${http##*:}/")" "$3"
    same "$1: no rule serves the connector's own name" \
        "$(get own.localhost -o /dev/null -w '%{http_code}' "http://own.localhost:${http##*:}/")" 400
    kill "$connector"
    ended "$connector"
    same "$1: it ends well" "$code" 0
    check "$1: the pid file is gone" test ! -e "$work/pid"
    rm -rf "$work/logs"
    wait_for "$1: the edge knows" sh -c \
        "! '$CULVERT' tunnel list --output json | grep -q origin_ip"
}

at=$(free_port)
nginx_start origin <<CONF
server { listen 127.0.0.1:$at; return 200 "\$http_cf_warp_tag_color \$http_cf_warp_tag_shape"; }
CONF
wait_for "nginx answers" curl -fsS "http://127.0.0.1:$at/"
rules="tunnel: web
ingress:
  - service: http://127.0.0.1:$at"

printf '%s\nha-connections: 3\npidfile: %s/none\n' "$rules" "$work" >"$work/config.yml"
export TUNNEL_EDGE_BIND_ADDRESS=127.0.0.9 TUNNEL_TAG=color=none
mkdir "$work/logs"
connector_start --config "$work/config.yml" --ha-connections 2 --pidfile "$work/pid" \
    --logfile "$work/logs/log" --edge-bind-address 127.0.0.2 --tag color=blue --tag shape=round \
    --management-hostname own.localhost
effects "flags" 127.0.0.2 "blue round"
unset TUNNEL_EDGE_BIND_ADDRESS TUNNEL_TAG

printf '%s\nha-connections: 2\npidfile: %s/none\ntag: [color=none]\n' "$rules" "$work" \
    >"$work/config.yml"
export TUNNEL_PIDFILE="$work/pid" TUNNEL_LOGDIRECTORY="$work/logs" TUNNEL_TAG=color=red,shape=flat \
    TUNNEL_EDGE_BIND_ADDRESS=127.0.0.3 TUNNEL_MANAGEMENT_HOSTNAME=own.localhost
connector_start --config "$work/config.yml"
effects "variables" 127.0.0.3 "red flat"
unset TUNNEL_PIDFILE TUNNEL_LOGDIRECTORY TUNNEL_TAG TUNNEL_EDGE_BIND_ADDRESS \
    TUNNEL_MANAGEMENT_HOSTNAME

cat >"$work/config.yml" <<YML
$rules
ha-connections: 2
pidfile: $work/pid
log-directory: $work/logs
tag: [color=green, shape=long]
edge-bind-address: 127.0.0.4
management-hostname: own.localhost
YML
connector_start --config "$work/config.yml"
effects "the file" 127.0.0.4 "green long"

finish
