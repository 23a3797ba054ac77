#!/usr/bin/env bash
# Verifies and measures wgpu-xent on this machine's GPU: see scripts/gpu-kit.sh, which puts this file into its folder as run.sh.
#
# Usage: run.sh [ADAPTER]    a part of the adapter's name, the best one by default
#
# Each step has its own time limit, 470 seconds together, and its own file in results/. A step that fails or runs out of time does
# not stop the next; the last lines say which did.
set -uo pipefail
cd "$(dirname "$0")"
mkdir -p results
adapter=${1-}

# A loader of our own behind the system's; and the driver's file where the loader does not look.
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$PWD/lib"
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/nonexistent}
if [ -z "${VK_DRIVER_FILES-}" ] && ! ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json > /dev/null 2>&1; then
    for file in /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json /usr/lib/x86_64-linux-gnu/nvidia/icd/nvidia_icd.json; do
        [ -e "$file" ] && export VK_DRIVER_FILES=$file
    done
fi
if [ -n "$adapter" ]; then
    export WGPU_ADAPTER_NAME=$adapter
fi

failed=
# step SECONDS NAME COMMAND..: what it prints is results/NAME.txt.
step() {
    local limit=$1 name=$2 start=$SECONDS status=0
    shift 2
    timeout "$limit" "$@" > "results/$name.txt" 2>&1 || status=$?
    echo "$name: $((SECONDS - start)) s, exit status $status"
    [ "$status" = 0 ] || failed="$failed $name"
}

cat VERSION
{
    date
    cat VERSION
    uname -a
    nvidia-smi || true
} > results/environment.txt 2>&1
step 10 adapters ./xent adapters
# Every operation, option and strategy against the f64 reference on this adapter; then the tests of the kernels, on all adapters.
step 30 verify-quick ./xent verify --quick --html results/verify-quick.html
step 60 verify ./xent verify --html results/verify.html
# bad_input runs no kernel, and reads a document and inputs of the repository, which are not here.
XENT_TEST_ADAPTERS=any step 50 tests ./gpu-tests --skip bad_input
# What the goals for a GPU are judged by (docs/decisions/0012), first: logits of 16 bits beside Liger, softmax of the lengths that torch_cuda.py has, one long
# row split and not split.
operations=softmax,logsumexp,loss,loss+gradient
step 60 long-16-bits ./xent bench --shapes 2048x131072,8192x131072 --dtypes bf16 --ops loss,loss+gradient,loss+gradient-in-place --json results/long-16-bits.json
step 50 lengths ./xent bench --shapes 16384x1000,16384x4096,8192x16384,4096x32000,2048x128256,1024x262144 --ops softmax,loss,loss+gradient \
    --json results/lengths.json
step 5 one-row ./xent bench --shapes 1x262144 --ops $operations --json results/one-row.json
step 5 one-row-not-split ./xent bench --shapes 1x262144 --ops $operations --avoid split-thread,split-subgroup,split-workgroup \
    --json results/one-row-not-split.json
step 60 bench ./xent bench --dtypes f32,bf16 --ops $operations --json results/bench.json --csv results/bench.csv --html results/bench.html
if [ -x xent-peers ]; then
    # Those on the CPU would take the minute.
    step 40 peers ./xent-peers --peers ours,burn-wgpu,web --json results/peers.json
    if python3 -c 'import torch' 2> /dev/null; then
        # In the order of the goals: what is left when the time is up is the least of it.
        PYTHONPATH="$PWD/python${PYTHONPATH:+:$PYTHONPATH}" step 100 torch python3 torch_peer.py --cuda --json results/torch.json
    else
        echo "torch: left out, python3 has no torch"
    fi
fi
if [ -n "$failed" ]; then
    echo "not finished or failed:$failed"
    exit 1
fi
echo "all steps ran: see results/"
