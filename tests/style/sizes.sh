#!/bin/sh
# What one can read in one sitting: functions, files, lines, parameters of a public function. The
# format (format.sh) puts a function's braces alone in the first column, so that they can be counted.
. "$(dirname "$0")/lib.sh"

function_max=60   # lines from the name to the brace that ends it
test_max=100      # of a test, whose tables of cases are data
source_max=600    # lines of a source file
header_max=120    # lines of a public header
line_max=100      # columns
parameters_max=5

check() {
    c_files include src tests | while IFS= read -r file; do
        awk -v file="$file" -v function_max=$function_max -v test_max=$test_max \
            -v source_max=$source_max -v header_max=$header_max -v line_max=$line_max \
            -v parameters_max=$parameters_max '
            BEGIN {
                in_tests = file ~ /^tests/
                function_limit = in_tests ? test_max : function_max
                file_limit = file ~ /^include/ ? header_max : source_max
            }
            {
                # Bytes of UTF-8 that continue a character take no column.
                text = $0
                gsub(/[\200-\277]/, "", text)
                if (length(text) > line_max)
                    print file ":" FNR ": " length(text) " columns, at most " line_max
            }
            # The head of a function starts at the last line in the first column before its brace.
            /^[A-Za-z_]/ && !/;$/ && !/^[a-z_]*:$/ { head = FNR; name = $0 }
            /^\{$/ { inside = head }
            /^\}$/ && inside {
                lines = FNR - inside + 1
                if (lines > function_limit) {
                    sub(/\(.*/, "", name)
                    sub(/.*[ *]/, "", name)
                    print file ":" inside ": " name " has " lines " lines, at most " function_limit
                }
                inside = 0
            }
            # Parameters of declarations: commas outside inner parentheses. Callbacks and
            # the argument that goes with them are one.
            file ~ /^include/ && /^[a-z].*\(/ && !/^(typedef|struct [a-z_]+ \{)/ { gather = ""; at = FNR }
            at { gather = gather $0 }
            at && /[;{]$/ {
                depth = commas = 0
                for (i = 1; i <= length(gather); i++) {
                    c = substr(gather, i, 1)
                    if (c == "(") depth++
                    else if (c == ")" && --depth == 0) break
                    else if (c == "," && depth == 1) commas++
                }
                commas -= gather ~ /, *void \*arg[,)]/
                if (commas + 1 > parameters_max)
                    print file ":" at ": " commas + 1 " parameters, at most " parameters_max
                at = 0
            }
            END {
                if (FNR > file_limit)
                    print file ": " FNR " lines, at most " file_limit
            }' "$file"
    done
}

# Prints "$1" lines of "$2".
many() {
    awk -v n="$1" -v text="$2" 'BEGIN { while (n-- > 0) print text }'
}

{ echo 'static int long_one(void)'; echo '{'; many 60 '    x();'; echo '}'; } | sample src/base/x.c
refused 'src/base/x.c:1: long_one has 63 lines, at most 60'

{ echo 'TEST(a_long_table)'; echo '{'; many 90 '    x();'; echo '}'; } | sample tests/unit/base/x_test.c
accepted

many 601 'int x;' | sample src/base/x.c
refused 'src/base/x.c: 601 lines, at most 600'

many 121 'int x;' | sample include/culvert/base/x.h
refused 'x.h: 121 lines, at most 120'

awk 'BEGIN { printf "/*"; for (i = 0; i < 97; i++) printf "-"; print "*/" }' | sample src/base/x.c
refused 'x.c:1: 101 columns, at most 100'

awk 'BEGIN { printf "/*"; for (i = 0; i < 50; i++) printf "\303\251"; print "*/" }' | sample src/base/x.c
accepted

sample include/culvert/base/x.h <<'END'
bool x_do(struct x *x, int a, int b, int c,
          void (*each)(int p, int q, int r), void *arg,
          struct error *err) MUST_CHECK;
END
refused 'x.h:1: 6 parameters, at most 5'

sample include/culvert/base/x.h <<'END'
bool x_do(struct x *x, void (*each)(int p, int q, int r, int s, int t), void *arg,
          struct error *err) MUST_CHECK;
END
accepted

judge
