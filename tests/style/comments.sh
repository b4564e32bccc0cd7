#!/bin/sh
# Every file says what lives in it, every public function what it promises; no dead code, and no
# note to self that nobody will read again.
. "$(dirname "$0")/lib.sh"

files_say_what_they_hold() {
    # The names of tests say what they hold.
    c_files include src tests/support tests/fuzz tests/bench | while IFS= read -r file; do
        case $(head -c 3 "$file") in
            '/* '*) ;;
            *) echo "$file:1: the file does not say what lives here" ;;
        esac
    done
}

# A paragraph of a header that declares functions begins with a comment or has one on the line.
functions_have_contracts() {
    c_files include | while IFS= read -r file; do
        awk -v file="$file" '
            FNR == 1 || /^$/ { commented = 0 }
            /\/\*/ { commented = 1 }
            # Bodies that stand there, and verbs that mean the same everywhere, speak for themselves.
            /^static inline / { next }
            /_(init|release|free|count|equal|is_[a-z_]+)\(/ { next }
            /^[a-z].*[a-z0-9_]\(/ && !/^(typedef|extern)/ && !commented {
                print file ":" FNR ": no word about what this promises: " $0
            }' "$file"
    done
}

nothing_is_left_over() {
    c_files include src tests | while IFS= read -r file; do
        awk -v file="$file" '
            /(^|[^A-Za-z])(TODO|FIXME|XXX|HACK)([^A-Za-z]|$)/ && !/#[0-9]/ {
                print file ":" FNR ": a note to self without an issue number"
            }
            /^[ \t]*#[ \t]*if[ \t]+0/ { print file ":" FNR ": dead code" }
            /^[ \t]*\/\/|[^:"]\/\/ / && !/"[^"]*\/\/[^"]*"/ {
                if ($0 !~ /^ \*/ && $0 !~ /\/\*.*\/\//)
                    print file ":" FNR ": comments are /* such */"
            }' "$file"
    done
}

check() {
    files_say_what_they_hold
    functions_have_contracts
    nothing_is_left_over
}

sample include/culvert/base/x.h <<'END'
#ifndef X
#endif
END
refused 'x.h:1: the file does not say'

sample include/culvert/base/x.h <<'END'
/* Things. */
struct x;

struct x *x_new(void);
END
refused 'x.h:4: no word about what this promises'

sample src/base/x.c <<'END'
/* Things. */
/* TODO: the rest */
END
refused 'x.c:2: a note to self'

sample src/base/x.c <<'END'
/* Things. */
#if 0
#endif
END
refused 'x.c:2: dead code'

sample src/base/x.c <<'END'
/* Things. */
int x; // of the other kind
END
refused 'x.c:2: comments are'

sample include/culvert/base/x.h <<'END'
/* Things, as http://example.com/ has them. */
struct x {
    void (*changed)(void *arg);
};

/* The caller frees it. */
struct x *x_new(void);
void x_free(struct x *x);

void x_rest(struct x *x); /* may be called twice */

static inline int x_one(void)
{
    return 1;
}
END
sample src/base/x.c <<'END'
/* Things. */
static const char url[] = "http://127.0.0.1"; /* not // a comment */
END
accepted

judge
