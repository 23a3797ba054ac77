#!/usr/bin/env python3
"""Compares commands that print records of `xent bench --json`: runs them in turn and prints the medians of their times, in milliseconds.

    scripts/in_turn.py --runs 3 \\
        "target/release/xent bench --adapter 0 --json --avoid subgroup --ops loss --shapes 64x128" \\
        "target/release/xent bench --adapter 0 --json --avoid thread --ops loss --shapes 64x128"

Commands may be those of two builds. In turn, as what else the machine does changes in minutes: it meets all of them alike. Ceilings are left out.

    --runs N     how often each is run (3)
    --field F    the time of a record that is taken (median_ms; p20_ms where something else was running)
"""

import argparse
import json
import shlex
import statistics
import subprocess


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--field", default="median_ms")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    times, plans = {}, {}
    for _ in range(arguments.runs):
        for number, command in enumerate(arguments.command):
            output = subprocess.run(shlex.split(command), check=True, stdout=subprocess.PIPE, text=True).stdout
            for record in map(json.loads, output.splitlines()):
                if record["peer"] == "ceiling":
                    continue
                case = f"{record['rows']} x {record['classes']}", record["op"], record["dtype"]
                times.setdefault(case, {}).setdefault(number, []).append(record[arguments.field])
                plans[case, number] = record["plan"].split(", ")[0]
    for number, command in enumerate(arguments.command):
        print(f"({number + 1}) {command}")
    print(f"{arguments.field}, medians of {arguments.runs} runs in turn, their ratio to the first, and the plan")
    for case, of_commands in times.items():
        medians = {number: statistics.median(found) for number, found in of_commands.items()}
        first = medians.get(0)
        cells = [f"({n + 1}) {ms:9.3f} {f'{ms / first:5.2f}' if first else ''}  {plans[case, n]:22}" for n, ms in medians.items()]
        print(f"{case[0]:16} {case[1]:22} {case[2]:5}" + "  ".join(cells))


if __name__ == "__main__":
    main()
