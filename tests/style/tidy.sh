#!/bin/sh
# clang-tidy on the sources that changed since origin/main (or since the last commit, where there
# is no origin/main or it is here already). CULVERT_TIDY=all looks at all of them.
# usage: tidy.sh BUILD-DIRECTORY
set -eu
build=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
tidy=clang-tidy-14
command -v $tidy >/dev/null || { echo "$tidy is not installed"; exit 1; }
cd "$root"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# It proves itself: a use after free must be refused with our configuration.
cat >"$work/x.c" <<'END'
#include <stdlib.h>
int main(void)
{
    char *p = malloc(1);
    free(p);
    return p[0];
}
END
cp .clang-tidy "$work/"
if $tidy --quiet "$work/x.c" -- -std=c17 >"$work/out" 2>&1 || ! grep -q 'after it is freed' "$work/out"; then
    echo "self-test: a use after free was not refused"
    cat "$work/out"
    exit 1
fi

# The commit to compare with; empty: everything is new.
base() {
    for at in "$(git merge-base HEAD origin/main 2>/dev/null)" "$(git rev-parse -q --verify HEAD~1)"; do
        if [ -n "$at" ] && [ "$at" != "$(git rev-parse HEAD)" ]; then
            echo "$at"
            return
        fi
    done
}

all_sources() {
    find src tests -name '*.c' | sort
}

# What changed; for a header, the source and the test of the same noun.
changed_sources() {
    { git diff --name-only --diff-filter=d "$1"; git ls-files -o --exclude-standard; } |
        grep -E '\.[ch]$' | sed -E 's|\.[ch]$||; s|^include/culvert/||; s|^src/||; s|^tests/unit/(.*)_test$|\1|' |
        while IFS= read -r noun; do
            for file in "src/$noun.c" "tests/unit/${noun}_test.c" "$noun.c"; do
                [ ! -f "$file" ] || echo "$file"
            done
        done | sort -u
}

from=
if [ "${CULVERT_TIDY:-changed}" != all ] && [ -e .git ]; then
    from=$(base || :)
fi
if [ -n "$from" ]; then
    changed_sources "$from" >"$work/sources"
else
    all_sources >"$work/sources"
fi
# Only what this build compiles has a command to look up.
while IFS= read -r file; do
    ! grep -q -F "\"file\": \"$root/$file\"" "$build/compile_commands.json" || echo "$file"
done <"$work/sources" >"$work/known"

if ! xargs -r -P "$(nproc)" -n 1 $tidy --quiet -p "$build" <"$work/known" >"$work/out" 2>"$work/err"; then
    grep -v 'warnings treated as errors' "$work/out"
    exit 1
fi
echo "$(wc -l <"$work/known") files are tidy"
