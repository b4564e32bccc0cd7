#!/bin/sh
# clang-format decides how the code looks (.clang-format); every text ends in one newline and has
# no blanks at the ends of its lines.
. "$(dirname "$0")/lib.sh"

formatter=clang-format-14
command -v $formatter >/dev/null || { echo "$formatter is not installed"; exit 1; }

check() {
    c_files include src tests >"$samples.list"
    [ ! -s "$samples.list" ] ||
        xargs -P "$(nproc)" -n 32 $formatter --dry-run -Werror --style=file <"$samples.list" 2>&1 |
        grep -E 'error:' || :
    rm -f "$samples.list"
    project_files | grep -E '\.(c|h|md|sh|txt|yml|cmake|json|sql|1)$|CMakeLists' |
        grep -v -E '^tests/(vectors|fuzz/corpus)/' | while IFS= read -r file; do
        [ -s "$file" ] || continue
        awk -v file="$file" '
            /[ \t]$/ { print file ":" FNR ": blanks at the end of the line" }
            /\r/ { print file ":" FNR ": a carriage return" }' "$file"
        [ -z "$(tail -c 1 "$file")" ] || echo "$file: the last line does not end"
    done
}

cp "$root/.clang-format" "$samples/"
printf '/* x */\nint  x;\n' | sample src/base/x.c
refused 'src/base/x.c:2:.*error:'

printf 'text \n' | sample docs/x.md
refused 'docs/x.md:1: blanks at the end'

printf 'text' | sample docs/x.md
refused 'docs/x.md: the last line does not end'

judge
