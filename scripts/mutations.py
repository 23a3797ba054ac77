#!/usr/bin/env python3
"""Proves that a command sees wrong kernels: each change of tests/mutations.txt, one at a time, must make it fail.

    RUSTFLAGS="--cfg xent_mutations" cargo build --release -p xent --target-dir target/mutations
    python3 scripts/mutations.py -- target/mutations/release/xent verify --quick --fail-fast

The command must come from such a build, which reads the change from the environment when it joins a kernel's text: nothing is built
again and no file is touched. It must pass without a change. Exits with 1 if a change is not seen, unless the list says why.

    --only TEXT     changes whose file or reason holds the text
    --seconds N     the longest that the command may take (600); longer counts as seen: it hangs
    --log FILE      what the command printed for each change
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

LIST = Path(__file__).resolve().parent.parent / "tests" / "mutations.txt"
EXPLAINED = "explained: "


def mutations():
    for line in LIST.read_text().splitlines():
        if line and not line.startswith("#"):
            file, old, new, why = line.split("\t")
            yield file, old, new, why


def run(command, seconds, mutation=None):
    """The exit status, or None if the time was up; what was printed; the seconds."""
    environment = dict(os.environ)
    environment.pop("XENT_MUTATION", None)
    if mutation is not None:
        environment["XENT_MUTATION"] = "\t".join(mutation[:3])
    start = time.monotonic()
    try:
        done = subprocess.run(command, env=environment, timeout=seconds, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout, time.monotonic() - start
    except subprocess.TimeoutExpired as expired:
        return None, (expired.stdout or b"").decode(errors="replace"), time.monotonic() - start


def verdict(status, printed, why):
    if status == 0:
        return "explained" if why.startswith(EXPLAINED) else "MISSED"
    if "was refused at" in printed:
        # No compiler takes it: it says nothing about what results show.
        return "NO KERNEL"
    return "hangs" if status is None else "seen"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--log", type=argparse.FileType("w"))
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    status, printed, seconds = run(arguments.command, arguments.seconds)
    if status != 0:
        sys.exit(f"without a change the command ends with {status}:\n{printed}")
    print(f"without a change: passes in {seconds:.1f} s")
    counts = {}
    for mutation in mutations():
        file, _, _, why = mutation
        if arguments.only not in file and arguments.only not in why:
            continue
        status, printed, seconds = run(arguments.command, arguments.seconds, mutation)
        found = verdict(status, printed, why)
        counts[found] = counts.get(found, 0) + 1
        print(f"{found:9} {seconds:6.1f} s  {file}: {why}", flush=True)
        if arguments.log:
            arguments.log.write(f"=== {found} {file}: {why}\n{printed}\n")
    print(", ".join(f"{count} {found}" for found, count in sorted(counts.items())))
    sys.exit(1 if "MISSED" in counts or "NO KERNEL" in counts or not counts else 0)


main()
