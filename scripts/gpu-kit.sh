#!/usr/bin/env bash
# Builds a folder that proves and measures the library on another machine: x86-64 Linux with a GPU driver, nothing installed
# but, for the peers, Python with torch. Liger and what it needs beside torch are fetched from PyPI here and travel along.
#
# Usage: scripts/gpu-kit.sh FOLDER [--no-peers]
#
# There, `FOLDER/run.sh` verifies first, then measures, in less than eight minutes; everything is in FOLDER/results then. What is
# to be kept goes to benches/results/<adapter>/.
set -euo pipefail

case "${1-}" in
    '' | -*)
        sed -n '2,/^set -eu/{/^#/s/^# \{0,1\}//p;}' "$0"
        exit 2
        ;;
esac
mkdir -p "$1"
kit=$(cd "$1" && pwd)
peers=yes
[ "${2-}" = --no-peers ] && peers=no
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}

cargo build --release -p xent
cp "$target/release/xent" "$kit/"
# The tests of the kernels are one program.
tests=$(cargo test --release -p wgpu-xent --test gpu --no-run --message-format=json |
    sed -n 's/.*"name":"gpu".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
cp "$tests" "$kit/gpu-tests"
if [ "$peers" = yes ]; then
    cargo build --release -p xent-peers
    cp "$target/release/xent-peers" peers/*.py "$kit/"
    # Unpacked, for a machine without pip; they are nothing but Python.
    rm -rf "$kit/python" && mkdir -p "$kit/python"
    wheels=$(mktemp -d)
    trap 'rm -rf "$wheels"' EXIT
    if "${XENT_PYTHON:-python3}" -m pip download --quiet --no-deps --only-binary :all: -d "$wheels" liger-kernel packaging; then
        for wheel in "$wheels"/*.whl; do python3 -m zipfile -e "$wheel" "$kit/python"; done
    else
        echo "gpu-kit.sh: pip does not give Liger: it is compared with only where that machine has it" >&2
    fi
fi
# The Vulkan loader, for machines that have a driver but no loader.
mkdir -p "$kit/lib"
loader=$(ldconfig -p | sed -n 's/.*libvulkan\.so\.1 .*x86-64.* => //p' | head -n 1)
[ -n "$loader" ] && cp -L "$loader" "$kit/lib/libvulkan.so.1"
git log -1 --format='commit %h of %cs' > "$kit/VERSION"
cp scripts/gpu-kit-run.sh "$kit/run.sh"
echo "gpu-kit.sh: $(du -sh "$kit" | cut -f1) in $kit; run $kit/run.sh on the machine with the GPU"
