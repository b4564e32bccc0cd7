#!/bin/sh
# Reads back from the shipped binary what the hardening flags promise, and proves on a binary made
# without them that it would notice.
# usage: hardening.sh BINARY LIBRARY
set -eu
binary=$1
library=$2
LC_ALL=C
export LC_ALL

offences() {
    readelf -h -l -d -W "$1" >"$work/elf"
    readelf --dyn-syms -W "$1" >"$work/symbols"
    grep -q 'Type: *DYN (Position-Independent' "$work/elf" || echo "not position independent"
    grep -q 'GNU_RELRO' "$work/elf" || echo "no RELRO"
    grep -q -E 'BIND_NOW|FLAGS_1.*NOW' "$work/elf" || echo "symbols are not bound at start (now)"
    grep -E 'GNU_STACK' "$work/elf" | grep -q 'RW ' || echo "the stack is executable"
    grep -q -E 'LOAD .* (RWE|R?WE) ' "$work/elf" && echo "memory both writable and executable"
    grep -q -E '(RPATH|RUNPATH)' "$work/elf" && echo "has a run path"
    grep -q '__stack_chk_fail' "$work/symbols" || echo "no stack protector"
    grep -q -E '_chk@' "$work/symbols" || echo "no fortified call"
    return 0
}

# Every object of the library carries the note that says: built with branch and return protection.
# (The binary itself has it only if the C library's start files have it too.)
objects_without_cet() {
    readelf -n -W "$1" 2>/dev/null | awk '
        /^File: / { if (name && !seen) print name ": built without -fcf-protection"; name = $2; seen = 0 }
        /IBT, SHSTK/ { seen = 1 }
        END { if (name && !seen) print name ": built without -fcf-protection" }'
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo 'int main(void) { return 0; }' >"$work/x.c"
cc -no-pie -fcf-protection=none -fno-stack-protector -Wl,-z,norelro,-z,lazy,-z,execstack \
    -o "$work/soft" "$work/x.c" 2>/dev/null
soft=$(offences "$work/soft")
for word in 'not position' 'no RELRO' 'not bound' 'executable' 'no stack protector' 'no fortified'; do
    case $soft in
        *"$word"*) ;;
        *) echo "self-test: \"$word\" was not noticed"; exit 1 ;;
    esac
done

found=$(offences "$binary"; [ "$(uname -m)" != x86_64 ] || objects_without_cet "$library")
[ -z "$found" ] || { echo "$binary:"; echo "$found"; exit 1; }
echo "hardened"
