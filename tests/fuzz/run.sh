#!/bin/sh
# Fuzzes one target for CULVERT_FUZZ_SECONDS (4), starting from its seeds. What it finds on the way
# stays beside the target, in NOUN.found; a crash is reported with the input that caused it.
# usage: run.sh TARGET CORPUS
set -eu
target=$1
corpus=$2
found=$target.found
[ -d "$corpus" ] || { echo "no seed corpus at $corpus"; exit 1; }
mkdir -p "$found"
exec "$target" -max_total_time="${CULVERT_FUZZ_SECONDS:-4}" -timeout=20 -rss_limit_mb=2048 \
    -max_len=65536 -print_final_stats=1 -verbosity=0 -artifact_prefix="$target." \
    -error_exitcode=1 "$found" "$corpus"
