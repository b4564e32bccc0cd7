#!/bin/sh
# Things are where one looks for them: the top level holds what it always holds, a public header has
# its source, a unit test its module, a fuzz target its corpus.
. "$(dirname "$0")/lib.sh"

top_level() {
    project_files | sed 's|/.*|/|' | sort -u |
        grep -v -x -E 'CMakeLists\.txt|CMakePresets\.json|README\.md|LICENSE|config\.example\.yml|(src|include|tests|docs|packaging)/|\..*' |
        sed 's|$|: does not belong at the top level|' || :
}

# A header without a source is one of types, macros or interfaces only: it declares no function.
headers_have_sources() {
    c_files include/culvert | while IFS= read -r header; do
        noun=${header#include/culvert/}
        noun=${noun%.h}
        [ ! -f "src/$noun.c" ] || continue
        # Sources of one noun may be several: h2_session.h is written in h2_stream.c too.
        awk -v file="$header" '
            /^static inline|^typedef|^#/ { next }
            /^[a-z].*[a-z0-9_]\(.*/ { print file ":" FNR ": its source " "is missing"; exit }' "$header"
    done
}

# A large module has several, h1_request_limits_test.c, and so have modules that begin alike. A room's
# memory_test.c lets its allocations fail.
tests_have_modules() {
    c_files tests/unit | sed -n 's|^tests/unit/\(.*\)_test\.c$|\1|p' | while IFS= read -r noun; do
        module=$noun
        [ "${noun##*/}" != memory ] || continue
        until [ -f "src/$module.c" ] || [ -f "include/culvert/$module.h" ]; do
            case ${module##*/} in
                *_*) module=${module%_*} ;;
                *)
                    [ -z "$(ls "src/${module}_"*.c 2>/dev/null)" ] || break
                    echo "tests/unit/${noun}_test.c: there is no module $noun"
                    break
                    ;;
            esac
        done
    done
}

targets_have_corpora() {
    for target in tests/fuzz/*_fuzz.c; do
        [ -f "$target" ] || continue
        noun=${target#tests/fuzz/}
        noun=${noun%_fuzz.c}
        [ -n "$(ls "tests/fuzz/corpus/$noun" 2>/dev/null)" ] ||
            echo "$target: no seed in tests/fuzz/corpus/$noun"
    done
}

check() {
    top_level
    headers_have_sources
    tests_have_modules
    targets_have_corpora
}

echo | sample CMakeCache.txt
refused 'CMakeCache.txt: does not belong'

echo | sample notes/x.md
refused 'notes/: does not belong'

echo 'bool x_do(int a);' | sample include/culvert/base/x.h
refused 'include/culvert/base/x.h:1: its source is missing'

echo 'static inline int x_one(void)' | sample include/culvert/base/x.h
accepted

echo | sample tests/unit/base/x_test.c
refused 'there is no module base/x'

echo | sample tests/fuzz/x_fuzz.c
refused 'x_fuzz.c: no seed'

judge
