# What the checks of this directory share. A check defines `check`, which looks at the tree in the
# current directory and prints one line for each offence. It first proves itself on samples, then
# looks at the real tree:
#
#     . "$(dirname "$0")/lib.sh"
#     check() { ...; }
#     sample src/base/x.c <<'END'
#     ...
#     END
#     refused 'what the line must say (basic regular expression)'
#     judge
set -eu
LC_ALL=C
export LC_ALL

root=$(cd "$(dirname "$0")/../.." && pwd)
samples=$(mktemp -d)
trap 'rm -rf "$samples" "$samples.list"' EXIT
trap 'exit 1' HUP INT TERM

# Writes stdin to a file of the sample tree.
sample() {
    mkdir -p "$samples/$(dirname "$1")"
    cat >"$samples/$1"
}

# The check must find the offence in the sample tree, which is then emptied.
refused() {
    out=$(cd "$samples" && check 2>&1) || :
    if ! printf '%s\n' "$out" | grep -q -e "$1"; then
        echo "self-test: a bad sample was not refused; no line says: $1"
        printf '%s\n' "${out:-(nothing was said)}"
        exit 1
    fi
    rm -rf "${samples:?}"/*
}

# The check must find nothing in the sample tree, which is then emptied.
accepted() {
    out=$(cd "$samples" && check 2>&1) || :
    if [ -n "$out" ]; then
        echo "self-test: a good sample was refused:"
        printf '%s\n' "$out"
        exit 1
    fi
    rm -rf "${samples:?}"/*
}

# C files below the directories given, sorted; missing directories are no mistake.
c_files() {
    for c_dir in "$@"; do
        [ ! -d "$c_dir" ] || find "$c_dir" -name '*.[ch]'
    done | sort
}

# All files that belong to the project.
project_files() {
    if [ -e .git ]; then
        # Files that are deleted but not yet committed are no longer ours.
        git ls-files -co --exclude-standard | while IFS= read -r f; do [ ! -f "$f" ] || echo "$f"; done
    else
        find . -path ./build -prune -o -type f -print | sed 's|^\./||' | sort
    fi
}

# Looks at the real tree; any line is an offence.
judge() {
    offences=$(cd "$root" && check)
    if [ -n "$offences" ]; then
        printf '%s\n' "$offences"
        echo "$(printf '%s\n' "$offences" | wc -l) offences"
        exit 1
    fi
    echo "fine"
}
