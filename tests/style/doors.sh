#!/bin/sh
# One library, one door: each library's headers are included where the table allows it and nowhere
# else, and never by a public header, so that no other file depends on the library.
. "$(dirname "$0")/lib.sh"

# The first part of the header's path, and the files that may include it.
door_table='event2 ^src/net/
nghttp2 ^src/http/h2_
openssl ^src/(base/digest|net/(tls|conn|quic)[a-z0-9_]*|token/rsa_key|access/ssh_cert)\.[ch]$
curl ^src/net/fetch
jansson.h ^src/base/doc
yaml.h ^src/config/yaml
pcre2.h ^src/ingress/pattern
sqlite3.h ^src/store/database
idn2.h ^src/base/idn
sodium.h ^src/token/(seal|password)
capnp ^$'

check() {
    c_files include src | while IFS= read -r file; do
        awk -v file="$file" -v table="$door_table" '
            BEGIN {
                n = split(table, rows, "\n")
                for (i = 1; i <= n; i++) {
                    split(rows[i], row, " ")
                    door[row[1]] = row[2]
                }
            }
            /^[ \t]*#[ \t]*include[ \t]*</ {
                path = $0
                sub(/^[^<]*</, "", path)
                sub(/>.*/, "", path)
                library = path
                sub(/\/.*/, "", library)
                if (library in door && file !~ door[library])
                    print file ":" FNR ": " path " has its door elsewhere: " door[library]
            }' "$file"
    done
}

sample src/edge/x.c <<'END'
#include <openssl/ssl.h>
END
refused 'src/edge/x.c:1: openssl/ssl.h has its door elsewhere'

sample include/culvert/http/h2_session.h <<'END'
#include <nghttp2/nghttp2.h>
END
refused 'h2_session.h:1: nghttp2/nghttp2.h has its door elsewhere'

sample src/store/tunnels.c <<'END'
#include <sqlite3.h>
END
refused 'sqlite3.h has its door elsewhere'

sample src/http/h2_session.c <<'END'
#include <nghttp2/nghttp2.h>
#include <stdio.h>
END
sample src/net/tls_issue.c <<'END'
#include <openssl/x509.h>
END
accepted

judge
