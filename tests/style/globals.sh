#!/bin/sh
# No writable variable outlives a call: the library has nothing in .data, .bss or thread storage.
# Loop, clock, log and settings arrive as arguments.
# usage: globals.sh LIBRARY
set -eu
LC_ALL=C
export LC_ALL

# Tables of pointers lie in .data.rel.ro, which is read-only once the program runs.
writable() {
    objdump -t "$1" | awk '
        /:     file format/ { object = $1 }
        NF > 4 && $(NF - 2) ~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)(\.[^r].*)?$/ && $(NF - 3) != "d" {
            print object " " $NF " is writable (" $(NF - 2) ")"
        }'
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/x.c" <<'END'
static const char *const names[] = {"a", "b"};
int count(int i);
int count(int i)
{
    static int calls;
    static _Thread_local int mine = 1;
    return names[i & 1][0] + calls++ + mine++;
}
END
cc -O0 -fPIE -c -o "$work/x.o" "$work/x.c"
found=$(writable "$work/x.o")
case $found in
    *names*) echo "self-test: a constant table was refused"; exit 1 ;;
esac
for word in calls mine; do
    case $found in
        *"$word"*) ;;
        *) echo "self-test: $word was not noticed"; exit 1 ;;
    esac
done

found=$(writable "$1")
[ -z "$found" ] || { echo "$found"; exit 1; }
echo "no writable variable"
