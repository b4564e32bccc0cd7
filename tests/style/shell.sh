#!/bin/sh
# Shell scripts are POSIX sh, so that dash runs them; shellcheck looks at them where it is at hand.
. "$(dirname "$0")/lib.sh"

check() {
    project_files | grep -E '\.sh$|^\.ci/' | while IFS= read -r file; do
        case $(head -n 1 "$file") in
            '#!/bin/sh')
                dash -n "$file" 2>&1 || : ;;
            '#!/bin/bash' | '#!/usr/bin/env bash')
                [ "$file" = .ci/run ] || echo "$file:1: scripts are for /bin/sh" ;;
            '#'*)
                # Read by others with `.`: no line says who runs it.
                dash -n "$file" 2>&1 || : ;;
            *)
                echo "$file:1: no line says what it is" ;;
        esac
    done
    command -v shellcheck >/dev/null || return 0
    project_files | grep -E '\.sh$' | tr '\n' '\0' |
        xargs -0 -r shellcheck -s sh -S warning -e SC2034,SC2154 -f gcc 2>&1 || :
}

printf '#!/bin/bash\necho\n' | sample packaging/x.sh
refused 'packaging/x.sh:1: scripts are for /bin/sh'

printf '#!/bin/sh\nif true\n' | sample packaging/x.sh
refused 'yntax error\|end of file'

printf '#!/bin/sh\necho fine\n' | sample packaging/x.sh
accepted

judge
