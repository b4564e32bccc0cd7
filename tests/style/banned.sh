#!/bin/sh
# Calls that are not made, or only in one place. What base/banned.h poisons is checked by the
# compiler; here are the rules about where.
. "$(dirname "$0")/lib.sh"

# A call, the files that may make it, and why the others may not.
ban_table='exit ^src/(cli/|main\.c) only the command line ends the process
_exit ^src/(cli/|main\.c) only the command line ends the process
quick_exit ^$ nothing is skipped at the end
printf ^src/cli/ results are printed by commands
puts ^src/cli/ results are printed by commands
putchar ^src/cli/ results are printed by commands
fprintf ^src/(cli/|main\.c) words for people go through the log
perror ^src/(cli/|main\.c) words for people go through the log
getenv ^src/(config/sources|main)\.c$ settings have one door
secure_getenv ^src/(config/sources|main)\.c$ settings have one door
setenv ^$ the environment is not ours
system ^$ no shell
popen ^$ no shell
sleep ^$ nothing blocks the loop
usleep ^$ nothing blocks the loop
nanosleep ^$ nothing blocks the loop
rand ^$ base/random
srand ^$ base/random
random ^$ base/random
alloca ^$ the stack has no bound one can test
time ^$ the clock is an argument (base/clock)
gettimeofday ^$ the clock is an argument (base/clock)
clock_gettime ^src/base/clock\.c$ the clock is an argument (base/clock)
setlocale ^$ bytes are compared, not letters
strtol ^$ span_to_u64 refuses what it does not know
strtoul ^$ span_to_u64 refuses what it does not know
sscanf ^$ a parser is a function of its own
signal ^src/main\.c$ the loop takes signals
tmpnam ^$ mkstemp
mktemp ^$ mkstemp
nghttp2_session_mem_recv2 ^$ not in the library of Debian 12
nghttp2_session_mem_send2 ^$ not in the library of Debian 12'

check() {
    c_files include src | while IFS= read -r file; do
        awk -v file="$file" -v table="$ban_table" '
            BEGIN {
                n = split(table, rows, "\n")
                for (i = 1; i <= n; i++) {
                    name = rows[i]
                    sub(/ .*/, "", name)
                    where = substr(rows[i], length(name) + 2)
                    reason = where
                    sub(/ .*/, "", where)
                    allowed[name] = where
                    why[name] = substr(reason, length(where) + 2)
                }
            }
            {
                line = $0
                gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
                gsub(/\/\*.*\*\//, "", line)
                if (line ~ /^ *\/?\*/)
                    next
                while (match(line, /[A-Za-z_][A-Za-z0-9_]*\(/)) {
                    before = RSTART > 1 ? substr(line, RSTART - 1, 1) : ""
                    name = substr(line, RSTART, RLENGTH - 1)
                    line = substr(line, RSTART + RLENGTH)
                    # x->time( and x.time( are members, not the library.
                    if (before == ">" || before == "." || !(name in allowed))
                        continue
                    if (file !~ allowed[name])
                        print file ":" FNR ": " name "(): " why[name]
                }
            }' "$file"
    done
    # A typedef hides whether a thing is a struct.
    c_files include src | while IFS= read -r file; do
        sed -n "/^[ \t]*typedef struct/s|^|$file: |p" "$file"
    done
}

sample src/net/x.c <<'END'
    exit(1);
END
refused 'src/net/x.c:1: exit(): only the command line'

sample src/origin/x.c <<'END'
    const char *home = getenv("HOME");
END
refused 'settings have one door'

sample include/culvert/base/x.h <<'END'
typedef struct x x;
END
refused 'x.h: typedef struct x'

sample src/net/x.c <<'END'
/* exit(1) would be wrong; time(NULL) too */
 * as in a comment: getenv("X")
    text = "time(NULL)";
    now = clock->time(clock);
    sleepless(1);
END
sample src/main.c <<'END'
    _exit(status);
END
accepted

judge
