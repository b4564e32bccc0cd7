#!/bin/sh
# Both ends of a tunnel on this machine, with throw-away state: builds a release binary, starts an
# edge and a connector on loopback, fetches the public address once and shows request and answer.
# Stays up until Ctrl-C and leaves nothing behind.
#
#   sh packaging/demo.sh                              the built-in test page
#   sh packaging/demo.sh --url http://localhost:3000  your own server
#   sh packaging/demo.sh --once                       ends after the fetch
#
# CULVERT=/path/to/culvert takes that binary instead of building one.
set -eu

once=
url=
while [ $# -gt 0 ]; do
    case $1 in
        --once) once=yes ;;
        --url=*) url=${1#--url=} ;;
        --url)
            [ $# -gt 1 ] || { echo "--url needs an address, as in --url http://localhost:3000" >&2; exit 255; }
            url=$2
            shift
            ;;
        *)
            echo "usage: sh packaging/demo.sh [--once] [--url URL]" >&2
            exit 255
            ;;
    esac
    shift
done
cd "$(dirname "$0")/.."

say() {
    printf '\n== %s\n' "$*"
}

# ---- The binary ----------------------------------------------------------------------------------

culvert=${CULVERT:-}
if [ -z "$culvert" ]; then
    . packaging/packages.sh
    packages_install build
    say "Building the release binary"
    cmake --preset release -Wno-dev --log-level=WARNING >/dev/null
    cmake --build --preset release --target culvert -- --quiet
    culvert=$PWD/build/release/culvert
fi

# ---- What is started here is ended here ----------------------------------------------------------

work=$(mktemp -d)
edge=
connector=

# Ends a process of ours and waits until it is gone.
end() {
    [ -n "$1" ] || return 0
    kill "$1" 2>/dev/null || :
    wait "$1" 2>/dev/null || :
}

clean_up() {
    end "$connector"
    end "$edge"
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The end of a log, and out.
give_up() {
    echo "$1" >&2
    tail -n 20 "$2" >&2
    exit 1
}

# ---- Ports ---------------------------------------------------------------------------------------

# Does somebody listen on this TCP port?
port_is_taken() {
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk -v port="$(printf ':%04X' "$1")" '
            $4 == "0A" && substr($2, length($2) - 4) == port { taken = 1 }
            END { exit !taken }'
}

# Sets $port to the port asked for or the next free one, and says so when it is another.
choose_port() {
    port=$1
    while port_is_taken "$port"; do
        port=$((port + 1))
    done
    [ "$port" = "$1" ] || echo "Port $1 is taken, $port serves as the $2 instead."
}

choose_ports() {
    choose_port 7844 "tunnel port"
    tunnel_port=$port
    choose_port 8080 "visitors' HTTP port"
    http_port=$port
    choose_port 8443 "visitors' HTTPS port"
    https_port=$port
    choose_port 2001 "edge's metrics port"
    edge_metrics=$port
    choose_port 20241 "connector's metrics port"
    connector_metrics=$port
}

# ---- Edge, tunnel, connector ---------------------------------------------------------------------

# Waits until /ready says 200. $1: port, $2: process, $3: its log, $4: its name. False: it has ended.
wait_until_ready() {
    tries=150
    until curl -fsS --noproxy '*' -o "$work/ready" "http://127.0.0.1:$1/ready" 2>/dev/null; do
        tries=$((tries - 1))
        kill -0 "$2" 2>/dev/null || return 1
        [ $tries -gt 0 ] || give_up "The $4 is not ready after 15 seconds:" "$3"
        sleep 0.1
    done
    kill -0 "$2" 2>/dev/null
}

# A session of its own: Ctrl-C is for this script, which ends both in order.
start_edge() {
    choose_ports
    setsid "$culvert" edge run --dev --state-dir "$work/state" \
        --tunnel "127.0.0.1:$tunnel_port" --http "127.0.0.1:$http_port" \
        --https "127.0.0.1:$https_port" --metrics "127.0.0.1:$edge_metrics" \
        >"$work/edge.log" 2>&1 &
    edge=$!
    wait_until_ready "$edge_metrics" "$edge" "$work/edge.log" edge
}

# Commands of Culvert see this directory as home, and nothing of the user's is read or written.
HOME=$work/home
no_proxy='*'
export HOME no_proxy
for variable in $(env | sed -n 's/^\(TUNNEL_[A-Z_]*\)=.*/\1/p') XDG_STATE_HOME STATE_DIRECTORY; do
    unset "$variable"
done
mkdir -p "$HOME/.cloudflared"

say "Starting the edge"
attempts=3
until start_edge; do
    # Somebody may have taken a port since we looked.
    attempts=$((attempts - 1))
    [ $attempts -gt 0 ] && grep -q 'Address already in use' "$work/edge.log" ||
        give_up "The edge has ended:" "$work/edge.log"
done

say "Making a tunnel and a public name for it"
"$culvert" edge cert --state-dir "$work/state" --out "$HOME/.cloudflared/cert.pem"
"$culvert" tunnel create demo
"$culvert" tunnel route dns demo demo.localhost

say "Starting the connector"
if [ -n "$url" ]; then
    set -- --url "$url"
else
    set --
    cat >"$HOME/.cloudflared/config.yml" <<'END'
ingress:
  - service: hello_world
END
fi
setsid "$culvert" tunnel --metrics "127.0.0.1:$connector_metrics" run "$@" demo \
    >"$work/connector.log" 2>&1 &
connector=$!
wait_until_ready "$connector_metrics" "$connector" "$work/connector.log" connector ||
    give_up "The connector has ended:" "$work/connector.log"

# ---- One request ---------------------------------------------------------------------------------

address=http://demo.localhost:$http_port/
say "visitor -> edge -> connector -> ${url:-the test page}"
echo "\$ curl -v $address"
curl -sS --noproxy '*' --max-time 20 --resolve "demo.localhost:$http_port:127.0.0.1" \
    -v "$address" >"$work/answer" 2>"$work/heads" || give_up "The request failed:" "$work/heads"
grep '^[<>]' "$work/heads" | tr -d '\r'
head -c 2000 "$work/answer"
echo

say "Up at $address"
echo "and https://demo.localhost:$https_port/, whose CA is $work/state/ca.pem"
[ -z "$once" ] || exit 0
echo "Ctrl-C ends it."
# Ends by a signal, or when one of the two is no more.
while kill -0 "$edge" 2>/dev/null && kill -0 "$connector" 2>/dev/null; do
    sleep 1
done
give_up "Something has ended by itself:" "$work/connector.log"
