#!/usr/bin/env python3
"""Proves that a command sees wrong kernels: each change of tests/mutations.txt, one at a time, must make it fail.

    export RUSTFLAGS="--cfg xent_mutations"
    cargo build --release -p xent --target-dir target/mutations
    cargo test -p wgpu-xent --test gpu --no-run --target-dir target/mutations
    python3 scripts/mutations.py --tests target/mutations/debug/deps/gpu-* -- target/mutations/release/xent verify --quick --fail-fast

The command must come from such a build, which reads the change from the environment when it joins a kernel's text: nothing is built
again and no file is touched. It must pass without a change. What it does not see, the tests that the list names for it must, if their
program is given. Exits with 1 if a change is not seen, unless the list says why.

    --tests FILE    the program of the tests (what is not a program is passed over: a pattern will do)
    --only PATTERN  changes whose file and reason match
    --seconds N     the longest that the command may take (600); longer counts as seen: it hangs
    --log FILE      what the command printed for each change
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import changes

EXPLAINED = "explained: "


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


def program(files):
    """The newest that can be run."""
    programs = [file for file in files if os.access(file, os.X_OK) and file.suffix == ""]
    return max(programs, key=lambda file: file.stat().st_mtime, default=None)


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
    parser.add_argument("--tests", type=Path, nargs="*", default=[])
    parser.add_argument("--log", type=argparse.FileType("w"))
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    status, printed, seconds = run(arguments.command, arguments.seconds)
    if status != 0:
        sys.exit(f"without a change the command ends with {status}:\n{printed}")
    print(f"without a change: passes in {seconds:.1f} s")
    outcomes = changes.Outcomes(arguments.log)
    test_program = program(arguments.tests)
    for mutation in changes.read("mutations.txt", arguments.only):
        file, _, _, why, tests = mutation
        status, printed, seconds = run(arguments.command, arguments.seconds, mutation)
        found = verdict(status, printed, why)
        if found == "MISSED" and tests and test_program:
            status, more, longer = run([test_program, *tests], arguments.seconds, mutation)
            found = "by tests" if verdict(status, more, why) in ("seen", "hangs") else found
            printed, seconds = printed + more, seconds + longer
        outcomes.add(found, seconds, file, why, printed)
    sys.exit(outcomes.end({"MISSED", "NO KERNEL"}))


main()
