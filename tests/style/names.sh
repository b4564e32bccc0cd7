#!/bin/sh
# The project stands alone: nothing in it refers to a machine it was written on, and the tools of
# somebody's desk are named only where they are used.
. "$(dirname "$0")/lib.sh"

# An extended regular expression, the files that may hold it all the same, and what is meant. The
# brackets keep this table from finding itself.
word_table='(^|[^A-Za-z0-9._/-])/(home|root|Users|wor[k]|mnt)/[A-Za-z0-9._-] ^$ a path of one machine
\.\./shar[e]d ^$ a path outside the project
far[m]- ^$ a machine of somebody
edgeloa[d] ^(tests/(peer|bench)/|docs/) a tool that the project does not bring
(^|[^0-9.])(10\.[0-9]+|192\.168|172\.(1[6-9]|2[0-9]|3[01]))\.[0-9]+\.[0-9]+ ^(tests/|docs/|src/.*ip|config) an address of one network
BEGIN (EC |RSA )?PRIVATE KE[Y] ^tests/ a private key'

check() {
    project_files >"$samples.list"
    printf '%s\n' "$word_table" | while read -r word_line; do
        # The expression may hold blanks, the next column starts with ^.
        expression=${word_line%% ^*}
        rest=${word_line#"$expression "}
        allowed=${rest%% *}
        meaning=${rest#* }
        [ ! -s "$samples.list" ] ||
            grep -v -E "$allowed" "$samples.list" | tr '\n' '\0' |
            xargs -0 -r grep -n -I -E -H -e "$expression" |
            sed -E "s|^([^:]*:[0-9]+):.*|\1: $meaning|" || :
    done
    rm -f "$samples.list"
}

echo 'see /ho''me/me/notes' | sample docs/x.md
refused 'docs/x.md:1: a path of one machine'

echo '#include "../sha''red/x.h"' | sample src/base/x.c
refused 'src/base/x.c:1: a path outside the project'

echo '/* tried with edge''load */' | sample src/base/x.c
refused 'src/base/x.c:1: a tool that the project does not bring'

echo 'run edge''load' | sample tests/peer/run.sh
accepted

judge
