#!/bin/sh
# The tables of limits in docs/security.md are true: each constant stands in the file that the table
# names, with that value, and has a reason; no constant that is named like a limit is missing, and no
# name of the abuse counter.
. "$(dirname "$0")/lib.sh"

document=docs/security.md

# Named like limits, and none: a code of the API, sizes of what we make ourselves, Unicode's end.
no_limits=' API_CODE_LIMIT SERIAL_BYTES ID_BYTES TOKEN_BYTES SECRET_BYTES RUNE_MAX '

# "file name expression" for each enum constant of the sources that is given a value.
constants() {
    c_files include src | while IFS= read -r file; do
        awk -v file="$file" '
            BEGIN { sub(/^include\/culvert\//, "", file); sub(/^src\//, "", file) }
            {
                text = $0
                code = ""
                while (text != "") {
                    if (in_comment) {
                        end = index(text, "*/")
                        text = end ? substr(text, end + 2) : ""
                        in_comment = !end
                        continue
                    }
                    start = index(text, "/*")
                    code = code (start ? substr(text, 1, start - 1) : text)
                    text = start ? substr(text, start + 2) : ""
                    in_comment = start > 0
                }
                if (code ~ /(^|[ \t])enum( [a-z0-9_]+)? \{/) {
                    in_enum = 1
                    sub(/.*enum( [a-z0-9_]+)? \{/, "", code)
                }
                if (!in_enum)
                    next
                body = body " " code
                if (code !~ /\}/)
                    next
                in_enum = 0
                sub(/\}.*/, "", body)
                count = split(body, members, ",")
                for (i = 1; i <= count; i++) {
                    if (members[i] !~ /=/)
                        continue
                    name = expression = members[i]
                    sub(/=.*/, "", name)
                    sub(/[^=]*=/, "", expression)
                    gsub(/[ \t]/, "", name)
                    gsub(/[ \t]/, "", expression)
                    print file, name, expression
                }
                body = ""
            }' "$file"
    done
}

# "name value file" for each row of the document, the value in the constant's own unit.
rows() {
    [ ! -f $document ] || awk -F'|' '
        $2 ~ /^ `[A-Z][A-Z0-9_]*` $/ {
            name = $2
            file = $4
            gsub(/[ `]/, "", name)
            gsub(/[ `]/, "", file)
            split($3, words, " ")
            value = words[1]
            gsub(/,/, "", value)
            second = name ~ /_MS$/ ? 1000 : 1
            unit["KiB"] = 1024
            unit["MiB"] = 1024 * 1024
            unit["s"] = second
            unit["min"] = 60 * second
            unit["h"] = 3600 * second
            printf "%s %d %s\n", name, value * (words[2] in unit ? unit[words[2]] : 1), file
        }' $document
}

# Joins both: "name value file expression", names in the expression replaced by their own.
with_expressions() {
    awk '
        FNR == NR {
            in_file[$1 " " $2] = $3
            anywhere[$2] = $3
            next
        }
        {
            expression = ($3 " " $1) in in_file ? in_file[$3 " " $1] : "?"
            for (round = 0; round < 8 && match(expression, /[A-Za-z_][A-Za-z0-9_]*/); round++) {
                other = substr(expression, RSTART, RLENGTH)
                value = ($3 " " other) in in_file ? in_file[$3 " " other] : anywhere[other]
                expression = substr(expression, 1, RSTART - 1) "(" value ")" \
                    substr(expression, RSTART + RLENGTH)
            }
            print $1, $2, $3, expression
        }' "$samples.list" -
}

values_agree() {
    rows | with_expressions | while read -r name value file expression; do
        case $expression in
            '?') echo "$document: $name does not stand in $file" ;;
            *[!0-9\(\)*/+\<-]*) echo "$document: the value of $name in $file is not understood" ;;
            *)
                # Nothing but numbers and operators is left in it.
                eval "actual=\$(($expression))"
                [ "$actual" -eq "$value" ] ||
                    echo "$document: $name is $actual in $file, not $value"
                ;;
        esac
    done
}

limits_are_told() {
    { echo "- 0 -" && rows; } | awk -v others="$no_limits" '
        FNR == NR { told[$3 " " $1] = 1; next }
        $2 ~ /_(MAX|MAX_BYTES|MIN|MS|LIMIT|BYTES|LOOKS|FACTOR|PER_TURN)$/ &&
            !(($1 " " $2) in told) && !index(others, " " $2 " ") {
            print $1 ": " $2 " is missing in the tables of '$document'"
        }
    ' - "$samples.list"
}

reasons_are_given() {
    [ ! -f $document ] || awk -F'|' '
        $2 ~ /^ `[A-Z][A-Z0-9_]*` $/ && $4 ~ /^ `[a-z0-9_\/.]*` $/ && $5 !~ /[a-z]/ {
            print FILENAME ":" FNR ": " $2 " has no reason"
        }' $document
}

# The strings of the table in src/http/abuse.c; "none" is no limit.
abuses_are_told() {
    [ ! -f src/http/abuse.c ] ||
        sed -n 's/^ *\[ABUSE_[A-Z0-9_]*\] = "\([a-z0-9_]*\)",*$/\1/p' src/http/abuse.c |
        while IFS= read -r name; do
            [ "$name" = none ] || grep -q "^| \`$name\` |" $document ||
                echo "src/http/abuse.c: $name is missing in the tables of $document"
        done
}

check() {
    # A line that is never looked for keeps an empty list from being no list.
    { echo "- - -" && constants; } >"$samples.list"
    values_agree
    limits_are_told
    reasons_are_given
    abuses_are_told
    rm -f "$samples.list"
}

header() {
    sample include/culvert/http/x.h
}

table() {
    sample $document
}

header <<'END'
enum { X_MAX = 4 * 1024 };
END
echo '| `X_MAX` | 8 KiB | `http/x.h` | why |' | table
refused 'docs/security.md: X_MAX is 4096 in http/x.h, not 8192'

header <<'END'
enum { X_MAX = 4 };
END
echo '| `Y_MAX` | 4 | `http/x.h` | why |' | table
refused 'docs/security.md: Y_MAX does not stand in http/x.h'

header <<'END'
enum { X_MAX = 4 };
END
echo '# Nothing' | table
refused 'http/x.h: X_MAX is missing'

sample src/http/x.c <<'END'
enum {
    X_PER_TURN = 4, /* a comment */
};
END
echo '# Nothing' | table
refused 'http/x.c: X_PER_TURN is missing'

header <<'END'
enum { X_MAX = 4 };
END
echo '| `X_MAX` | 4 | `http/x.h` | |' | table
refused 'X_MAX.* has no reason'

sample src/http/abuse.c <<'END'
        [ABUSE_NONE] = "none",
        [ABUSE_X_FLOOD] = "x_flood",
END
echo '# Nothing' | table
refused 'src/http/abuse.c: x_flood is missing'

header <<'END'
enum {
    X_LIMIT_MS = 15 * 1000, /* a comment, with = and } in it */
    X_MAX = 1 << 20,
    Y_MAX = X_MAX / 2,
};
END
table <<'END'
| `X_LIMIT_MS` | 15 s | `http/x.h` | why |
| `X_MAX` | 1 MiB | `http/x.h` | why |
| `Y_MAX` | 524,288 bytes | `http/x.h` | why |
END
accepted

judge
