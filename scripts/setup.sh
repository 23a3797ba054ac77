#!/usr/bin/env bash
# Installs what the library needs at run time on a fresh Debian or Ubuntu machine without a GPU driver:
#
#   libvulkan1              the Vulkan loader (libvulkan.so.1)
#   mesa-vulkan-drivers     Mesa's Vulkan drivers, among them the software driver lavapipe
#   libegl1 libgl1-mesa-dri EGL (libEGL.so.1) and Mesa's OpenGL drivers, for the GL adapter; wgpu takes every GL function
#                           through EGL, so libGL and libGLESv2 are not needed
#   build-essential         a C compiler, which Rust links with
#
# Usage: scripts/setup.sh [--tests] [--tint]
#
#   --tests   also wants lavapipe where a hardware driver is installed already: the tests ask for it by name
#   --tint    also wants what scripts/tint.sh runs on: node, npm, and SwiftShader, which comes with Debian's chromium
#
# It looks first and installs only what is missing, so a second run does nothing.
set -eu

tests=no
tint=no
for argument in "$@"; do
    case "$argument" in
        --tests) tests=yes ;;
        --tint) tint=yes ;;
        -h | --help)
            sed -n '2,/^set -eu/{/^#/s/^# \{0,1\}//p;}' "$0"
            exit 0
            ;;
        *)
            echo "setup.sh: unknown argument '$argument' (usage: setup.sh [--tests] [--tint])" >&2
            exit 2
            ;;
    esac
done

say() { echo "setup.sh: $*"; }

# True if one of the arguments, expanded by the shell from a pattern, is a file that exists.
any_file() {
    local file
    for file in "$@"; do
        if [ -e "$file" ]; then return 0; fi
    done
    return 1
}

# Everything that is installed is found by looking for its files, not by asking dpkg for packages: a vendor's driver or a
# loader built from source counts too. ldconfig lies in /sbin, which is not on every user's PATH.
libraries=$(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p 2>/dev/null) || libraries=

has_library() { [[ "$libraries" == *"$1"* ]]; }

has_vulkan_driver() {
    if [ -n "${VK_DRIVER_FILES-}${VK_ICD_FILENAMES-}" ]; then return 0; fi
    any_file /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json /usr/local/share/vulkan/icd.d/*.json \
        /usr/local/etc/vulkan/icd.d/*.json
}

has_lavapipe() {
    any_file /usr/share/vulkan/icd.d/lvp_icd*.json /etc/vulkan/icd.d/lvp_icd*.json \
        /usr/local/share/vulkan/icd.d/lvp_icd*.json /usr/local/etc/vulkan/icd.d/lvp_icd*.json
}

# A vendor's EGL, or Mesa's together with a file of its OpenGL drivers (one big libgallium from Mesa 24.2 on).
has_egl_driver() {
    if has_library libEGL_nvidia.so; then return 0; fi
    any_file /usr/lib/*/dri/*_dri.so /usr/lib/dri/*_dri.so /usr/lib/*/libgallium-*.so /usr/lib/libgallium-*.so
}

if [ "$(uname -s)" != Linux ]; then
    say "nothing to do: GPU drivers come with $(uname -s)"
    exit 0
fi

packages=()
if ! has_library libvulkan.so.1; then packages+=(libvulkan1); fi
if ! has_vulkan_driver || { [ "$tests" = yes ] && ! has_lavapipe; }; then packages+=(mesa-vulkan-drivers); fi
if ! has_library libEGL.so.1; then packages+=(libegl1); fi
if ! has_egl_driver; then packages+=(libgl1-mesa-dri); fi
if ! command -v cc >/dev/null 2>&1; then packages+=(build-essential); fi
if [ "$tint" = yes ]; then
    if ! command -v node >/dev/null 2>&1; then packages+=(nodejs); fi
    if ! command -v npm >/dev/null 2>&1; then packages+=(npm); fi
    if ! any_file /usr/lib/chromium/vk_swiftshader_icd.json; then packages+=(chromium); fi
fi

if [ "${#packages[@]}" -eq 0 ]; then
    say "nothing to do: all of it is there"
    exit 0
fi

if ! command -v apt-get >/dev/null 2>&1; then
    say "no apt-get here; please install the Vulkan loader, Mesa's Vulkan drivers (lavapipe), EGL with Mesa's" \
        "OpenGL drivers and a C compiler (Debian's names of what is missing: ${packages[*]})"
    exit 1
fi

as_root=(env)
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        say "not root and no sudo; as root run: apt-get update && apt-get install -y ${packages[*]}" >&2
        exit 1
    fi
    as_root=(sudo env)
fi
as_root+=(DEBIAN_FRONTEND=noninteractive)

say "installing ${packages[*]}"
"${as_root[@]}" apt-get -o DPkg::Lock::Timeout=120 update -qq
"${as_root[@]}" apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
if [ "$tint" = yes ] && ! any_file /usr/lib/chromium/vk_swiftshader_icd.json; then
    say "the package chromium is here, but not its SwiftShader (Ubuntu's is a snap): scripts/tint.sh needs Debian's" >&2
    exit 1
fi
say "done"
