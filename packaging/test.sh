#!/bin/sh
# Installs what is missing, builds the presets and runs every test; ends with ctest's summary and
# fails when anything failed. The test names are explained in tests/CMakeLists.txt.
#
#   sh packaging/test.sh          what CI runs: asan, release, what threads meet in under tsan, four
#                                 seconds for each fuzz target
#   sh packaging/test.sh --full   also all else under tsan, clang-tidy on every file, a minute for
#                                 each fuzz target
#
# CULVERT_FUZZ_SECONDS and CULVERT_TIDY=all|changed override single parts.
set -eu
cd "$(dirname "$0")/.."

presets="asan release tsan fuzz"
tsan_tests=threads
case ${1:-} in
    '') ;;
    --full)
        tsan_tests=all
        : "${CULVERT_FUZZ_SECONDS:=60}" "${CULVERT_TIDY:=all}"
        export CULVERT_FUZZ_SECONDS CULVERT_TIDY
        ;;
    *)
        echo "usage: sh packaging/test.sh [--full]" >&2
        exit 255
        ;;
esac

started=$(date +%s)
# Says what begins, and how long it took to come here.
step() {
    printf '== %4ds  %s\n' "$(($(date +%s) - started))" "$*"
}

step "packages"
. packaging/packages.sh
packages_install all

for preset in $presets; do
    step "configure $preset"
    case $preset in
        tsan) tests=$tsan_tests ;;
        *) tests=all ;;
    esac
    cmake --preset "$preset" "-DCULVERT_TESTS=$tests" -Wno-dev --log-level=WARNING >/dev/null
    step "build $preset"
    cmake --build --preset "$preset" -- --quiet
done

# One run over all presets, so that there is one summary.
{
    for preset in $presets; do
        echo "subdirs($preset)"
    done
} >build/CTestTestfile.cmake

step "test"
status=0
ctest --test-dir build --output-on-failure -j "$(nproc)" || status=$?
exit $status
