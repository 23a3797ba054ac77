#!/usr/bin/env bash
# What must hold before a release, besides .ci/run: what is in the dependency graph, the stated Rust version, the public API
# beside that of the last release, and that the packed crate is whole and builds by itself.
#
# Usage: scripts/release-check.sh [REVISION]    the last release, to compare the API with; the last tag by default
#        scripts/release-check.sh --quick       only what needs neither other tools nor a build: for .ci/run
#
# Needs cargo-deny and cargo-semver-checks, and the net for the database of advisories. What cannot be run is named at the end, and
# the exit status is 1 then: a release wants all of it.
set -uo pipefail
cd "$(dirname "$0")/.."
quick=
if [ "${1-}" = --quick ]; then
    quick=yes
    shift
fi
baseline=${1-$(git describe --tags --abbrev=0 2> /dev/null)}
failed=
left_out=

# step NAME COMMAND..
step() {
    echo "== $1"
    "${@:2}" || failed="$failed $1"
}

# That the crate has all that it is built from, and its licences.
packed_files() {
    local files
    files=$(cargo package --list --allow-dirty --locked -p wgpu-xent) || return 1
    for file in $(git ls-files src shaders) README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT; do
        grep -qxF "$file" <<< "$files" || { echo "$file is not packed"; return 1; }
    done
    echo "$(wc -l <<< "$files") files"
}

# Scripts that no test runs: those of the peers and of the kit for a GPU.
scripts_parse() {
    local file status=0
    for file in $(git ls-files '*.sh' .ci/run); do bash -n "$file" || status=1; done
    git ls-files -z '*.py' | xargs -0 python3 -c 'import ast, sys; [ast.parse(open(f).read(), f) for f in sys.argv[1:]]' || status=1
    return $status
}

# The crate as it is published, unpacked outside of the workspace and built as a stranger would.
packed_crate() {
    local folder crate status=0
    folder=$(mktemp -d) || return 1
    cargo package --no-verify --allow-dirty --locked -p wgpu-xent --target-dir "$folder" || return 1
    crate=$(basename "$folder"/package/*.crate .crate)
    tar -xzf "$folder/package/$crate.crate" -C "$folder" || return 1
    cargo check --locked --manifest-path "$folder/$crate/Cargo.toml" --target-dir "${CARGO_TARGET_DIR:-target}/packed" || status=1
    du -h "$folder/package/$crate.crate"
    rm -rf "$folder"
    return $status
}

step "packed files" packed_files
step "scripts parse" scripts_parse
step "Rust version" python3 scripts/check_msrv.py
if [ -n "$quick" ]; then
    [ -z "$failed" ] || echo "FAILED:$failed"
    [ -z "$failed" ]
    exit
fi
step "packed crate" packed_crate
if cargo deny --version > /dev/null 2>&1; then
    step "licences, duplicates, sources" cargo deny --locked check licenses bans sources
    if ! cargo deny --locked check advisories; then
        left_out="$left_out, advisories (see above: an advisory, or no net for the database)"
    fi
else
    left_out="$left_out, cargo-deny (licences, duplicates, sources, advisories): cargo install --locked cargo-deny"
fi
if [ -z "$baseline" ]; then
    left_out="$left_out, the public API: no tag and no revision to compare it with"
elif cargo semver-checks --version > /dev/null 2>&1; then
    step "public API" cargo semver-checks check-release -p wgpu-xent --baseline-rev "$baseline"
else
    left_out="$left_out, the public API: cargo install --locked cargo-semver-checks"
fi

[ -n "$failed" ] && echo "FAILED:$failed"
[ -n "$left_out" ] && echo "LEFT OUT: ${left_out#, }"
[ -z "$failed$left_out" ] && echo "everything holds"
