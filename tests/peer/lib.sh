# What the scripts against programs of others share. They are run by hand, not by the test run: what
# they need is not in Debian. Sourced; CULVERT names the binary (the release build by default).
# shellcheck shell=sh
set -eu
peer_dir=$(cd "$(dirname "$0")" && pwd)
: "${CULVERT:=$peer_dir/../../build/release/culvert}"

# A network of their own, where the system allows it: every port is free, and programs that look up
# names or call home reach nothing but this machine.
if [ -z "${PEER_ALONE:-}" ] && command -v ip >/dev/null; then
    [ "$(id -u)" = 0 ] && new=-n || new=-rn
    if unshare $new true 2>/dev/null; then
        PEER_ALONE=yes
        export PEER_ALONE
        # shellcheck disable=SC2016
        exec unshare $new sh -c 'ip link set lo up && exec sh "$@"' sh "$0" "$@"
    fi
fi

# absolute NAME FILE: as a path from the root; ends the script when there is no such file.
absolute() {
    [ -e "$2" ] || {
        echo "$1: there is no $2" >&2
        exit 2
    }
    echo "$(cd "$(dirname "$2")" && pwd)/$(basename "$2")"
}

CULVERT=$(absolute CULVERT "$CULVERT")
export CULVERT
. "$peer_dir/../e2e/lib.sh"
