#!/usr/bin/env bash
# wgpu-xent and its peers in one run, in release mode. Options are those of xent-peers, and:
#   --save   also write benches/results/<adapter>/DATE-peers.txt and DATE-peers.json
# Where PyTorch finds a CUDA device, its GPU kernels and those of Liger, QuACK and Triton are measured after that.
# XENT_PYTHON names the Python that has torch.
set -euo pipefail
cd "$(dirname "$0")/.."
# Peers that panic say so, without their files.
export RUST_BACKTRACE=0
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/nonexistent}" XENT_PYTHON="${XENT_PYTHON:-python3}"

save=false
options=()
for option in "$@"; do
    if [ "$option" = --save ]; then save=true; else options+=("$option"); fi
done
case " ${options[*]-} " in
*" all "* | *" --quick "* | *" --peers "* | *" --shapes "* | *" --json "*)
    if $save; then echo "--save is for whole runs on one adapter" >&2 && exit 1; fi
    ;;
esac

cargo build --release -p xent-peers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

environment() {
    echo "date      $(date +%F)"
    echo "rustc     $(rustc --version)"
    changes=$(git status --porcelain -- src shaders peers/src peers/shaders 'peers/*.py')
    echo "commit    $(git rev-parse --short HEAD)${changes:+ with changes}"
    echo "cpu       $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores"
    echo "load      $(cut -d ' ' -f 1 /proc/loadavg)"
}

output=(--json "$work/peers.json")
if ! $save && [[ " ${options[*]-} " == *" --json "* ]]; then output=(); fi
{
    environment
    cargo run --quiet --release -p xent-peers -- ${options[@]+"${options[@]}"} ${output[@]+"${output[@]}"}
    if "$XENT_PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
        echo
        "$XENT_PYTHON" peers/torch_peer.py --cuda ${output[@]+"${output[@]}"} 2>&1
    fi
} | tee "$work/peers.txt"

if $save; then
    # The folder is named after the adapter and its backend, as the benches name it.
    slug=$(sed -n 's/^folder    //p' "$work/peers.txt" | head -n 1)
    folder="benches/results/$slug"
    mkdir -p "$folder"
    for kind in txt json; do cp "$work/peers.$kind" "$folder/$(date +%F)-peers.$kind"; done
    echo "saved $folder/$(date +%F)-peers.txt and .json"
fi
