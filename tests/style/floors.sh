#!/bin/sh
# A file includes lower floors and its own room only, its own header first, and no two headers
# include each other.
. "$(dirname "$0")/lib.sh"

floor_table='base 0
net 1
http 2
token 2
rpc 2
tunnel 3
proxy 3
config 3
ingress 4
observe 4
service 4
api 4
access 4
store 4
origin 5
connector 6
edge 6
cli 7
main 8'

includes_point_down() {
    c_files include/culvert src | while IFS= read -r file; do
        awk -v file="$file" -v table="$floor_table" '
            BEGIN {
                n = split(table, rows, "\n")
                for (i = 1; i <= n; i++) {
                    split(rows[i], row, " ")
                    floor[row[1]] = row[2]
                }
                parts = split(file, part, "/")
                room = file ~ /^include/ ? part[3] : part[2]
                if (file == "src/main.c")
                    room = "main"
                noun = part[parts]
                own = room "/" substr(noun, 1, length(noun) - 1) "h"
                if (!(room in floor))
                    print file ": no such room: " room
            }
            /^[ \t]*#[ \t]*include[ \t]*"/ {
                split($0, quoted, "\"")
                path = quoted[2]
                count++
                if (path ~ /\.c$/)
                    print file ":" FNR ": includes a source file"
                if (path !~ /^culvert\//) {
                    if (path ~ /\// || file ~ /^include/)
                        print file ":" FNR ": " path " is neither culvert/... nor beside the file"
                    if (file ~ /\.c$/ && path == substr(noun, 1, length(noun) - 1) "h" && count > 1)
                        print file ":" FNR ": its own header comes first"
                    next
                }
                split(path, part, "/")
                to = part[2]
                if (path == "culvert/" own && file ~ /\.c$/ && count > 1)
                    print file ":" FNR ": its own header comes first"
                if (!(to in floor))
                    print file ":" FNR ": no such room: " to
                else if (to != room && floor[to] >= floor[room])
                    print file ":" FNR ": " room " (floor " floor[room] ") includes " to \
                        " (floor " floor[to] ")"
            }' "$file"
    done
}

# Tests see what other rooms see: never a source file.
tests_use_headers() {
    c_files tests | while IFS= read -r file; do
        sed -n "s|^#include \".*\.c\".*|$file: includes a source file|p" "$file"
    done
}

# Edges "header header" of one room, to tsort: it names the loops.
no_loops() {
    c_files include/culvert src | grep '\.h$' | while IFS= read -r file; do
        awk -v file="$file" '
            BEGIN {
                sub(/\.[ch]$/, "", file)
                sub(/^(include\/culvert|src)\//, "", file)
                room = file
                sub(/\/.*/, "", room)
            }
            /^#include "/ {
                split($0, quoted, "\"")
                to = quoted[2]
                sub(/\.h$/, "", to)
                if (to !~ /^culvert\//)
                    to = room "/" to
                sub(/^culvert\//, "", to)
                if (to != file && index(to, room "/") == 1)
                    print file, to
            }' "$file"
    done | tsort 2>&1 >/dev/null | sed -n 's/^tsort: \([a-z].*\)/\1: is in a loop of includes/p' |
        grep -v 'input contains a loop' || :
}

check() {
    includes_point_down
    tests_use_headers
    no_loops
}

sample include/culvert/base/x.h <<'END'
#include "culvert/net/loop.h"
END
refused 'include/culvert/base/x.h:1: base (floor 0) includes net (floor 1)'

sample src/http/x.c <<'END'
#include "culvert/token/jwt.h"
END
refused 'src/http/x.c:1: http (floor 2) includes token (floor 2)'

sample src/edge/x.c <<'END'
#include "culvert/connector/connector.h"
END
refused 'edge (floor 6) includes connector (floor 6)'

sample src/net/x.c <<'END'
#include "culvert/base/buf.h"
#include "culvert/net/x.h"
END
refused 'src/net/x.c:2: its own header comes first'

sample src/net/x.c <<'END'
#include "../base/secret.h"
END
refused 'neither culvert/... nor beside the file'

sample src/attic/x.c <<'END'
END
refused 'no such room: attic'

sample include/culvert/net/a.h <<'END'
#include "culvert/net/b.h"
END
sample include/culvert/net/b.h <<'END'
#include "culvert/net/a.h"
END
refused 'net/a: is in a loop'

sample tests/unit/net/x_test.c <<'END'
#include "../../../src/net/x.c"
END
refused 'x_test.c: includes a source file'

sample src/edge/x.c <<'END'
#include "culvert/edge/x.h"

#include "culvert/base/buf.h"
#include "culvert/edge/registry.h"
#include "culvert/proxy/opener.h"
#include "pages.h"

#include <stdio.h>
END
accepted

judge
