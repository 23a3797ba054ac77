"""Lists of single changes that a command or tests must see, and what came of each. For scripts/mutations.py and scripts/host_mutations.py."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def read(name, only=""):
    """File, what stands there, what stands instead, why, and the tests that are named, of each whose file and reason match."""
    for line in (ROOT / "tests" / name).read_text().splitlines():
        if line and not line.startswith("#"):
            file, old, new, why, *tests = line.split("\t")
            if re.search(only, f"{file}: {why}"):
                yield file, old, new, why, tests


class Outcomes:
    """Prints what came of each change, logs what was printed for it, and counts."""

    def __init__(self, log):
        self.counts = {}
        self.log = log

    def add(self, found, seconds, file, why, printed):
        self.counts[found] = self.counts.get(found, 0) + 1
        print(f"{found:9} {seconds:6.1f} s  {file}: {why}", flush=True)
        if self.log:
            self.log.write(f"=== {found} {file}: {why}\n{printed}\n")
            self.log.flush()

    def end(self, bad):
        """The exit status: 1 if there are any of these, or none at all."""
        print(", ".join(f"{count} {found}" for found, count in sorted(self.counts.items())))
        return 1 if not self.counts or self.counts.keys() & bad else 0
