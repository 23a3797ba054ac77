#!/usr/bin/env python3
"""Proves that the tests see wrong code of the host: under each change of tests/host_mutations.txt, one at a time, the tests that it names
must fail.

    python3 scripts/host_mutations.py

Works on a copy of the last commit, target/host-mutations/tree, with builds of its own beside it; what a change touches is built anew: half an hour
for all, on two cores. Each test must pass without a change. Exits with 1 if one passes with it.

    --check         only that each change names one place: for .ci/run
    --only PATTERN  changes whose file and reason match
    --seconds N     the longest that tests may take (300); longer counts as seen: they hang
    --log FILE      what the tests printed for each change
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import time

import changes

PLACE = changes.ROOT / "target" / "host-mutations"
TREE = PLACE / "tree"


def mutations(only):
    for file, old, new, why, [tests] in changes.read("host_mutations.txt", only):
        yield file, old.replace("\\n", "\n"), new.replace("\\n", "\n"), why, tests.split()


def cargo(tests, more=(), seconds=None):
    """The exit status, or None if the time was up, and what was printed."""
    environment = dict(os.environ, CARGO_TARGET_DIR=str(PLACE / "build"), RUSTFLAGS="-A warnings", XDG_RUNTIME_DIR="/nonexistent")
    target, filters = tests[: 1 if tests[0] == "--lib" else 2], tests[1 if tests[0] == "--lib" else 2 :]
    command = ["cargo", "test", *target, *more, *([] if more else ["--", *filters])]
    child = subprocess.Popen(
        command, cwd=TREE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        printed, _ = child.communicate(timeout=seconds)
        return child.returncode, printed
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        return None, child.communicate()[0]
    except KeyboardInterrupt:
        os.killpg(child.pid, signal.SIGKILL)
        raise


def verdict(tests, seconds):
    status, printed = cargo(tests, ["--no-run"])
    if status != 0:
        return "NO CODE", printed
    status, printed = cargo(tests, seconds=seconds)
    # A pattern that matches no test proves nothing, nor does an end that is not a test's.
    if not re.search(r"^running [1-9]", printed, re.MULTILINE):
        return "NO TEST", printed
    if status is None:
        return "hangs", printed
    if status == 0:
        return "MISSED", printed
    return "seen" if re.search(r"\.\.\. FAILED|\(signal: ", printed) else "NO TEST", printed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--log", type=argparse.FileType("w"))
    arguments = parser.parse_args()
    chosen = list(mutations(arguments.only))
    for file, old, _, why, _ in chosen:
        if (found := (changes.ROOT / file).read_text().count(old)) != 1:
            sys.exit(f"{file} has {found} places to change so: {why}")
    if arguments.check:
        return
    # What is the same as the last time need not be built again.
    if not TREE.exists():
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(changes.ROOT), str(TREE)], check=True)
    subprocess.run(["git", "fetch", "--quiet", str(changes.ROOT), "HEAD"], cwd=TREE, check=True)
    subprocess.run(["git", "reset", "--quiet", "--hard", "FETCH_HEAD"], cwd=TREE, check=True)
    for tests in sorted({tuple(tests) for *_, tests in chosen}):
        found, printed = verdict(list(tests), arguments.seconds)
        if found != "MISSED":
            sys.exit(f"without a change {' '.join(tests)} does not pass ({found}):\n{printed}")
    print("without a change: all of the tests pass", flush=True)
    outcomes = changes.Outcomes(arguments.log)
    for file, old, new, why, tests in chosen:
        path = TREE / file
        text = path.read_text()
        start = time.monotonic()
        path.write_text(text.replace(old, new))
        try:
            found, printed = verdict(tests, arguments.seconds)
        finally:
            path.write_text(text)
        failed = sorted(set(re.findall(r"^test (\S+)(?: - [^.]*)? \.\.\. FAILED", printed, re.MULTILINE)))
        outcomes.add(found, time.monotonic() - start, file, "  ".join([why, *failed]), printed)
    sys.exit(outcomes.end({"MISSED", "NO TEST", "NO CODE"}))


main()
