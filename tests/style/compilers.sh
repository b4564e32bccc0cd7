#!/bin/sh
# Every file also passes the warnings of the other compiler: what the build directory compiles with
# gcc is parsed once more by clang, and the other way round.
# usage: compilers.sh BUILD-DIRECTORY
set -eu
build=$(cd "$1" && pwd)
database=$build/compile_commands.json
[ -r "$database" ] || { echo "no compile commands in $build"; exit 1; }

used=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
case $($used --version | head -n 1) in
    *clang*) other=gcc ;;
    *) other=clang ;;
esac
command -v $other >/dev/null || { echo "$other is not installed"; exit 1; }

# One line for each file: the command without launcher, compiler and output.
commands() {
    sed -n 's/^  "command": "\(.*\)",$/\1/p' "$1" | sed 's/\\\(["\\]\)/\1/g' |
        sed -E "s|^([^ ]*ccache )?[^ ]+ |$other |; s| -o [^ ]+ -c | -fsyntax-only |" |
        grep "^$other .*\.c$" || :
}

parse() {
    (cd "$build" && commands "$1" | tr '\n' '\0' | xargs -0 -r -P "$(nproc)" -n 1 sh -c)
}

# It proves itself: a sign that changes without a word must be refused.
bad=$(mktemp -d)
trap 'rm -rf "$bad"' EXIT
echo 'unsigned f(int x); unsigned f(int x) { return x; }' >"$bad/x.c"
echo "  \"command\": \"/usr/bin/cc -Wsign-conversion -Werror -o x.o -c $bad/x.c\"," >"$bad/commands.json"
if parse "$bad/commands.json" 2>/dev/null; then
    echo "self-test: $other accepted a bad sample"
    exit 1
fi

parse "$database" || { echo "$other refuses what $used accepts"; exit 1; }
echo "$(commands "$database" | wc -l) files pass $other too"
