#!/bin/sh
# Documents lead somewhere: every link inside the project has its file, every heading that is linked
# to is there, and the manual pages are read by man without a complaint.
. "$(dirname "$0")/lib.sh"

links_lead_somewhere() {
    project_files | grep '\.md$' | while IFS= read -r file; do
        directory=$(dirname "$file")
        # Pictures and examples in fenced blocks are no links.
        awk '/^```/ { fenced = !fenced } !fenced' "$file" |
            grep -o -E '\]\([^) ]+\)' | sed 's/^](//; s/)$//' | while IFS= read -r link; do
            case $link in
                http://* | https://* | mailto:*) continue ;;
            esac
            target=${link%%#*}
            [ -z "$target" ] || [ -e "$directory/$target" ] ||
                echo "$file: the link to $link leads nowhere"
            case $link in
                *#*) heading_exists "${target:+$directory/$target}" "$file" "${link#*#}" ||
                    echo "$file: the link to $link finds no such heading" ;;
            esac
        done
    done
}

# Headings become anchors in lower case, with dashes for blanks and without punctuation.
heading_exists() {
    sed -n 's/^##* *//p' "${1:-$2}" 2>/dev/null | tr 'A-Z ' 'a-z-' | sed 's/[^a-z0-9_-]//g' |
        grep -q -x -e "$3"
}

manual_pages_are_clean() {
    command -v man >/dev/null || return 0
    for page in packaging/man/*.1; do
        [ -f "$page" ] || continue
        MANROFFSEQ='' man --warnings -E UTF-8 -Tutf8 -Z -l "$page" 2>&1 >/dev/null |
            sed "s|^|$page: |"
    done
}

check() {
    links_lead_somewhere
    manual_pages_are_clean
}

echo 'See [the other](other.md).' | sample docs/x.md
refused 'docs/x.md: the link to other.md leads nowhere'

printf '# Big House\n\n[a](#big-house) [b](#small-house)\n' | sample docs/x.md
refused 'the link to #small-house finds no such heading'

printf '# Big House\n\n[a](#big-house) [b](https://example.com/) [c](x.md#big-house)\n' | sample docs/x.md
accepted

judge
