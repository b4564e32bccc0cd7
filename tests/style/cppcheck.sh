#!/bin/sh
# cppcheck over all sources. A finding that is wrong is answered where it stands:
#     /* cppcheck-suppress ID ; why it cannot happen */
# usage: cppcheck.sh BUILD-DIRECTORY
set -eu
build=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
command -v cppcheck >/dev/null || { echo "cppcheck is not installed"; exit 1; }
cd "$root"

look_at() {
    cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
        --suppress=missingIncludeSystem --suppress=preprocessorErrorDirective --suppress=ctuuninitvar \
        --template='{file}:{line}: {severity}: {message} [{id}]' --error-exitcode=1 \
        --library=tests/style/cppcheck.cfg \
        -D_GNU_SOURCE -DCULVERT_VERSION='"0"' -I include -I tests "$@"
}

# It proves itself: a write past the end must be refused.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf 'void f(void);\nvoid f(void)\n{\n    char a[4];\n    a[4] = 1;\n    (void)a;\n}\n' >"$work/x.c"
if look_at "$work/x.c" >"$work/out" 2>&1 || ! grep -q arrayIndexOutOfBounds "$work/out"; then
    echo "self-test: a write past the end was not refused"
    exit 1
fi

# What it learned about files that did not change is kept, as long as it is asked in the same way.
known=$build/cppcheck-$(cat "$0" tests/style/cppcheck.cfg | cksum | cut -d ' ' -f 1)
mkdir -p "$known"
# A finding about several files at once does not show in the status.
if ! look_at -j "$(nproc)" --cppcheck-build-dir="$known" src tests >"$work/out" 2>&1 ||
    [ -s "$work/out" ]; then
    cat "$work/out"
    exit 1
fi
echo "$(find src tests -name '*.c' | wc -l) files are fine"
