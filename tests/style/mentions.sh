#!/bin/sh
# Documents speak of what is there: each file and function that they name exists, and the sources
# name documents that exist.
. "$(dirname "$0")/lib.sh"

documents() {
    project_files | grep -E '^(README|docs/.*)\.md$' || :
}

# "line word" for each word of a document that looks like a path of the project.
path_words() {
    awk '{
        text = $0
        while (match(text, /[A-Za-z0-9_.*\/-]+\/[A-Za-z0-9_.*\/-]+/)) {
            word = substr(text, RSTART, RLENGTH)
            before = RSTART > 1 ? substr(text, RSTART - 1, 1) : " "
            behind = substr(text, RSTART + RLENGTH, 1)
            text = substr(text, RSTART + RLENGTH)
            sub(/[.\/]+$/, "", word)
            # Not a part of a URL or of an absolute path, nor a place holder: <uuid>, ROOM.
            if (word ~ /^[a-z]/ && word !~ /[A-Z][A-Z][A-Z]/ && before !~ /[:\/<>^~$]/ && behind !~ /[<{$]/)
                print FNR, word
        }
    }' "$1"
}

is_there() {
    # The star of a pattern is expanded here on purpose.
    # shellcheck disable=SC2086
    set -- $1
    [ -e "$1" ]
}

files_exist() {
    documents | while IFS= read -r document; do
        path_words "$document" | while read -r line word; do
            first=${word%%/*}
            case $word in
                src/* | include/* | tests/* | packaging/* | docs/*)
                    is_there "$word" && continue ;;
                *)
                    # A noun of a room: net/conn stands for its header, its source or both.
                    [ -d "src/$first" ] || [ -d "include/culvert/$first" ] || continue
                    is_there "src/$word" || is_there "src/$word.[ch]" ||
                        is_there "include/culvert/$word" || is_there "include/culvert/$word.h" &&
                        continue ;;
            esac
            echo "$document:$line: there is no $word"
        done
    done
}

functions_exist() {
    # One empty file more keeps grep from waiting for its input.
    { echo /dev/null && c_files include src tests; } | tr '\n' '\0' >"$samples.list"
    documents | while IFS= read -r document; do
        grep -n -o -E '`[a-z_][a-z0-9_]*\(\)`' "$document" | tr -d '`()' |
            while IFS=: read -r line name; do
                xargs -0 grep -q -E -e "(^|[^a-z0-9_])$name\(" <"$samples.list" ||
                    echo "$document:$line: there is no function $name()"
            done
    done
    rm -f "$samples.list"
}

documents_exist() {
    c_files include src tests | tr '\n' '\0' |
        xargs -0 -r grep -n -o -E -H 'docs/[a-z]+\.md' | while IFS=: read -r file line document; do
        [ -f "$document" ] || echo "$file:$line: there is no $document"
    done
}

check() {
    files_exist
    functions_exist
    documents_exist
}

echo 'see `src/net/loop.c`' | sample docs/x.md
refused 'docs/x.md:1: there is no src/net/loop.c'

mkdir -p "$samples/src/net"
echo 'bytes ──▶ net/conn ──▶' | sample docs/x.md
refused 'docs/x.md:1: there is no net/conn'

echo 'it calls `loop_run()`' | sample docs/x.md
refused 'docs/x.md:1: there is no function loop_run()'

echo '/* as docs/y.md says */' | sample src/net/x.c
refused 'src/net/x.c:1: there is no docs/y.md'

echo 'void loop_run(struct loop *loop);' | sample include/culvert/net/loop.h
echo 'int x;' | sample src/net/conn_tls.c
sample docs/x.md <<'END'
net/loop and its `loop_run()`, net/conn_*; http://net/x, text/html, ~/net/x, `/net/y`, net/<noun>, net/NOUN.
END
accepted

judge
