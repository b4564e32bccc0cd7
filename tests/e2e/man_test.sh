#!/bin/sh
# Every command has its section in the manual pages, and every option that its help shows is there.
set -eu
: "${CULVERT:?names the binary}"
pages=$(cd "$(dirname "$0")/../../packaging/man" && pwd)
failures=0

# The names of commands that the help of a command lists.
commands_of() {
    # shellcheck disable=SC2086
    "$CULVERT" $1 --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'
}

options_of() {
    # shellcheck disable=SC2086
    "$CULVERT" $1 --help | sed -n 's/^  --\([a-z0-9-]*\).*/\1/p'
}

look_at() {
    page=$pages/culvert-${1%% *}.1
    [ -f "$page" ] || page=$pages/culvert.1
    if ! grep -q -e "culvert $1\$" -e "Nm Cm $1\$" "$page" "$pages/culvert.1"; then
        echo "not ok - culvert $1 has no place in $(basename "$page")"
        failures=$((failures + 1))
    fi
    for option in $(options_of "$1"); do
        grep -q -E -e "Fl -$option( |\$)" "$page" "$pages/culvert.1" || {
            echo "not ok - $(basename "$page") does not know --$option of culvert $1"
            failures=$((failures + 1))
        }
    done
}

walk() {
    for command in $(commands_of "$1"); do
        path=${1:+$1 }$command
        if [ -n "$(commands_of "$path")" ]; then
            walk "$path"
        else
            look_at "$path"
        fi
    done
}

# A walk that finds no commands proves nothing.
[ "$(commands_of '' | wc -l)" -ge 3 ] || { echo "not ok - the help lists no commands"; exit 1; }
walk ''
[ $failures -eq 0 ] || exit 1
echo "the manual pages know all commands and options"
