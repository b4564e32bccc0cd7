#!/bin/sh
# ssh and scp through edge and connector, over WebSocket, to a real sshd: by a rule of its own, through
# a bastion, and while the connections that do not carry it are cut again and again; then that which
# does. curl through a SOCKS proxy behind the tunnel.
#
# SSH_MIB: the size of the files (64).
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
size=${SSH_MIB:-64}

# ---- sshd ----------------------------------------------------------------------------------------

user=$(id -un)
ssh_port=$(free_port)
[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$work/host"
ssh-keygen -q -t ed25519 -N '' -f "$work/key"
cp "$work/key.pub" "$work/authorized"
cat >"$work/sshd_config" <<CONF
ListenAddress 127.0.0.1
Port $ssh_port
HostKey $work/host
PidFile $work/sshd.pid
AuthorizedKeysFile $work/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
Subsystem sftp internal-sftp
CONF
start sshd /usr/sbin/sshd -D -e -f "$work/sshd_config"
wait_for "sshd listens" grep -q "Server listening" "$work/sshd.log"

# ---- edge, a cutter between, connector -----------------------------------------------------------

edge_start
mkfifo "$work/orders"
# A FIFO that is open for both is never at its end.
exec 3<>"$work/orders"
start cutter python3 "$here/cutter.py" "$tunnel" 4 "$work/orders"
cutter_ports() {
    [ -s "$work/cutter.out" ]
}
wait_for "the cutter has its ports" cutter_ports
# shellcheck disable=SC2046
set -- $(head -n 1 "$work/cutter.out")
places="--edge 127.0.0.1:$1 --edge 127.0.0.1:$2 --edge 127.0.0.1:$3 --edge 127.0.0.1:$4"
order() {
    echo "$*" >&3
}
# ask WORD: the cutter's answer.
ask() {
    lines=$(wc -l <"$work/cutter.out")
    order "$1"
    tries=0
    while [ "$(wc -l <"$work/cutter.out")" = "$lines" ] && [ $tries -lt 200 ]; do
        tries=$((tries + 1))
        sleep 0.02
    done
    tail -n 1 "$work/cutter.out"
}

web_port=$(free_port)
mkdir "$work/web"
echo "served by name" >"$work/web/page"
start web python3 -m http.server -b 127.0.0.1 -d "$work/web" "$web_port"
cert_make
check "a tunnel is created" "$CULVERT" tunnel create shell
check "a wildcard is routed" "$CULVERT" tunnel route dns shell '*.localhost'
cat >"$work/config.yml" <<YAML
tunnel: shell
ingress:
  - hostname: ssh.localhost
    service: ssh://localhost:$ssh_port
  - hostname: jump.localhost
    service: bastion
    originRequest:
      ipRules:
        - {prefix: 127.0.0.0/8, ports: [$ssh_port], allow: true}
        - {prefix: "::1/128", ports: [$ssh_port], allow: true}
  - hostname: socks.localhost
    service: socks-proxy
    originRequest:
      ipRules:
        - {prefix: 127.0.0.0/8, ports: [$web_port], allow: true}
  - hostname: closed.localhost
    service: tcp://127.0.0.1:1
  - service: http_status:404
YAML
# shellcheck disable=SC2086
connector_start --config "$work/config.yml" $places

# ---- ssh -----------------------------------------------------------------------------------------

python=/usr/bin/python3
export SSL_CERT_FILE="$ca"
# with PIPE COMMAND OPTION...: ssh or scp over that pipe.
with() {
    pipe=$1
    command=$2
    shift 2
    "$command" -o "ProxyCommand=$pipe" -o UserKnownHostsFile="$work/known" -o IdentitiesOnly=yes \
        -o StrictHostKeyChecking=no -o BatchMode=yes -o LogLevel=ERROR -F none -i "$work/key" "$@"
}
direct="$python $here/ws_pipe.py ws://ssh.localhost/ $http"
secret="$python $here/ws_pipe.py wss://ssh.localhost/ $https"
jump="$python $here/ws_pipe.py ws://jump.localhost/ $http --header Cf-Access-Jump-Destination"

status "ssh: a command that ends well" 0 with "$direct" ssh "$user@shell" true
status "ssh: another status" 3 with "$direct" ssh "$user@shell" exit 3
same "ssh: what it says" "$(with "$direct" ssh "$user@shell" echo hello)" hello
same "ssh: what it is told" "$(echo question | with "$direct" ssh "$user@shell" cat)" question
same "ssh: over TLS" "$(with "$secret" ssh "$user@shell" echo hello)" hello
same "ssh: through the bastion" "$(with "$jump:127.0.0.1:$ssh_port" ssh "$user@shell" echo hello)" \
    hello
same "ssh: through the bastion, by name" \
    "$(with "$jump:ssh://localhost:$ssh_port" ssh "$user@shell" echo hello)" hello
has "the log says where it went" "$(cat "$work/connector.log")" \
    "Stream connected address=127.0.0.1:$ssh_port originService=bastion"
status "ssh: through the bastion, to what its rules do not allow" 255 \
    with "$jump:127.0.0.1:$web_port" ssh "$user@shell" true
has "the log says why" "$(cat "$work/connector.log")" "127.0.0.1:$web_port may not be connected to"
status "ssh: where nobody listens" 255 \
    with "$python $here/ws_pipe.py ws://closed.localhost/ $http" ssh "$user@shell" true

# ---- scp -----------------------------------------------------------------------------------------

head -c "$((size * 1024 * 1024))" /dev/urandom >"$work/file"
check "scp up" with "$direct" scp -q "$work/file" "$user@shell:$work/up"
check "it is the same" cmp "$work/file" "$work/up"
check "scp down" with "$direct" scp -q "$user@shell:$work/up" "$work/down"
check "it is the same" cmp "$work/file" "$work/down"
rm "$work/up" "$work/down"

# slow: scp at so many Kbit/s that it takes about ten seconds, in the background.
slow() {
    with "$direct" scp -q -l "$((size * 8 * 1024 / 10))" "$@" 2>"$work/scp.err" &
    scp=$!
    pids="$pids $scp"
}
# What carries it, as the log tells and as the bytes tell.
carrier() {
    index=$(grep 'Stream opened' "$work/connector.log" | tail -n 1 |
        sed 's/.*connIndex=\([0-9]*\).*/\1/')
    port=$(ask busiest)
}
opened() {
    grep -c 'Stream opened' "$work/connector.log" || :
}
grows() {
    [ "$(wc -c <"$1" 2>/dev/null || echo 0)" -gt $((1024 * 1024)) ]
}

order mark
slow "$work/file" "$user@shell:$work/up"
wait_for "scp sends" grows "$work/up"
carrier
order "spare $port"
ended "$scp"
order rest
same "scp up, while the three others are cut again and again" "$code" 0
check "it is the same" cmp "$work/file" "$work/up"
cuts=$(ask count)
check "they were cut: $cuts times" [ "$cuts" -gt 9 ]
terminated=$(grep 'Connection terminated' "$work/connector.log" | grep -c "connIndex=$index" || :)
same "and the log named the one that was not: $index" "$terminated" 0

wait_for "all are back" four_are_up
order mark
slow "$user@shell:$work/up" "$work/down"
wait_for "scp brings" grows "$work/down"
carrier
order "cut $port"
before=$(date +%s)
ended "$scp"
check "scp ends in vain when that one is cut" [ "$code" -ne 0 ]
check "and at once" [ $(($(date +%s) - before)) -le 2 ]
wait_for "the log names the one that was cut" grep -q "Connection terminated.*connIndex=$index" \
    "$work/connector.log"
sessions_left() {
    ! pgrep -P "$(cat "$work/sshd.pid")" >/dev/null
}
wait_for "no session is left at sshd" sessions_left
status "ssh goes on over another" 0 with "$direct" ssh "$user@shell" true

# ---- SOCKS ---------------------------------------------------------------------------------------

socks_port=$(free_port)
start socks "$python" "$here/ws_pipe.py" ws://socks.localhost/ "$http" --listen "$socks_port"
# by URL: through the proxy.
by() {
    curl -sS --max-time 20 --noproxy '' -x "socks5h://127.0.0.1:$socks_port" "$1"
}
listens() {
    by "http://127.0.0.1:$web_port/page"
}
wait_for "the proxy listens" listens
same "curl through SOCKS5, by address" "$(by "http://127.0.0.1:$web_port/page")" "served by name"
same "by name" "$(by "http://localhost:$web_port/page")" "served by name"
status "to a port that is not allowed" 97 by "http://127.0.0.1:$ssh_port/"
status "to a name that is not known" 97 by "http://no-such-name.invalid/"

kill -TERM "$connector"
ended "$connector"
same "the end" "$code" 0
finish
