#!/bin/sh
# What a tunnel carries over a distance: edge and visitor in one network namespace, connector and
# origin in another, between them bench-relay with 50 ms each way. Prints Markdown. Needs root.
#
#   sh tests/bench/distance.sh
#   CLOUDFLARED=FILE sh tests/bench/distance.sh    the peer's connector beside ours
#
# DELAY_MS (50) is one way; BENCH_SECONDS (6) each transfer is measured, after WARM_UP (4), in which
# cubic finds the rate. RATE_MBIT bounds the line (none). See lib.sh for the rest.
. "$(dirname "$0")/lib.sh"

BENCH_SECONDS=${BENCH_SECONDS:-6}
BENCH_ROUNDS=${BENCH_ROUNDS:-3}
WARM_UP=${WARM_UP:-4}
DELAY_MS=${DELAY_MS:-50}
BUFFERS=33554432
near=culvert-edge-$$
far=culvert-origin-$$

[ "$(id -u)" -eq 0 ] || give_up "network namespaces need root: sudo sh $0"
need ip iproute2
need nft nftables
[ -c /dev/net/tun ] || give_up "there is no /dev/net/tun: modprobe tun"

# Namespaces may choose only what the machine allows to all; what was allowed is set again.
allowed=$(sysctl -n net.ipv4.tcp_allowed_congestion_control)
sysctl -q -w net.ipv4.tcp_allowed_congestion_control="$allowed cubic" ||
    give_up "this kernel has no cubic: modprobe tcp_cubic"

clean_up_more() {
    sysctl -q -w net.ipv4.tcp_allowed_congestion_control="$allowed"
    ip netns del "$near" 2>/dev/null || :
    ip netns del "$far" 2>/dev/null || :
}

# ---- Two places and the way between them ------------------------------------------------------------

# place NAMESPACE ADDRESS: 198.18.0.0/15 is for measuring (RFC 2544).
place() {
    ip -n "$1" link set lo up
    ip -n "$1" addr add "$2/24" dev way
    ip -n "$1" link set way txqueuelen 20000 up
    ip netns exec "$1" sysctl -q -w net.ipv4.tcp_congestion_control=cubic \
        "net.ipv4.tcp_rmem=4096 131072 $BUFFERS" "net.ipv4.tcp_wmem=4096 65536 $BUFFERS" \
        net.ipv4.tcp_no_metrics_save=1
}

# lose PERCENT: of what arrives at either end from now on.
lose() {
    for loser in "$near" "$far"; do
        ip netns exec "$loser" nft flush ruleset
        [ "$1" -gt 0 ] || continue
        ip netns exec "$loser" nft -f - <<END || give_up "nft cannot drop at random here"
table ip bench {
    chain input {
        type filter hook input priority 0
        iifname "way" numgen random mod 100 < $1 drop
    }
}
END
    done
}

ip netns add "$near"
ip netns add "$far"
start relay "$bench_relay" --delay-ms "$DELAY_MS" --rate-mbit "${RATE_MBIT:-0}" way "$near" "$far"
relay=$started
wait_for relay grep -q ready "$work/relay.log"
place "$near" 198.18.0.1
place "$far" 198.18.0.2

# ---- Transfers ----------------------------------------------------------------------------------------

# Bytes of uploads that reached the origin, and the seconds of now.
taken() {
    echo "$(ip netns exec "$far" curl -fsS "http://$origin_at/taken") $(date +%s.%N)"
}

# transfer CELL WAY CONNECTIONS [OPTION...] URL: keeps Mbit/s, as they arrive where they go.
transfer() {
    cell=$1
    way=$2
    visitors=$3
    shift 3
    ip netns exec "$near" "$bench_load" --seconds "$BENCH_SECONDS" --warm-up "$WARM_UP" \
        --connections "$visitors" --process relay="$relay" "$@" \
        >"$work/figures" 2>"$work/load.log" &
    transferring=$!
    sleep "$WARM_UP"
    before=$(taken)
    sleep "$BENCH_SECONDS"
    after=$(taken)
    wait "$transferring" || cat "$work/load.log" >&2
    if [ "$way" = down ]; then
        keep "$cell" "$(figure down_mbit_s)"
    else
        keep "$cell" "$(echo "$before $after" | awk '{ print ($3 - $1) * 8 / 1e6 / ($4 - $2) }')"
    fi
    for process in edge connector relay; do
        [ -n "$(figure cores $process)" ] || continue
        keep "$cell.$process" "$(figure cores $process)"
        keep "$cell.$process-rss" "$(figure peak_kib $process | awk '{ print $1 / 1024 }')"
    done
}

# through CELL WAY VISITORS: by the tunnel, with $connector.
through() {
    body=
    path=/bytes/1000000000000
    [ "$2" = down ] || { body="--post 1000000000000"; path=/; }
    # shellcheck disable=SC2086
    transfer "$1" "$2" "$3" $body --ca "$site.pem" --connect "$https" --process edge="$edge" \
        --process connector="$connector" "https://app.localhost:${https##*:}$path"
}

# bare CELL WAY VISITORS: the same without a tunnel, in clear.
bare() {
    if [ "$2" = down ]; then
        transfer "$1" down "$3" "http://$origin_at/bytes/1000000000000"
    else
        transfer "$1" up "$3" --post 1000000000000 "http://$origin_at/"
    fi
}

# connect KIND: a connector of that kind with HA_CONNECTIONS.
connect() {
    if [ "$1" = cloudflared ]; then
        connector_start "$CLOUDFLARED" app --no-prechecks --no-autoupdate \
            --origincert "$HOME/.cloudflared/cert.pem"
    else
        connector_start "$CULVERT" app
    fi
}

# row NAME CELL
row() {
    printf '| %s | %s | %s | %s | %s | %s / %s |\n' "$1" "$(cell "$2" 1)" "$(cell "$2.edge" 2)" \
        "$(cell "$2.connector" 2)" "$(cell "$2.relay" 2)" "$(cell "$2.edge-rss" 0)" \
        "$(cell "$2.connector-rss" 0)"
}

head_row() {
    printf '\n| %s | Mbit/s | edge, cores | connector, cores | relay, cores | RSS at most, MiB |\n' "$1"
    printf '|---|---|---|---|---|---|\n'
}

kinds=culvert
[ -z "${CLOUDFLARED:-}" ] || kinds="culvert cloudflared"
connector_runs="ip netns exec $far"
origin_runs=$connector_runs
edge_runs="ip netns exec $near"
origin_start 198.18.0.2
edge_start 198.18.0.1
tunnel_make app

for round in $(seq "$BENCH_ROUNDS"); do
    for loss in ${LOSSES:-0 1}; do
        lose "$loss"
        for way in down up; do
            [ "$loss" = 0 ] && visitors=1 || visitors=4
            say "round $round, loss $loss %, $way, without a tunnel"
            bare "bare.$loss.$way" "$way" "$visitors"
            for kind in $kinds; do
                for HA_CONNECTIONS in 1 4; do
                    [ "$loss" != 0 ] || [ "$HA_CONNECTIONS" = 4 ] || continue
                    say "round $round, loss $loss %, $way, $kind, $HA_CONNECTIONS connections"
                    connect "$kind"
                    through "$kind.$HA_CONNECTIONS.$loss.$way" "$way" "$visitors"
                    stop "$connector"
                done
            done
        done
    done
done

machine
printf '%s rounds of %s s after %s s; round trip %s ms, cubic, buffers up to 32 MiB.\n' \
    "$BENCH_ROUNDS" "$BENCH_SECONDS" "$WARM_UP" "$((2 * DELAY_MS))"
for loss in ${LOSSES:-0 1}; do
    [ "$loss" = 0 ] && visitors="one visitor" || visitors="four visitors"
    head_row "$visitors, $loss % loss"
    for way in down up; do
        row "$way, no tunnel, in clear" "bare.$loss.$way"
        for kind in $kinds; do
            for HA_CONNECTIONS in 1 4; do
                [ -f "$work/cells/$kind.$HA_CONNECTIONS.$loss.$way" ] || continue
                row "$way, $kind, $HA_CONNECTIONS HA connections" \
                    "$kind.$HA_CONNECTIONS.$loss.$way"
            done
        done
    done
done
