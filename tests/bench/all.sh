#!/bin/sh
# Every table that needs nothing but Debian's packages, as Markdown, in about six minutes on an idle
# machine; what goes on is told on stderr. Root, for distance.sh.
#
#   sh tests/bench/all.sh                        on stdout
#   sh tests/bench/all.sh docs/benchmarks.md     in place of those that stand there
#   CLOUDFLARED=FILE sh tests/bench/all.sh ...   the peer's connector beside ours: two minutes more
#
# BENCH_SECONDS (0.8) and BENCH_ROUNDS (3) are those of proxies.sh, DISTANCE_ROUNDS (2) of distance.sh.
# PARTS: honesty proxies distance attacks connectors; the last one only with CLOUDFLARED.
set -eu
here=$(dirname "$0")
document=${1:-}
figures=$(mktemp)
trap 'rm -f "$figures"' EXIT

# Puts $figures between the marks of that name in the document, or on stdout.
publish() {
    if [ -z "$document" ]; then
        printf '\n## %s\n\n' "$1"
        cat "$figures"
        return 0
    fi
    awk -v name="$1" -v file="$figures" '
        /^<!-- end of figures -->$/ { skip = 0 }
        !skip
        $0 == "<!-- figures: " name " -->" {
            skip = 1
            while ((getline line < file) > 0)
                print line
        }' "$document" >"$document.new"
    cat "$document.new" >"$document"
    rm -f "$document.new"
}

# part NAME [VARIABLE=VALUE...] SCRIPT [ARGUMENT...]
part() {
    name=$1
    shift
    case " ${PARTS:-honesty proxies distance attacks connectors} " in
        *" $name "*) ;;
        *) return 0 ;;
    esac
    printf '%s: %s\n' "$(date +%T)" "$name" >&2
    if env "$@" >"$figures"; then
        publish "$name"
    else
        printf '%s ended with %s; nothing of it is kept\n' "$name" $? >&2
    fi
}

if command -v wrk >/dev/null && command -v ab >/dev/null && command -v h2load >/dev/null; then
    part honesty BENCH_SECONDS=1 BENCH_ROUNDS=3 sh "$here/honesty.sh"
else
    echo "honesty: not measured: apt-get install wrk apache2-utils nghttp2-client" >&2
fi
part proxies BENCH_SECONDS="${BENCH_SECONDS:-0.8}" BENCH_ROUNDS="${BENCH_ROUNDS:-3}" \
    sh "$here/proxies.sh"
if [ "$(id -u)" -eq 0 ]; then
    part distance BENCH_SECONDS=3 WARM_UP=3 BENCH_ROUNDS="${DISTANCE_ROUNDS:-2}" \
        sh "$here/distance.sh"
else
    echo "distance: not measured, it needs root" >&2
fi
part attacks BENCH_SECONDS=2 sh "$here/attacks.sh"
if [ -n "${CLOUDFLARED:-}" ]; then
    part connectors BENCH_SECONDS=1 BENCH_ROUNDS=3 sh "$here/compare.sh" \
        "$CLOUDFLARED" "${CULVERT:-${BUILD:-$here/../../build/release}/culvert}"
fi
printf '%s: done\n' "$(date +%T)" >&2
