# Installs what is missing of the Debian packages that a script needs; read with `.`, from the top
# of the project. With everything there it neither asks the network nor needs to be root.

# Names of packages.txt: all, or with "build" those above the line "# Tests:".
packages_wanted() {
    awk -v which="$1" '/^# Tests:/ && which == "build" { exit } /^[a-z]/' packaging/packages.txt
}

packages_install() {
    if ! command -v dpkg-query >/dev/null; then
        echo "This is no Debian: please install what packaging/packages.txt lists." >&2
        return 0
    fi
    missing=
    for package in $(packages_wanted "$1"); do
        case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
            installed) ;;
            *) missing="$missing $package" ;;
        esac
    done
    [ -n "$missing" ] || return 0
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "These packages are missing, and there is no sudo to install them:$missing" >&2
            return 1
        }
        as_root=sudo
    fi
    echo "Installing:$missing"
    $as_root apt-get update -qq
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
