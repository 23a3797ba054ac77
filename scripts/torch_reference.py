#!/usr/bin/env python3
"""Writes tests/data/torch_reference.json: what PyTorch answers on the cases that the tests compare this library with.

    python3 scripts/torch_reference.py            # write the file
    python3 scripts/torch_reference.py --check    # compute everything again and compare with the file

Set-up: see scripts/requirements.txt. Every logit is exactly a float32; PyTorch computes on the CPU in float64, with
gradients from autograd. Numbers are written with the shortest text that gives the same float64 back; values that
are not finite are the strings "nan", "inf" and "-inf". One case stands on one line.

Where a target is far ahead of the other classes, float64 log_softmax loses the digits of the loss (ahead by 60: all of
them). Those cases are computed with mpmath at 80 digits instead and say "source": "mpmath". Every other
cross-entropy row whose answer is finite is compared with mpmath before it is written.

Fields
    file            "torch", "mpmath": versions;  "cases": list
    every case      "name"     unique
                    "op"       "cross_entropy" | "softmax" | "log_softmax" | "logsumexp"
                    "rows", "classes"
                    "logits"   rows * classes numbers, row after row
                    "nan_rows" rows with a NaN logit (PyTorch's argmax is the NaN there; a test may want to skip it)
                    "source"   "torch" | "mpmath": where the expected numbers come from
                    "differs"  null, or how this library's documented answer is not the number stored here
                    "upstream" see below
    cross_entropy   "targets"       rows integers
                    "ignore_index"  integer
                    "reduction"     "mean" | "sum" | "none"
                    "upstream"      gradient of the loss: null (ones), a number (mean, sum) or rows numbers (none)
                    "loss"          a number (mean, sum) or rows numbers (none)
                    "row_loss"      rows numbers: the loss without reduction, 0 in ignored rows
                    "lse"           rows numbers: log(sum(exp(row))), also of ignored rows
                    "argmax"        rows integers: the smallest index of the largest logit
                    "valid_rows"    rows that are not ignored
                    "correct"       rows that are not ignored and whose argmax is the target
                    "grad"          rows * classes numbers: gradient of the logits
    softmax,        "upstream"      rows * classes numbers
    log_softmax     "out", "grad"   rows * classes numbers
    logsumexp       "upstream"      rows numbers
                    "out"           rows numbers
                    "grad"          rows * classes numbers
"""

import math

import mpmath
import numpy as np
import torch
import torch.nn.functional as F
from torch_cases import fail, main, numbers

SEED = 20261121
DEFAULT_IGNORE_INDEX = -100
INF, NAN = math.inf, math.nan
HUGE = 3e38
IGNORED_ROW_RULE = "ignored row gradient is 0 here"
mpmath.mp.dps = 80

random = np.random.default_rng(SEED)


# ---------------------------------------------------------------------------------------------------------------------
# Inputs
# ---------------------------------------------------------------------------------------------------------------------


def normal(rows, classes, scale=1.0, offset=0.0):
    return (random.standard_normal((rows, classes)) * scale + offset).astype(np.float32)


def some_targets(rows, classes):
    return random.integers(0, classes, size=rows).astype(np.int64)


EVERY = slice(None)


def put(logits, *changes):
    """A copy with each (row, class, value) written over it; row and class may be slices."""
    changed = logits.copy()
    for row, column, value in changes:
        changed[row, column] = value
    return changed


def target_ahead(rows, classes, lead, offset=0.0):
    """Rows whose target logit is `lead` above the largest other logit."""
    logits, targets = normal(rows, classes, offset=offset), some_targets(rows, classes)
    for row, target in enumerate(targets):
        others = np.delete(logits[row], target)
        logits[row, target] = np.float32(others.max() + np.float32(lead))
    return logits, targets


# ---------------------------------------------------------------------------------------------------------------------
# The independent computation
# ---------------------------------------------------------------------------------------------------------------------


def exact_row(row_logits, target):
    """One cross-entropy row with mpmath: (loss, gradient of the loss by the logits), nothing rounded on the way."""
    scores = [mpmath.mpf(float(value)) for value in row_logits]
    relative = [mpmath.exp(score - scores[target]) for score in scores]  # the target's own is 1
    others = sum((value for index, value in enumerate(relative) if index != target), mpmath.mpf(0))
    gradient = [value / (1 + others) for value in relative]
    gradient[target] = -others / (1 + others)
    return mpmath.log(1 + others), gradient


def exact_cross_entropy(logits, targets, ignore_index, reduction, upstream):
    """The whole cross-entropy with mpmath: loss, row_loss, grad as float64."""
    rows, classes = logits.shape
    valid = targets != ignore_index
    row_loss, grad = [mpmath.mpf(0)] * rows, [[mpmath.mpf(0)] * classes for _ in range(rows)]
    for row in np.flatnonzero(valid):
        seed = 1.0 if upstream is None else upstream[row] if reduction == "none" else upstream
        factor = mpmath.mpf(float(seed)) / (int(valid.sum()) if reduction == "mean" else 1)
        row_loss[row], gradient = exact_row(logits[row], int(targets[row]))
        grad[row] = [factor * value for value in gradient]
    if reduction == "none":
        loss = np.array([float(value) for value in row_loss])
    else:
        loss = float(mpmath.fsum(row_loss) / (int(valid.sum()) if reduction == "mean" else 1))
    return loss, np.array([float(v) for v in row_loss]), np.array([[float(v) for v in line] for line in grad])


# ---------------------------------------------------------------------------------------------------------------------
# Cases
# ---------------------------------------------------------------------------------------------------------------------


def flat(values):
    return numbers(values.reshape(-1))


def base_case(name, op, logits, source, differs):
    return {
        "name": name,
        "op": op,
        "rows": logits.shape[0],
        "classes": logits.shape[1],
        "logits": flat(logits.astype(np.float64)),
        "nan_rows": np.flatnonzero(np.isnan(logits).any(axis=1)).tolist(),
        "source": source,
        "differs": differs,
    }


def cross_entropy(
    name, logits, targets, reduction, upstream=None, ignore_index=DEFAULT_IGNORE_INDEX, source="torch", differs=None
):
    targets = np.asarray(targets, dtype=np.int64)
    leaf = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    labels = torch.from_numpy(targets)
    loss = F.cross_entropy(leaf, labels, ignore_index=ignore_index, reduction=reduction)
    loss.backward(torch.ones_like(loss) if upstream is None else torch.tensor(upstream, dtype=torch.float64))
    grad, loss = leaf.grad.numpy(), loss.detach().numpy()
    with torch.no_grad():
        row_loss = F.cross_entropy(leaf, labels, ignore_index=ignore_index, reduction="none").numpy()
        lse = torch.logsumexp(leaf, dim=1)
        argmax = leaf.argmax(dim=1).numpy()

    valid = targets != ignore_index
    plain = all(np.isfinite(logits[row]).all() and abs(row_loss[row]) < INF for row in np.flatnonzero(valid))
    if plain and valid.any():
        exact = exact_cross_entropy(logits, targets, ignore_index, reduction, upstream)
        if source == "mpmath":
            loss, row_loss, grad = exact
        else:
            # PyTorch's own error is absolute, in units of the logits; the gradient is compared where it is defined.
            tolerance = 1e-13 * max(1.0, float(np.abs(logits[valid]).max()))
            for mine, theirs in zip(exact, (loss, row_loss, np.where(valid[:, None], grad, 0.0))):
                if not np.allclose(theirs, mine, rtol=1e-11, atol=tolerance):
                    fail(f"PyTorch and mpmath differ in case {name}")
    elif source == "mpmath":
        fail(f"case {name} has no finite answer to compute with mpmath")

    case = base_case(name, "cross_entropy", logits, source, differs)
    case.update(
        targets=targets.tolist(),
        ignore_index=ignore_index,
        reduction=reduction,
        upstream=numbers(upstream),
        loss=numbers(loss) if np.ndim(loss) else numbers(float(loss)),
        row_loss=flat(row_loss),
        lse=flat(lse),
        argmax=argmax.tolist(),
        valid_rows=int(valid.sum()),
        correct=int((valid & (argmax == targets)).sum()),
        grad=flat(grad),
    )
    return case


OPERATIONS = {
    "softmax": lambda leaf: torch.softmax(leaf, dim=1),
    "log_softmax": lambda leaf: torch.log_softmax(leaf, dim=1),
    "logsumexp": lambda leaf: torch.logsumexp(leaf, dim=1),
}


def row_operations(name, logits):
    """The same logits through softmax, log_softmax and logsumexp, each with a random upstream gradient."""
    for op, function in OPERATIONS.items():
        leaf = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
        out = function(leaf)
        upstream = random.standard_normal(out.shape).astype(np.float32).astype(np.float64)
        out.backward(torch.from_numpy(upstream))
        case = base_case(f"{op}/{name}", op, logits, "torch", None)
        case.update(upstream=flat(upstream), out=flat(out.detach()), grad=flat(leaf.grad))
        yield case


def cross_entropy_cases():
    # Ordinary logits, each reduction, shapes around the widths of a workgroup.
    for rows, classes in [(5, 7), (4, 33), (2, 130), (6, 10), (3, 2), (2, 257), (2, 1030)]:
        logits, targets = normal(rows, classes), some_targets(rows, classes)
        for reduction in ["mean", "sum", "none"] if classes < 100 else ["mean"]:
            yield cross_entropy(f"normal_{rows}x{classes}_{reduction}", logits, targets, reduction)
    yield cross_entropy("one_class_3x1", normal(3, 1), [0, 0, 0], "mean")
    yield cross_entropy("one_row_1x5", normal(1, 5), [3], "mean")
    yield cross_entropy("equal_logits_4x33", np.zeros((4, 33), np.float32), [0, 16, 31, 32], "mean")
    for rows, classes in [(5, 7), (4, 33), (2, 130)]:
        logits, targets = normal(rows, classes, scale=20.0), some_targets(rows, classes)
        yield cross_entropy(f"times_20_{rows}x{classes}_none", logits, targets, "none")
        logits, targets = normal(rows, classes, offset=1e4), some_targets(rows, classes)
        yield cross_entropy(f"offset_1e4_{rows}x{classes}_mean", logits, targets, "mean")
        yield cross_entropy(f"offset_minus_1e4_{rows}x{classes}_sum", logits - np.float32(2e4), targets, "sum")

    # A confident model: the loss is far below one unit in the last place of the logits.
    for lead in [12, 20, 60]:
        for rows, classes in [(5, 7), (4, 33), (2, 130)]:
            logits, targets = target_ahead(rows, classes, lead)
            for reduction in ["mean", "none"]:
                name = f"ahead_{lead}_{rows}x{classes}_{reduction}"
                yield cross_entropy(name, logits, targets, reduction, source="mpmath")
        logits, targets = target_ahead(4, 33, lead, offset=1e4)
        yield cross_entropy(f"ahead_{lead}_offset_1e4_4x33_sum", logits, targets, "sum", source="mpmath")

    # Ignored rows.
    logits = normal(6, 10)
    for reduction in ["mean", "sum", "none"]:
        yield cross_entropy(f"ignored_minus_100_{reduction}", logits, [3, -100, 9, 0, -100, 5], reduction)
        yield cross_entropy(f"ignored_inside_{reduction}", logits, [3, 4, 9, 3, 0, 5], reduction, ignore_index=3)
        yield cross_entropy(f"ignored_beyond_{reduction}", logits, [3, 4, 255, 3, 0, 255], reduction, ignore_index=255)
        yield cross_entropy(f"ignored_all_{reduction}", logits, [-100] * 6, reduction)
    yield cross_entropy("ignored_all_inside_none", logits, [7] * 6, "none", ignore_index=7)
    yield cross_entropy("ignored_all_but_one_mean", logits, [-100, -100, -100, 2, -100, -100], "mean")

    # Logits that are not finite.
    logits, targets = normal(5, 7), np.array([2, 0, 6, 3, 1])
    masked = put(logits, (0, 0, -INF), (0, 6, -INF), (2, 1, -INF), (4, slice(2, 7), -INF))
    at_target = put(logits, (1, 0, -INF))
    only_target = put(np.full((5, 7), -INF, np.float32), *((row, targets[row], 1.5 - row) for row in range(5)))
    for reduction in ["mean", "sum", "none"]:
        yield cross_entropy(f"minus_inf_elsewhere_{reduction}", masked, targets, reduction)
        yield cross_entropy(f"minus_inf_at_target_{reduction}", at_target, targets, reduction)
        yield cross_entropy(f"minus_inf_whole_row_{reduction}", put(logits, (3, EVERY, -INF)), targets, reduction)
        yield cross_entropy(f"nan_elsewhere_{reduction}", put(logits, (1, 4, NAN)), targets, reduction)
        yield cross_entropy(f"nan_at_target_{reduction}", put(logits, (1, 0, NAN)), targets, reduction)
        yield cross_entropy(f"plus_inf_elsewhere_{reduction}", put(logits, (2, 4, INF)), targets, reduction)
        yield cross_entropy(f"plus_inf_at_target_{reduction}", put(logits, (2, 6, INF)), targets, reduction)
    yield cross_entropy("plus_and_minus_inf_none", put(logits, (2, 4, INF), (2, 5, -INF)), targets, "none")
    yield cross_entropy("minus_inf_all_but_target_none", only_target, targets, "none")
    wide, wide_targets = normal(2, 130), [129, 128]
    leading = put(wide, (EVERY, slice(0, 128), -INF))
    yield cross_entropy("minus_inf_first_128_of_130_none", leading, wide_targets, "none")

    # Ignored rows that hold what would spoil a sum.
    ignored = [2, -100, 6, 3, 1]
    contents = {"nan": (4, NAN), "all_nan": (EVERY, NAN), "all_minus_inf": (EVERY, -INF), "plus_inf": (2, INF)}
    for kind, (column, value) in contents.items():
        spoiled = put(logits, (1, column, value))
        for reduction in ["mean", "sum", "none"]:
            name = f"ignored_row_with_{kind}_{reduction}"
            yield cross_entropy(name, spoiled, ignored, reduction, differs=IGNORED_ROW_RULE)
    name = "ignored_inside_row_with_nan_mean"
    spoiled = put(logits, (3, 0, NAN))
    yield cross_entropy(name, spoiled, targets, "mean", ignore_index=3, differs=IGNORED_ROW_RULE)

    # Huge finite logits.
    huge = put(logits, (0, 2, HUGE), (1, 5, -HUGE), (2, 6, HUGE), (2, 0, -HUGE), (4, EVERY, -HUGE))
    yield cross_entropy("huge_loss_in_range_none", put(huge, (3, EVERY, HUGE)), targets, "none")
    yield cross_entropy("huge_loss_in_range_mean", put(huge, (3, EVERY, HUGE)), targets, "mean")
    yield cross_entropy("huge_row_loss_3e38_none", put(logits, (1, 5, HUGE)), targets, "none")
    beyond = put(logits, (1, 5, HUGE), (1, 0, -HUGE))
    note = "row 1's loss 6e38 is beyond float32: inf here"
    yield cross_entropy("huge_row_loss_6e38_none", beyond, targets, "none", differs=note)

    # Upstream gradients.
    logits, targets = normal(6, 10), [3, -100, 9, 0, 7, 5]
    per_row = [1.0, 2.0, -0.5, 0.0, 0.125, 3.0]
    yield cross_entropy("upstream_per_row_none", logits, targets, "none", upstream=per_row)
    for reduction in ["mean", "sum"]:
        yield cross_entropy(f"upstream_scalar_{reduction}", logits, targets, reduction, upstream=0.3125)
        yield cross_entropy(f"upstream_negative_{reduction}", logits, targets, reduction, upstream=-2.5)
        yield cross_entropy(f"upstream_zero_{reduction}", logits, targets, reduction, upstream=0.0)
    logits, targets = target_ahead(4, 33, 20)
    per_row = [0.5, -4.0, 1.0, 16.0]
    yield cross_entropy("upstream_per_row_ahead_20_none", logits, targets, "none", upstream=per_row, source="mpmath")


def row_operation_cases():
    for rows, classes in [(5, 7), (3, 1), (4, 33), (2, 130), (2, 257)]:
        yield from row_operations(f"normal_{rows}x{classes}", normal(rows, classes))
    yield from row_operations("times_20_4x33", normal(4, 33, scale=20.0))
    yield from row_operations("offset_1e4_4x33", normal(4, 33, offset=1e4))
    yield from row_operations("offset_minus_1e4_4x33", normal(4, 33, offset=-1e4))
    yield from row_operations("one_class_ahead_60_5x7", target_ahead(5, 7, 60)[0])
    logits = normal(5, 7)
    masked = put(logits, (0, 0, -INF), (0, 6, -INF), (2, 1, -INF), (4, slice(2, 7), -INF))
    yield from row_operations("minus_inf_some_5x7", masked)
    only_one = put(np.full((5, 7), -INF, np.float32), *((row, row, 1.5 - row) for row in range(5)))
    yield from row_operations("minus_inf_all_but_one_5x7", only_one)
    yield from row_operations("minus_inf_first_128_of_130", put(normal(2, 130), (EVERY, slice(0, 128), -INF)))
    yield from row_operations("minus_inf_whole_row_5x7", put(logits, (3, EVERY, -INF)))
    yield from row_operations("nan_in_one_row_5x7", put(logits, (1, 4, NAN)))
    yield from row_operations("plus_inf_in_one_row_5x7", put(logits, (2, 4, INF)))
    huge = put(logits, (0, 2, HUGE), (1, 5, -HUGE), (3, EVERY, HUGE), (4, EVERY, -HUGE))
    yield from row_operations("huge_5x7", huge)


def all_cases():
    yield from cross_entropy_cases()
    yield from row_operation_cases()


if __name__ == "__main__":
    main(__doc__, "torch_reference.json", all_cases)
