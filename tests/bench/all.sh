#!/bin/sh
# Every table of docs/benchmarks.md that needs nothing but Debian's packages, as Markdown on stdout, in
# about six minutes on an idle machine; what goes on is told on stderr. Root, for distance.sh.
#
#   sh tests/bench/all.sh >figures.md
#   CLOUDFLARED=FILE sh tests/bench/all.sh    the peer's connector beside ours: some minutes more
set -eu
here=$(dirname "$0")

part() {
    printf '\n## %s\n\n' "$1"
    printf '\n%s: %s\n' "$(date +%T)" "$1" >&2
    shift
    printf 'Command: `%s`\n\n' "$*"
    env "$@" || printf 'It ended with %s.\n' $?
}

part "The edge beside nginx and haproxy" BENCH_SECONDS="${BENCH_SECONDS:-1}" \
    BENCH_ROUNDS="${BENCH_ROUNDS:-3}" sh "$here/proxies.sh"
if [ "$(id -u)" -eq 0 ]; then
    part "Over a distance" BENCH_SECONDS=4 WARM_UP=4 BENCH_ROUNDS="${DISTANCE_ROUNDS:-2}" \
        sh "$here/distance.sh"
else
    printf '\nOver a distance: not measured, it needs root.\n'
fi
part "What attacks do to others" BENCH_SECONDS=1.5 sh "$here/attacks.sh"
if [ -n "${CLOUDFLARED:-}" ]; then
    part "Two connectors in turns" BENCH_SECONDS=1 BENCH_ROUNDS=3 sh "$here/compare.sh" \
        "$CLOUDFLARED" "${CULVERT:-${BUILD:-$here/../../build/release}/culvert}"
fi
printf '\n%s: done\n' "$(date +%T)" >&2
