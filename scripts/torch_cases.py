"""What scripts/torch_reference.py and scripts/torch_options.py share: numbers as JSON, and the file of cases.

Numbers are written with the shortest text that gives the same float64 back; values that are not finite are the strings
"nan", "inf" and "-inf". One case stands on one line.
"""

import argparse
import json
import math
import sys
from pathlib import Path

import mpmath
import numpy as np
import torch

DATA = Path(__file__).resolve().parent.parent / "tests" / "data"


def numbers(values):
    """Nested floats or integers as JSON values; what is not finite as a string."""
    if isinstance(values, torch.Tensor):
        values = values.detach().numpy()
    if isinstance(values, (np.ndarray, np.generic)):
        values = values.tolist()
    if isinstance(values, list):
        return [numbers(value) for value in values]
    if isinstance(values, float) and not math.isfinite(values):
        return "nan" if math.isnan(values) else "inf" if values > 0 else "-inf"
    return values


def fail(message):
    sys.exit(f"{Path(sys.argv[0]).name}: {message}")


def document(cases):
    """The text of the file."""
    names = [case["name"] for case in cases]
    if len(set(names)) != len(names):
        fail(f"several cases have the name {sorted({name for name in names if names.count(name) > 1})}")
    lines = ",\n".join(json.dumps(case, allow_nan=False, separators=(",", ":")) for case in cases)
    version = torch.__version__.split("+")[0]
    return f'{{"torch":"{version}","mpmath":"{mpmath.__version__}","cases":[\n{lines}\n]}}\n'


def same(mine, theirs):
    """Equal, numbers to 1e-12: another processor may round the last place another way."""
    if isinstance(mine, list) and isinstance(theirs, list):
        return len(mine) == len(theirs) and all(same(*pair) for pair in zip(mine, theirs))
    if isinstance(mine, float) and isinstance(theirs, float):
        return math.isclose(mine, theirs, rel_tol=1e-12, abs_tol=1e-15)
    return mine == theirs


def check(path, text):
    """Compares the text with the file that is there."""
    stored, computed = (json.loads(either)["cases"] for either in [path.read_text(encoding="ascii"), text])
    pairs = zip(computed, stored)
    changed = [new["name"] for new, old in pairs if any(not same(new[key], old.get(key)) for key in new)]
    if changed or len(stored) != len(computed):
        fail(f"{len(stored)} cases stored, {len(computed)} computed, changed: {changed}")
    print(f"all {len(computed)} cases agree with the file")


def main(description, name, make_cases):
    """The command line of a script whose cases are stored in tests/data/`name`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=DATA / name, help=f"the file (default: tests/data/{name})")
    parser.add_argument("--check", action="store_true", help="write nothing, compare with the file that is there")
    options = parser.parse_args()
    torch.set_num_threads(1)

    cases = list(make_cases())
    text = document(cases)
    if options.check:
        check(options.out, text)
        return
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text, encoding="ascii")
    print(f"wrote {len(cases)} cases, {len(text)} bytes, torch {torch.__version__}")
