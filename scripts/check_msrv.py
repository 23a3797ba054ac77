#!/usr/bin/env python3
"""Checks that no dependency asks for a newer Rust than the member of the workspace that depends on it states.

    python3 scripts/check_msrv.py

For each member the whole graph behind it counts: all targets, all features, development too. What a compiler of that version
makes of our own code only it can tell; the lint `incompatible_msrv` denies what the standard library did not have then.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def version(text):
    return tuple(int(part) for part in (text.split("-")[0] + ".0.0").split(".")[:3])


def reached(nodes, start):
    """The ids of all packages that `start` needs."""
    found, left = set(), [start]
    while left:
        package = left.pop()
        if package not in found:
            found.add(package)
            left.extend(nodes[package])
    return found


def main():
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node["dependencies"] for node in metadata["resolve"]["nodes"]}
    failures = 0
    for member in metadata["workspace_members"]:
        name, stated = packages[member]["name"], packages[member]["rust_version"]
        if stated is None:
            sys.exit(f"{name}: no rust-version")
        silent = 0
        needed = reached(nodes, member)
        for package in sorted(needed):
            asked = packages[package]["rust_version"]
            silent += asked is None
            if asked is not None and version(asked) > version(stated):
                failures += 1
                print(f"{name} states Rust {stated}, but {packages[package]['name']} {packages[package]['version']} asks for {asked}")
        print(f"{name}: Rust {stated}, {len(needed)} packages, {silent} of them state none")
    sys.exit(1 if failures else 0)


main()
