#!/usr/bin/env bash
# Compiles every module that the library can ask for with Tint, the WGSL compiler of Chromium, and runs the main kernels with it:
# on SwiftShader, through Dawn, which the npm package `webgpu` brings.
#
#   scripts/tint.sh
#
# It needs node 18 or newer, npm and SwiftShader (Debian: nodejs, npm, chromium; scripts/setup.sh --tint installs them). Another
# Vulkan driver with subgroups is taken from VK_DRIVER_FILES, if that is set; Dawn refuses lavapipe.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "tint.sh: $*" >&2
    exit 1
}

for needed in node npm; do
    command -v "$needed" >/dev/null || fail "$needed is missing: run scripts/setup.sh --tint"
done
export VK_DRIVER_FILES="${VK_DRIVER_FILES:-/usr/lib/chromium/vk_swiftshader_icd.json}"
[ -e "$VK_DRIVER_FILES" ] || fail "there is no $VK_DRIVER_FILES: run scripts/setup.sh --tint, or set VK_DRIVER_FILES"
# Another driver list would be added to it.
unset VK_ADD_DRIVER_FILES

modules=${CARGO_TARGET_DIR:-target}/tint
rm -rf "$modules"
mkdir -p "$modules"
modules=$(cd "$modules" && pwd)
XENT_MODULES=$modules cargo test --quiet --lib -- --ignored --exact shader::tests::written::modules_are_written
[ -s "$modules/cases.json" ] || fail "no module was written"

# What is installed stays until the list of it changes.
if ! cmp -s tests/tint/package-lock.json tests/tint/node_modules/installed.json; then
    npm ci --prefix tests/tint --ignore-scripts --no-audit --no-fund
    cp tests/tint/package-lock.json tests/tint/node_modules/installed.json
fi
node tests/tint/check.mjs "$modules"
