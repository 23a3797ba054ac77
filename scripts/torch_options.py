#!/usr/bin/env python3
"""Writes tests/data/torch_options.json: what the options of the losses, and the operations beside them, must answer.

    python3 scripts/torch_options.py            # write the file
    python3 scripts/torch_options.py --check    # compute everything again and compare with the file

Set-up: see scripts/requirements.txt. scripts/torch_reference.py makes the cases without options. Every input is exactly
a float32; PyTorch computes on the CPU in float64, with gradients from autograd, and where it has no such function the
formula is built in PyTorch. Numbers are written with the shortest text that gives the same float64 back; values that
are not finite are the strings "nan", "inf" and "-inf". One case stands on one line.

The file holds what this library must answer. A term whose coefficient is exactly 0 (soft target, class weight, row
weight, masked class, ignored row) is left out before the operation, so that it adds 0 to the result and to every
gradient; where PyTorch answers otherwise, "differs" says how. Every finite row of cross_entropy, softmax, log_softmax
and logsumexp is compared with mpmath at 80 digits, formulas of the gradient included, and every case of a
function and options that PyTorch has with that function: "differs" is null exactly where they agree (for options that
PyTorch does not have it is null).

Fields
    file            "torch", "mpmath": versions;  "cases": list
    every case      "name"     unique
                    "op"       one of the operations below
                    "shape"    integers: the shape of the logits (or of the operation's own inputs)
                    "dim"      integer: the dimension of the classes, C = shape[dim]; logsumexp has "dims" instead
                    "source"   where the expected numbers come from:
                               "torch"
                               "torch log1p"  formulas of log1p where PyTorch's own would cancel
                               "mpmath"       where the target is far ahead, and top_k
                    "differs"  null, or what PyTorch itself answers
    Every array is flat: "full" ones in the row-major order of "shape", "row" ones in that of "shape" without "dim".
    Options that a case does not use are null.

    cross_entropy   "logits"           full
                    "targets"          row of integers, or null
                    "probabilities"    full, or null: one of the two is given
                    "class_weights"    C numbers
                    "row_weights"      row
                    "label_smoothing"  number
                    "ignore_index"     integer; null: no row is ignored
                    "reduction"        "none" | "mean" | "sum"
                    "scale"            number or row: z = scale x
                    "softcap"          number: z = softcap tanh(scale x / softcap)
                    "mask"             C or full of 0 and 1: a class of 0 is removed from the row
                    "z_loss"           number
                    "denominator"      of the mean: "target_weights" (sum of the class weights of the valid targets; the
                                       number of rows for probabilities) | "rows" | "valid_rows" | "all_weights" (sum
                                       of row weight times class weight of the target over the valid rows; sum of the
                                       row weights for probabilities) | a number
                    "upstream"         gradient of the loss: null (1), a number, or a row (reduction none)
        expected    "loss"             number; null with reduction none
                    "row_loss"         row: row weight (sum_c w_c q'_c (lse - z_c) + z_loss lse^2), 0 in ignored rows;
                                       q' = (1 - label_smoothing) q + label_smoothing / (classes that are not masked)
                    "lse"              row: log(sum(exp z)) over what is not masked, also of ignored rows
                    "log_prob"         row: z_target - lse, null in ignored rows; null for probabilities
                    "argmax"           row: the first of the largest z, also of ignored rows; null in rows with NaN
                    "rank"             row: classes with larger z, or equal z and smaller index; null in ignored rows
                                       and rows with NaN; null for probabilities
                    "entropy"          row: of softmax(z), also of ignored rows
                    "row_z_loss"       row: row weight z_loss lse^2, 0 in ignored rows and without z_loss
                    "valid_rows"       integer: rows that are not ignored
                    "divisor"          the denominator as a number; null unless the reduction is mean
                    "grad"             full: gradient of the logits x; with reduction none of sum(upstream row_loss)
                    "target_grad"      full: gradient of the probabilities, or null
    bce_with_logits "logits", "targets"  full
                    "weight"           null, C numbers or full;  "pos_weight": null or C numbers;  "reduction"
        expected    "elements"         full, without reduction;  "loss": number, null with reduction none;  "grad": full
    sigmoid         "logits", "upstream"  full;  expected "out", "grad": full
    nll             "logits" (log-probabilities), "targets", "class_weights", "ignore_index", "reduction"
        expected    "loss", "row_loss", "grad", "valid_rows", "divisor" as cross_entropy's
    kl_div          "logits" (log-probabilities, the input), "targets" (full, the probabilities or their logarithms),
                    "log_target" (boolean), "reduction" ("none" | "mean" | "sum" | "batchmean")
        expected    "elements"         full, without reduction;  "loss": number, null with reduction none
                    "grad", "target_grad"  full: gradient of the input and of the targets
    entropy         "probabilities"    full;  expected "row": -sum p log p
                                       "grad": full, of the sum of the rows, inf at p = 0
    distribution_   "p", "q"           full;  expected "row": -sum p log q
    cross_entropy                      "grad_p", "grad_q": full, of the sum of the rows
    softmax,        "logits", "upstream"  full;  "scale", "softcap", "mask" as cross_entropy's
    log_softmax     expected "out"     full, 0 or -inf at masked classes;  "grad": full, 0 at masked classes
    logsumexp       "dims"             integers: the dimensions that are summed
                    "logits"           full;  "mask": null or full;  "b": null or full: out = log|sum b exp x|
                    "upstream"         in the shape without "dims", as "out" and "sign"
        expected    "out";  "sign": null without b, else 1, -1 or 0
                    "grad"             full; null where the sum of b exp x cancels to 0 and there is no gradient
    top_k           "logits"           full;  "k"
        expected    "indices", "log_probs"  k for each row, one row after another: falling logits, ties by smaller index
"""

import itertools
import math
import warnings
from types import SimpleNamespace

import mpmath
import numpy as np
import torch
import torch.nn.functional as F
import torch_cases
from torch_cases import fail

SEED = 20261122
INF, NAN = math.inf, math.nan
mpmath.mp.dps = 80
mpf = mpmath.mpf

warnings.filterwarnings("ignore", message="reduction: 'mean' divides")  # of kl_div; known

random = np.random.default_rng(SEED)


# ---------------------------------------------------------------------------------------------------------------------
# Inputs: multiples of a power of two, so that their text is short and they are float32
# ---------------------------------------------------------------------------------------------------------------------


def f32(value):
    return float(np.float32(value))


def normal(*shape, scale=1.5):
    return np.round(random.standard_normal(shape) * scale * 1024) / 1024


def uniform(low, high, *shape):
    return np.round(random.uniform(low, high, shape) * 256) / 256


def some_targets(rows, classes):
    return random.integers(0, classes, size=rows)


def some_probabilities(shape, dim):
    """Normalised up to the rounding to multiples of 2^-14."""
    raw = random.exponential(size=shape)
    return np.round(raw / raw.sum(axis=dim, keepdims=True) * 16384) / 16384


def one_hot(targets, classes):
    return np.eye(classes)[np.asarray(targets)]


def put(values, *changes):
    """A copy with each (index..., value) written over it."""
    changed = np.array(values, dtype=np.float64)
    for *index, value in changes:
        changed[tuple(index)] = value
    return changed


def to_rows(values, dim):
    """[rows, classes] of an array or a tensor."""
    if isinstance(values, torch.Tensor):
        return values.movedim(dim, -1).reshape(-1, values.shape[dim])
    return np.moveaxis(values, dim, -1).reshape(-1, values.shape[dim])


def from_rows(rows, shape, dim):
    """The array of this shape whose rows these are."""
    rest = list(shape)
    classes = rest.pop(dim)
    return np.moveaxis(np.asarray(rows).reshape(*rest, classes), -1, dim)


def row_count(shape, dim):
    return math.prod(shape) // shape[dim]


def tensor(values, leaf=False):
    return torch.tensor(np.asarray(values, dtype=np.float64), dtype=torch.float64, requires_grad=leaf)


def numbers(values):
    """JSON values; -0 becomes 0, which is what -0 + 0 is."""
    return torch_cases.numbers(values if values is None or isinstance(values, list) else values + 0)


def flat(values):
    return None if values is None else numbers(values.reshape(-1))


def zeros_and_ones(mask):
    return None if mask is None else np.asarray(mask).astype(int).reshape(-1).tolist()


def must_be_close(name, what, mine, theirs, rtol, atol):
    if not np.allclose(mine, theirs, rtol=rtol, atol=atol, equal_nan=True):
        fail(f"{what} of case {name}:\n{mine}\n{theirs}")


def must_differ_as_said(name, differs, pairs, rtol, atol):
    """PyTorch's answers are ours, pair by pair, exactly where the case does not say how they differ."""
    agree = all(np.allclose(*pair, rtol=rtol, atol=atol, equal_nan=True) for pair in pairs)
    if agree != (differs is None):
        fail(f"case {name}: PyTorch {'agrees' if agree else 'differs'}\n{pairs}")


# ---------------------------------------------------------------------------------------------------------------------
# The transform of the logits, in PyTorch and with mpmath
# ---------------------------------------------------------------------------------------------------------------------


def scale_column(scale, rows):
    """One factor for each row, as a column."""
    return np.broadcast_to(np.asarray(1.0 if scale is None else scale, dtype=np.float64).reshape(-1, 1), (rows, 1))


def mask_rows(mask, shape, dim):
    """[rows, classes] of booleans from no mask, one of C or one of the whole shape."""
    if mask is None:
        return np.ones((row_count(shape, dim), shape[dim]), dtype=bool)
    mask = np.asarray(mask, dtype=bool)
    if mask.ndim == 1 and len(shape) > 1:
        return np.broadcast_to(mask, (row_count(shape, dim), shape[dim]))
    return to_rows(mask, dim)


def transform(x, active, scale, softcap):
    """z of the rows x; -inf, and no gradient, where not active."""
    z = torch.where(active, x, 0.0) * torch.from_numpy(scale_column(scale, len(x)).copy())
    z = z if softcap is None else softcap * torch.tanh(z / softcap)
    return torch.where(active, z, -INF)


def exact_transform(x, scale, softcap):
    """z and dz/dx."""
    if softcap is None:
        return (x if math.isinf(x) else mpf(x) * mpf(scale)), mpf(scale)
    if math.isinf(x):
        return math.copysign(1, x) * mpf(softcap), mpf(0)
    tangent = mpmath.tanh(mpf(scale) * mpf(x) / mpf(softcap))
    return mpf(softcap) * tangent, mpf(scale) * (1 - tangent * tangent)


def exact_softmax(x, active, scale=1.0, softcap=None):
    """(z, dz/dx, p, lse) of one row, lists over the classes; None unless the row is finite, but for some -inf."""
    if any(math.isnan(value) for value, on in zip(x, active) if on):
        return None
    z, slope = zip(*(exact_transform(value, scale, softcap) if on else (-INF, mpf(0)) for value, on in zip(x, active)))
    top = max(z)
    if math.isinf(top):
        return None
    powers = [mpmath.exp(value - top) if value != -INF else mpf(0) for value in z]
    total = mpmath.fsum(powers)
    return z, slope, [power / total for power in powers], top + mpmath.log(total)


# ---------------------------------------------------------------------------------------------------------------------
# Cross-entropy
# ---------------------------------------------------------------------------------------------------------------------

OPTIONS = ["class_weights", "row_weights", "label_smoothing", "ignore_index", "scale", "softcap", "mask", "z_loss"]


class Unclear(Exception):
    """Random inputs whose expected answer would depend on rounding, or that have none."""


def base_case(name, op, shape, source, differs, dim):
    case = {"name": name, "op": op, "shape": list(shape), "dim": dim, "source": source, "differs": differs}
    return case if dim is not None else {key: value for key, value in case.items() if key != "dim"}


def pytorch_cross_entropy(logits, dim, targets, probabilities, options, reduction, upstream):
    """(loss, row_loss, grad, target_grad) of F.cross_entropy."""
    leaf, labels = tensor(logits, leaf=True), None
    moved = leaf.movedim(dim, 1) if logits.ndim > 1 else leaf
    if probabilities is None:
        rest = moved.shape[:1] + moved.shape[2:] if logits.ndim > 1 else ()
        wanted = torch.from_numpy(np.asarray(targets)).reshape(rest)
    else:
        labels = tensor(probabilities, leaf=True)
        wanted = labels.movedim(dim, 1) if logits.ndim > 1 else labels
    weight = None if options["class_weights"] is None else tensor(options["class_weights"])
    ignore = -100 if options["ignore_index"] is None else options["ignore_index"]
    arguments = dict(weight=weight, ignore_index=ignore, label_smoothing=options["label_smoothing"] or 0.0)
    loss = F.cross_entropy(moved, wanted, reduction=reduction, **arguments)
    seed = 1.0 if upstream is None else upstream
    loss.backward(torch.broadcast_to(tensor(seed).reshape(loss.shape if np.ndim(seed) else ()), loss.shape))
    with torch.no_grad():
        row_loss = F.cross_entropy(moved, wanted, reduction="none", **arguments).reshape(-1).numpy()
    target_grad = None if labels is None else labels.grad.numpy()
    return (None if reduction == "none" else loss.item()), row_loss, leaf.grad.numpy(), target_grad


def prepare(name, logits, targets, probabilities, dim, reduction, denominator, upstream, o):
    """What one cross-entropy call means, as arrays of [rows, classes], [rows] and [classes]."""
    shape, classes, rows = logits.shape, logits.shape[dim], row_count(logits.shape, dim)
    s = SimpleNamespace(name=name, dim=dim, shape=shape, rows=rows, classes=classes, hard=probabilities is None)
    s.logits, s.probabilities, s.x, s.softcap = logits, probabilities, to_rows(logits, dim), o["softcap"]
    s.scale = scale_column(o["scale"], rows)
    s.active = mask_rows(o["mask"], shape, dim)
    s.kept = s.active.sum(axis=1, keepdims=True)
    s.w = np.ones(classes) if o["class_weights"] is None else np.asarray(o["class_weights"], dtype=np.float64)
    s.a = np.ones(rows) if o["row_weights"] is None else np.asarray(o["row_weights"], dtype=np.float64)
    s.smoothing, s.z_loss = o["label_smoothing"] or 0.0, o["z_loss"] or 0.0
    s.valid, s.safe_targets = np.ones(rows, dtype=bool), None
    if s.hard:
        s.valid = np.ones(rows, dtype=bool) if o["ignore_index"] is None else targets != o["ignore_index"]
        s.safe_targets = np.where(s.valid, targets, 0)
        s.q = one_hot(s.safe_targets, classes)
        if not s.active[np.flatnonzero(s.valid), targets[s.valid]].all():
            fail(f"case {name} masks a target")
    else:
        s.q = to_rows(probabilities, dim)
    if not s.kept.all():
        fail(f"case {name} masks a whole row")
    s.coefficient = np.where(s.active, s.w * ((1.0 - s.smoothing) * s.q + s.smoothing / s.kept), 0.0)
    s.live = s.valid & (s.a != 0)
    if s.hard and not s.z_loss:
        s.live = s.live & (s.coefficient != 0).any(axis=1)  # every term of the row has coefficient 0
    s.divisor = None
    if reduction == "mean":
        of_target = s.w[s.safe_targets] if s.hard else np.ones(rows)
        named = {
            "target_weights": of_target[s.valid].sum(),
            "rows": rows,
            "valid_rows": s.valid.sum(),
            "all_weights": (s.a * of_target)[s.valid].sum(),
        }
        s.divisor = float(named[denominator] if isinstance(denominator, str) else denominator)
    s.none = reduction == "none"
    s.seeds = np.broadcast_to(np.asarray(1.0 if upstream is None else upstream, dtype=np.float64), rows)
    return s


def mean_of(total, divisor):
    """total / divisor as floating point has it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(total if divisor is None else np.float64(total) / np.float64(divisor))


def torch_answer(s):
    """The losses and statistics of the rows, and the gradients, from PyTorch; also z and log_softmax(z)."""
    leaf, labels = tensor(s.logits, leaf=True), None if s.hard else tensor(s.probabilities, leaf=True)
    x, on, alive = to_rows(leaf, s.dim), torch.from_numpy(s.active.copy()), torch.from_numpy(s.live)[:, None]
    z = transform(torch.where(alive, x, 0.0), on, s.scale, s.softcap)
    log_p = torch.log_softmax(z, dim=1)
    q = tensor(s.q) if s.hard else to_rows(labels, s.dim)
    coefficient = tensor(s.w) * ((1.0 - s.smoothing) * q + s.smoothing / tensor(s.kept))
    counts = on & ~((torch.from_numpy(s.coefficient) == 0) & (log_p == -INF))
    inner = -(torch.where(counts, coefficient, 0.0) * torch.where(counts, log_p, 0.0)).sum(dim=1)
    if s.z_loss:
        inner = inner + s.z_loss * torch.logsumexp(z, dim=1) ** 2
    row_loss = torch.where(alive[:, 0], tensor(s.a) * inner, 0.0)
    total = (row_loss * tensor(s.seeds)).sum()
    (total if s.divisor is None else total / tensor(s.divisor)).backward()

    answer = SimpleNamespace(row_loss=row_loss.detach().numpy(), grad=leaf.grad.numpy())
    answer.target_grad = None if s.hard else labels.grad.numpy()
    with torch.no_grad():
        z = transform(x, on, s.scale, s.softcap)
        log_p, lse = torch.log_softmax(z, dim=1), torch.logsumexp(z, dim=1).numpy()
        present = log_p != -INF
        entropy = -torch.where(present, log_p.exp() * torch.where(present, log_p, 0.0), 0.0).sum(dim=1)
    answer.lse, answer.entropy, answer.z = lse, entropy.numpy(), z.numpy()
    answer.row_z_loss = np.zeros(s.rows)
    if s.z_loss:
        answer.row_z_loss[s.live] = s.a[s.live] * s.z_loss * lse[s.live] ** 2
    answer.log_prob = np.full(s.rows, NAN)
    if s.hard:
        answer.log_prob = log_p.numpy()[np.arange(s.rows), s.safe_targets]
    answer.loss = None if s.none else mean_of(answer.row_loss.sum(), s.divisor)
    return answer


def exact_answer(s, answer):
    """The same with mpmath, its finite rows; and whether all rows that count are finite."""
    exact = SimpleNamespace(**{key: np.copy(value) for key, value in vars(answer).items() if value is not None})
    grad, target_grad = to_rows(exact.grad, s.dim), None if s.hard else to_rows(exact.target_grad, s.dim)
    grad, target_grad = grad.copy(), None if s.hard else target_grad.copy()
    smoothing, z_loss, loss, finite = mpf(s.smoothing), mpf(s.z_loss), mpf(0), True
    for r in range(s.rows):
        row = exact_softmax(s.x[r].tolist(), s.active[r], float(s.scale[r, 0]), s.softcap)
        if row is None:
            finite = finite and not s.live[r]
            continue
        z, slope, p, lse = row
        exact.lse[r], exact.entropy[r] = lse, -mpmath.fsum(value * mpmath.log(value) for value in p if value != 0)
        if s.hard:
            exact.log_prob[r] = z[s.safe_targets[r]] - lse
        if not s.live[r]:
            continue
        coefficient = [mpf(0)] * s.classes
        for c in np.flatnonzero(s.active[r]):
            coefficient[c] = mpf(s.w[c]) * ((1 - smoothing) * mpf(s.q[r, c]) + smoothing / int(s.kept[r, 0]))
        if any(value != 0 and z[c] == -INF for c, value in enumerate(coefficient)):
            finite = False
            continue
        summed = mpmath.fsum(value * (lse - z[c]) for c, value in enumerate(coefficient) if value != 0)
        exact.row_z_loss[r] = mpf(s.a[r]) * z_loss * lse * lse
        row_loss = mpf(s.a[r]) * (summed + z_loss * lse * lse)
        exact.row_loss[r], loss = row_loss, loss + row_loss
        factor = mpf(s.a[r]) * mpf(s.seeds[r]) / (1 if s.divisor is None else mpf(s.divisor))
        mass = mpmath.fsum(coefficient) + 2 * z_loss * lse
        for c in range(s.classes):
            grad[r, c] = factor * (mass * p[c] - coefficient[c]) * slope[c]
            if not s.hard:
                there = z[c] != -INF  # not masked either
                target_grad[r, c] = factor * (1 - smoothing) * mpf(s.w[c]) * (lse - z[c]) if there else mpf(0)
    exact.grad = from_rows(grad, s.shape, s.dim)
    exact.target_grad = None if s.hard else from_rows(target_grad, s.shape, s.dim)
    exact.loss = answer.loss
    if finite and not s.none and s.divisor != 0:
        exact.loss = float(loss / (1 if s.divisor is None else mpf(s.divisor)))
    return exact, finite


def argmax_and_rank(s, z, targets):
    """The first of the largest z and the place of the target, None where there is none."""
    argmax, rank = [None] * s.rows, [None] * s.rows
    for r in np.flatnonzero(~(np.isnan(s.x) & s.active).any(axis=1)):
        order = sorted(np.flatnonzero(s.active[r]).tolist(), key=lambda c: (-z[r, c], c))
        argmax[r] = order[0]
        if s.hard and s.valid[r]:
            rank[r] = order.index(int(targets[r]))
        for c in [argmax[r]] + ([] if rank[r] is None else [int(targets[r])]):
            others = s.active[r] & (s.x[r] != s.x[r, c])
            if (np.abs(z[r][others] - z[r, c]) < 1e-5 * max(1.0, abs(z[r, c]))).any():
                raise Unclear(f"{s.name}: the order of the classes hangs on rounding")
    return argmax, rank if s.hard else None


def cross_entropy(
    name,
    logits,
    targets=None,
    probabilities=None,
    dim=1,
    reduction="mean",
    denominator="target_weights",
    upstream=None,
    source="torch",
    differs=None,
    **given,
):
    o = {option: given.pop(option, None) for option in OPTIONS}
    if given:
        fail(f"case {name} has unknown options {list(given)}")
    targets = None if targets is None else np.asarray(targets, dtype=np.int64).reshape(-1)
    probabilities = None if probabilities is None else np.asarray(probabilities, dtype=np.float64)
    s = prepare(name, logits, targets, probabilities, dim, reduction, denominator, upstream, o)
    answer = torch_answer(s)
    exact, finite = exact_answer(s, answer)
    finite_z = np.abs(answer.z[np.isfinite(answer.z)])
    tolerance = 1e-12 * max(1.0, float(finite_z.max(initial=0.0))) ** 2
    for what in ["row_loss", "lse", "entropy", "row_z_loss", "log_prob", "grad", "target_grad", "loss"]:
        if getattr(answer, what) is not None:
            must_be_close(name, what, getattr(answer, what), getattr(exact, what), 1e-11, tolerance)
    if source == "mpmath":
        if not finite:
            fail(f"case {name} is not finite")
        answer = exact
    argmax, rank = argmax_and_rank(s, answer.z, targets)

    # F.cross_entropy, where it has the options.
    others = [o[option] for option in ["row_weights", "scale", "softcap", "mask", "z_loss"]]
    if all(option is None for option in others) and denominator == "target_weights":
        theirs = pytorch_cross_entropy(logits, dim, targets, probabilities, o, reduction, upstream)
        ours = (answer.loss, answer.row_loss, answer.grad, answer.target_grad)
        pairs = [(left, right) for left, right in zip(ours, theirs) if left is not None]
        must_differ_as_said(name, differs, pairs, 1e-10, tolerance)

    case = base_case(name, "cross_entropy", logits.shape, source, differs, dim)
    case.update(
        logits=flat(logits),
        targets=targets.tolist() if s.hard else None,
        probabilities=flat(probabilities),
        class_weights=numbers(o["class_weights"]),
        row_weights=numbers(o["row_weights"]),
        label_smoothing=o["label_smoothing"],
        ignore_index=o["ignore_index"],
        reduction=reduction,
        scale=numbers(o["scale"]),
        softcap=o["softcap"],
        mask=zeros_and_ones(o["mask"]),
        z_loss=o["z_loss"],
        denominator=denominator,
        upstream=numbers(upstream),
        loss=numbers(answer.loss),
        row_loss=flat(answer.row_loss),
        lse=flat(answer.lse),
        log_prob=[numbers(p) if v else None for p, v in zip(answer.log_prob.tolist(), s.valid)] if s.hard else None,
        argmax=argmax,
        rank=rank,
        entropy=flat(answer.entropy),
        row_z_loss=flat(answer.row_z_loss),
        valid_rows=int(s.valid.sum()),
        divisor=s.divisor,
        grad=flat(answer.grad),
        target_grad=flat(answer.target_grad),
    )
    return case


# Random options -------------------------------------------------------------------------------------------------------

HARD = [*OPTIONS, "denominator"]
SOFT = [option for option in HARD if option != "ignore_index"]
LAYOUTS = [((3, 5), 1), ((5, 7), 1), ((2, 5, 3), 1), ((4, 2), 1), ((5, 4), 0), ((2, 3, 2), 1), ((2, 3, 7), 2)]
LAYOUTS += [((6, 10), 1), ((7, 2, 3), 0), ((2, 17), 1), ((2, 7, 1, 2), 1), ((10,), 0), ((2, 33), 1)]


def random_case(name, names, hard, shape, dim, reduction, with_upstream=None, form=None):
    """A case with these options drawn at random; `form` chooses among the ways to write them."""
    rows, classes = row_count(shape, dim), shape[dim]
    while True:
        pick = int(random.integers(0, 12)) if form is None else form
        logits = normal(*shape)
        targets = some_targets(rows, classes)
        arguments = dict(targets=targets)
        if not hard:
            arguments = dict(probabilities=some_probabilities(shape, dim))
            if pick % 4 == 1:
                arguments = dict(probabilities=from_rows(one_hot(targets, classes), shape, dim))
            elif pick % 4 == 2:
                arguments = dict(probabilities=uniform(0, 1.5, *shape))
            elif pick % 4 == 3:
                arguments["probabilities"] *= random.integers(0, 2, size=shape)
        if "class_weights" in names:
            arguments["class_weights"] = uniform(0.25, 2.0, classes)
            if pick % 3 == 0 and classes > 1:
                arguments["class_weights"][np.delete(np.arange(classes), targets[-1])[0]] = 0.0
        if "row_weights" in names:
            arguments["row_weights"] = uniform(0.25, 2.0, rows)
            if pick % 3 == 1 and rows > 1:
                arguments["row_weights"][random.integers(rows)] = 0.0
        if "label_smoothing" in names:
            arguments["label_smoothing"] = f32([0.1, 0.3, 0.05, 1.0][pick % 4])
        if "ignore_index" in names:
            index = [-100, int(targets[0]), classes + 3, -1][pick % 4]
            if index == targets[-1]:
                continue
            if rows > 1:
                targets[0] = index
            arguments["ignore_index"] = index
        if "scale" in names:
            arguments["scale"] = f32([0.7, 1.6, 2.5][pick % 3]) if pick % 2 else uniform(0.5, 2.5, rows)
        if "softcap" in names:
            arguments["softcap"] = [5.0, 2.5, 30.0, f32(7.3)][pick % 4]
        if "mask" in names:
            whole = len(shape) == 1 or pick % 2 == 0
            mask = random.integers(0, 4, size=shape if whole else classes) > 0
            rows_of_mask = to_rows(mask, dim) if whole else mask.reshape(1, -1)
            rows_of_mask[:, random.integers(classes)] = True
            if hard:  # never a target
                known = np.where((targets >= 0) & (targets < classes), targets, 0)
                rows_of_mask = rows_of_mask | (one_hot(known, classes) > 0).any(axis=0, keepdims=not whole)
                if whole:
                    rows_of_mask = to_rows(mask, dim) | (one_hot(known, classes) > 0)
            arguments["mask"] = from_rows(rows_of_mask, shape, dim) if whole else rows_of_mask.reshape(-1)
        if "z_loss" in names:
            arguments["z_loss"] = f32([0.01, 0.2, 1e-3][pick % 3])
        if "denominator" in names:
            arguments["denominator"] = ["rows", "valid_rows", "all_weights", 12.5][pick % 4]
        if with_upstream or (with_upstream is None and pick % 3 == 2):
            arguments["upstream"] = f32(-1.7) if reduction != "none" else normal(rows)
        try:
            return cross_entropy(name, logits, dim=dim, reduction=reduction, **arguments)
        except Unclear:
            continue


def option_cases():
    """Each option alone, pairs, and random sets, with class indices and with probabilities."""
    reductions = itertools.cycle(["mean", "sum", "none"])
    layouts = itertools.cycle(LAYOUTS[:7])
    for kind, names in [("hard", HARD), ("soft", SOFT)]:
        for reduction in ["mean", "sum", "none"] if kind == "hard" else ["mean", "none"]:
            shape, dim = (4, 5), 1
            yield random_case(f"{kind}_plain_{reduction}", [], kind == "hard", shape, dim, reduction)
            for form, option in enumerate(names):
                if option != "denominator":
                    name = f"{kind}_{option}_{reduction}"
                    shape, dim = next(layouts)
                    yield random_case(name, [option], kind == "hard", shape, dim, reduction, reduction == "none", form)
        for form, label in enumerate(["rows", "valid_rows", "all_weights", "number"]):
            sets = ["denominator"] + (["ignore_index"] if kind == "hard" else [])
            yield random_case(f"{kind}_denominator_{label}", sets, kind == "hard", (4, 5), 1, "mean", form % 2, form)
            sets = [*sets, "class_weights", "row_weights"]
            name = f"{kind}_denominator_{label}_weights"
            yield random_case(name, sets, kind == "hard", (4, 5), 1, "mean", form % 2, form)
        for number, pair in enumerate(itertools.combinations(names, 2)):
            shape, dim = next(layouts)
            reduction = "mean" if "denominator" in pair else next(reductions)
            name = f"{kind}_pair_{pair[0]}_{pair[1]}"
            yield random_case(name, list(pair), kind == "hard", shape, dim, reduction, form=number % 12)
    for number in range(80):
        hard = number % 5 < 3
        names = [option for option in (HARD if hard else SOFT) if random.random() < 0.4]
        shape, dim = LAYOUTS[random.integers(len(LAYOUTS))]
        name = f"random_{number:02}_{'hard' if hard else 'soft'}"
        yield random_case(name, names, hard, shape, dim, next(reductions))


# Chosen cases ---------------------------------------------------------------------------------------------------------


def shape_cases():
    """Where the classes lie, and how many they are."""
    every_option = ["class_weights", "row_weights", "label_smoothing", "scale", "z_loss"]
    layouts = [((2, 5, 3), 1), ((2, 7, 2, 2), 1), ((5, 4), 0), ((7,), 0), ((10, 2, 3), 0), ((2, 3, 5), 2), ((1, 3), 1)]
    layouts += [((3, 1), 1), ((1,), 0), ((2, 1, 2), 1), ((3, 2), 1), ((1, 70), 1), ((2, 70), 1), ((33, 2), 0)]
    for shape, dim in layouts:
        label = "x".join(map(str, shape)) + f"_dim_{dim}"
        yield random_case(f"shape_{label}_hard_weights", ["class_weights"], True, shape, dim, "mean", False)
        if math.prod(shape) < 60:
            yield random_case(f"shape_{label}_soft", [], False, shape, dim, "none", True)
        yield random_case(f"shape_{label}_hard_five", every_option, True, shape, dim, "sum", True)
    for rows, classes in [(2, 130), (1, 257)]:
        names = ["class_weights", "label_smoothing", "mask", "softcap"]
        yield random_case(f"wide_{rows}x{classes}_hard", names, True, (rows, classes), 1, "mean", False)
        names = ["class_weights", "row_weights", "z_loss", "scale"]
        yield random_case(f"wide_{rows}x{classes}_soft", names, False, (rows, classes), 1, "sum", False)
    names = ["label_smoothing", "z_loss"]
    yield random_case("wide_2x257_hard_smoothing_z_loss", names, True, (2, 257), 1, "mean", False)
    yield random_case("wide_2x130_hard_ignore", ["ignore_index", "class_weights"], True, (2, 130), 1, "none", True, 1)


def target_ahead(rows, classes, lead):
    """Rows whose target logit is `lead` above the largest other logit."""
    logits, targets = normal(rows, classes), some_targets(rows, classes)
    for row, target in enumerate(targets):
        logits[row, target] = np.delete(logits[row], target).max() + lead
    return logits, targets


def confident_cases():
    for lead in [12, 20, 60]:
        logits, targets = target_ahead(3, 7, lead)
        soft = dict(probabilities=one_hot(targets, 7))
        row_weights, weights = uniform(0.25, 2, 3), uniform(0.25, 2, 7)
        upstream = np.array([0.5, -2.0, 3.0])
        mask = np.ones((3, 7), dtype=bool)
        for row, target in enumerate(targets):
            mask[row, (target + 1 + row) % 7] = False
        kinds = [
            ("weights", dict(targets=targets, class_weights=weights, row_weights=row_weights)),
            ("row_weights_none", dict(targets=targets, row_weights=row_weights, reduction="none", upstream=upstream)),
            ("scale", dict(targets=targets, scale=1.25, reduction="sum")),
            ("scale_rows", dict(targets=targets, scale=np.array([0.75, 1.0, 1.5]), reduction="none")),
            ("softcap", dict(targets=targets, softcap=50.0, reduction="sum")),
            ("mask", dict(targets=targets, mask=mask, reduction="none")),
            ("smoothing", dict(targets=targets, label_smoothing=f32(0.1))),
            ("z_loss", dict(targets=targets, z_loss=f32(1e-4), reduction="sum")),
            ("ignored", dict(targets=put(targets, (1, -100)).astype(int), ignore_index=-100, upstream=f32(0.3))),
            ("one_hot", dict(**soft)),
            (
                "one_hot_weights",
                dict(**soft, class_weights=weights, row_weights=row_weights, denominator="all_weights"),
            ),
        ]
        for kind, arguments in kinds:
            yield cross_entropy(f"ahead_{lead}_{kind}", logits, source="mpmath", **arguments)
        logits, targets = target_ahead(2, 33, lead)
        arguments = dict(class_weights=uniform(0.25, 2, 33), scale=1.5, row_weights=[2.0, 0.375], reduction="none")
        yield cross_entropy(f"ahead_{lead}_2x33_three", logits, targets, source="mpmath", **arguments)


def edge_cases():
    logits, targets = normal(4, 5), np.array([2, 0, 4, 1])
    soft = some_probabilities((4, 5), 1)
    eps = f32(0.1)
    weights = np.array([0.5, 1.25, 2.0, 0.75, 1.5])
    everywhere = ["mean", "none"]

    # -inf beside the target, at the target, and with coefficients of 0.
    beside = put(logits, (0, 0, -INF), (0, 4, -INF), (2, 1, -INF), (3, 0, -INF))
    at_target = put(logits, (1, 0, -INF))
    for reduction in everywhere:
        yield cross_entropy(
            f"minus_inf_beside_weights_{reduction}", beside, targets, class_weights=weights, reduction=reduction
        )
        name = f"minus_inf_at_target_row_weights_{reduction}"
        yield cross_entropy(name, at_target, targets, row_weights=[1.0, 0.5, 2.0, 1.0], reduction=reduction)
    yield cross_entropy("minus_inf_beside_smoothing_none", beside, targets, label_smoothing=eps, reduction="none")
    yield cross_entropy("minus_inf_at_target_smoothing_mean", at_target, targets, label_smoothing=eps)
    yield cross_entropy(
        "minus_inf_beside_scale_z_loss_none", beside, targets, scale=1.5, z_loss=f32(0.01), reduction="none"
    )
    yield cross_entropy("minus_inf_beside_softcap_none", beside, targets, softcap=4.0, reduction="none")
    yield cross_entropy("minus_inf_at_target_softcap_none", at_target, targets, softcap=4.0, reduction="none")
    yield cross_entropy("plus_inf_softcap_none", put(logits, (2, 3, INF)), targets, softcap=4.0, reduction="none")
    yield cross_entropy(
        "plus_inf_weights_none", put(logits, (2, 3, INF)), targets, class_weights=weights, reduction="none"
    )
    yield cross_entropy(
        "minus_inf_whole_row_weights_none",
        put(logits, (2, slice(None), -INF)),
        targets,
        class_weights=weights,
        reduction="none",
    )
    masked_minus_inf = np.array([0, 1, 1, 1, 0])
    one_row = np.array([2, 1, 3, 1])
    minus_inf_columns = put(logits, (slice(None), 0, -INF), (slice(None), 4, -INF))
    for reduction in everywhere:
        arguments = dict(mask=masked_minus_inf, label_smoothing=eps, reduction=reduction)
        yield cross_entropy(f"mask_over_minus_inf_smoothing_{reduction}", minus_inf_columns, one_row, **arguments)
    note = "PyTorch: NaN loss (0 * -inf)"
    zero_weight = put(weights, (0, 0.0), (4, 0.0))
    yield cross_entropy(
        "weight_0_minus_inf_none", minus_inf_columns, one_row, class_weights=zero_weight, reduction="none"
    )
    arguments = dict(class_weights=zero_weight, label_smoothing=eps)
    for reduction in everywhere:
        name = f"weight_0_minus_inf_smoothing_{reduction}"
        yield cross_entropy(name, minus_inf_columns, one_row, reduction=reduction, differs=note, **arguments)
    for reduction in everywhere:
        zero = put(weights, (0, 0.0))
        also = note + "; its gradients of this row are 0 too" if reduction == "none" else note
        name = f"weight_0_at_minus_inf_target_{reduction}"
        yield cross_entropy(name, at_target, targets, class_weights=zero, reduction=reduction, differs=also)
    sparse = put(soft, (slice(None), 0, 0.0), (slice(None), 4, 0.0))
    also = "PyTorch: NaN loss (0 * -inf) and target_grad inf"
    for reduction in everywhere:
        name = f"soft_target_0_minus_inf_{reduction}"
        yield cross_entropy(name, minus_inf_columns, probabilities=sparse, reduction=reduction, differs=also)
    name = "soft_target_0_minus_inf_weights_mean"
    yield cross_entropy(name, minus_inf_columns, probabilities=sparse, class_weights=weights, differs=also)
    name = "soft_weight_0_minus_inf_sum"
    differs = "PyTorch: NaN loss (0 * -inf) and NaN target_grad"
    arguments = dict(class_weights=zero_weight, reduction="sum", differs=differs)
    yield cross_entropy(name, minus_inf_columns, probabilities=soft, **arguments)
    yield cross_entropy("soft_minus_inf_none", put(logits, (1, 2, -INF)), probabilities=soft, reduction="none")
    yield cross_entropy(
        "soft_one_hot_minus_inf_elsewhere_none",
        beside,
        probabilities=one_hot(targets, 5),
        reduction="none",
        differs=also,
    )

    # Odd probabilities.
    odd = put(soft, (0, 1, -0.5), (1, 2, 1.75), (2, slice(None), 0.0))
    for reduction in everywhere:
        yield cross_entropy(f"soft_negative_above_1_all_0_{reduction}", logits, probabilities=odd, reduction=reduction)
    mask = np.array([1, 0, 1, 1, 0])
    yield cross_entropy("soft_mask_over_mass_mean", logits, probabilities=soft, mask=mask)
    arguments = dict(mask=mask, label_smoothing=eps, class_weights=weights, z_loss=f32(0.02), reduction="none")
    yield cross_entropy("soft_mask_over_mass_four_none", logits, probabilities=soft, **arguments)

    # Weights of 0 and below.
    yield cross_entropy("weights_negative_sum", logits, targets, class_weights=-weights + 1, reduction="sum")
    absent = put(weights, (2, 0.0), (0, 0.0), (4, 0.0), (1, 0.0))
    yield cross_entropy("weights_0_at_all_targets_sum", logits, targets, class_weights=absent, reduction="sum")
    yield cross_entropy("weights_0_at_all_targets_none", logits, targets, class_weights=absent, reduction="none")
    differs = "PyTorch: NaN gradients (0 / 0)"
    yield cross_entropy("weights_0_at_all_targets_mean", logits, targets, class_weights=absent, differs=differs)
    arguments = dict(class_weights=absent, label_smoothing=eps, reduction="sum")
    yield cross_entropy("weights_0_at_all_targets_smoothing_sum", logits, targets, **arguments)
    for kind, value in [("nan", NAN), ("minus_inf_target", -INF), ("plus_inf", INF)]:
        spoiled, some = put(logits, (1, 0, value)), [1.5, 0.0, 0.5, 1.0]
        yield cross_entropy(f"row_weight_0_{kind}_mean", spoiled, targets, row_weights=some)
        arguments = dict(row_weights=some, z_loss=f32(0.1), reduction="none", upstream=[1.0, 2.0, 3.0, -1.0])
        yield cross_entropy(f"row_weight_0_{kind}_z_loss_none", spoiled, targets, **arguments)
        name = f"row_weight_0_{kind}_soft_sum"
        yield cross_entropy(name, spoiled, probabilities=soft, row_weights=some, reduction="sum")
    yield cross_entropy("row_weights_all_0_mean", logits, targets, row_weights=[0.0] * 4)
    yield cross_entropy(
        "row_weights_all_0_all_weights", logits, targets, row_weights=[0.0] * 4, denominator="all_weights"
    )
    yield cross_entropy(
        "row_weights_negative_sum", logits, targets, row_weights=[1.0, -2.0, 0.5, -0.25], reduction="sum"
    )

    # Ignored rows.
    gone = [-100] * 4
    extra = dict(class_weights=weights, label_smoothing=eps, z_loss=f32(0.1), ignore_index=-100)
    for denominator in ["target_weights", "rows", "valid_rows", "all_weights", 8.0]:
        yield cross_entropy(f"ignored_all_{denominator}_mean", logits, gone, denominator=denominator, **extra)
    for reduction in ["sum", "none"]:
        yield cross_entropy(f"ignored_all_{reduction}", logits, gone, reduction=reduction, **extra)
    yield cross_entropy("ignored_all_weights_mean", logits, gone, class_weights=weights, ignore_index=-100)
    differs = "PyTorch: NaN gradient in the ignored row"
    some = np.array([2, -1, 4, 1])
    for kind, column, value in [("nan", 3, NAN), ("all_minus_inf", slice(None), -INF), ("plus_inf", 0, INF)]:
        spoiled = put(logits, (1, column, value))
        arguments = dict(class_weights=weights, label_smoothing=eps, ignore_index=-1, differs=differs)
        for reduction in everywhere:
            name = f"ignored_row_with_{kind}_{reduction}"
            yield cross_entropy(name, spoiled, some, reduction=reduction, **arguments)
        arguments = dict(row_weights=[1.0, 2.0, 0.5, 3.0], z_loss=f32(0.1), scale=1.25, mask=[1, 1, 1, 0, 1])
        yield cross_entropy(f"ignored_row_with_{kind}_four", spoiled, [2, -1, 4, 1], ignore_index=-1, **arguments)
    arguments = dict(ignore_index=1, class_weights=weights, z_loss=f32(0.05), row_weights=[1.0, 2.0, 0.5, 3.0])
    yield cross_entropy("ignored_inside_four", logits, targets, label_smoothing=eps, **arguments)

    # NaN.
    for kind, arguments in {
        "weights": dict(class_weights=weights),
        "smoothing": dict(label_smoothing=eps, reduction="none"),
        "row_weights_z_loss": dict(row_weights=[1.0, 0.5, 2.0, 1.0], z_loss=f32(0.1), reduction="none"),
        "scale_softcap": dict(scale=0.5, softcap=6.0, reduction="sum"),
        "upstream_0": dict(reduction="none", upstream=[1.0, 0.0, 1.0, 1.0]),
    }.items():
        yield cross_entropy(f"nan_row_{kind}", put(logits, (1, 3, NAN)), targets, **arguments)
    yield cross_entropy("nan_row_soft_none", put(logits, (1, 3, NAN)), probabilities=soft, reduction="none")

    # Masks.
    for kind, value in [("nan", NAN), ("plus_inf", INF), ("minus_inf", -INF), ("3e38", f32(3e38))]:
        spoiled = put(logits, (slice(None), 3, value))
        arguments = dict(mask=[1, 1, 1, 0, 1], label_smoothing=eps, z_loss=f32(0.1), reduction="none")
        yield cross_entropy(f"mask_over_{kind}_none", spoiled, targets, **arguments)
    only = one_hot(targets, 5) > 0
    yield cross_entropy("mask_leaves_the_target_mean", logits, targets, mask=only)
    arguments = dict(mask=only, label_smoothing=eps, z_loss=f32(0.1), class_weights=weights, reduction="none")
    yield cross_entropy("mask_leaves_the_target_three_none", logits, targets, **arguments)
    arguments = dict(mask=only, upstream=[1.0, -2.0, 0.0, 4.0], scale=1.5, reduction="none")
    yield cross_entropy("mask_leaves_one_soft_none", logits, probabilities=soft, **arguments)
    yield cross_entropy("mask_shared_leaves_one_sum", logits, [3] * 4, mask=[0, 0, 0, 1, 0], reduction="sum")
    per_row = np.array([[0, 1, 1, 0, 1], [1, 1, 1, 1, 1], [1, 0, 0, 0, 1], [0, 1, 0, 1, 0]])
    yield cross_entropy(
        "mask_per_row_smoothing_mean", logits, targets, mask=put(per_row, (0, 2, 1)), label_smoothing=eps
    )
    block = np.ones((2, 130))
    block[:, :128] = 0
    yield cross_entropy("mask_first_128_of_130_none", normal(2, 130), [129, 128], mask=block, reduction="none")

    # Ties.
    ties = np.array([[1.0, 2.0, 2.0, 0.5, 2.0], [0.0] * 5, [-1.0, -1.0, -2.0, -1.0, -3.0], [3.0, 3.0, 3.0, 3.0, 4.0]])
    yield cross_entropy("ties_none", ties, [4, 3, 2, 3], reduction="none")
    yield cross_entropy(
        "ties_mask_none", ties, [4, 3, 3, 3], mask=[1, 0, 1, 1, 1], scale=0.5, softcap=8.0, reduction="none"
    )

    # Smoothing at its ends; upstream of one number without reduction.
    yield cross_entropy("smoothing_1_sum", logits, targets, label_smoothing=1.0, class_weights=weights, reduction="sum")
    yield cross_entropy("smoothing_1_soft_mean", logits, probabilities=soft, label_smoothing=1.0)
    yield cross_entropy(
        "upstream_number_none", logits, targets, class_weights=weights, upstream=-0.75, reduction="none"
    )
    yield cross_entropy("upstream_0_mean", logits, targets, class_weights=weights, upstream=0.0)
    yield cross_entropy("large_logits_scale_mean", normal(3, 5, scale=400.0), [0, 3, 4], scale=0.0625)
    big = normal(3, 5, scale=12.0)
    yield cross_entropy("large_logits_softcap_sum", np.clip(big, -40, 40), [0, 3, 4], softcap=30.0, reduction="sum")


# ---------------------------------------------------------------------------------------------------------------------
# The other losses
# ---------------------------------------------------------------------------------------------------------------------


def reduced(elements, reduction, batch=1):
    """What backward starts from."""
    return elements.sum() / {"mean": elements.numel(), "batchmean": batch}.get(reduction, 1)


def loss_number(loss, reduction):
    return None if reduction == "none" else numbers(loss.item())


def bce(name, logits, targets, reduction="none", weight=None, pos_weight=None, differs=None):
    leaf, y = tensor(logits, leaf=True), tensor(targets)
    w = tensor(1.0 if weight is None else weight)
    ahead = w * y * tensor(1.0 if pos_weight is None else pos_weight)
    behind = w * (1 - y)

    def part(coefficient, sign):
        coefficient = torch.broadcast_to(coefficient, leaf.shape)
        return coefficient * F.logsigmoid(torch.where(coefficient != 0, sign * leaf, 0.0))

    elements = -(part(ahead, 1) + part(behind, -1))
    loss = reduced(elements, reduction)
    loss.backward()
    again = tensor(logits, leaf=True)
    weights = dict(weight=None if weight is None else w, pos_weight=None if pos_weight is None else tensor(pos_weight))
    theirs = F.binary_cross_entropy_with_logits(again, y, reduction=reduction, **weights)
    theirs.sum().backward()
    pairs = [(theirs.detach(), elements.detach() if reduction == "none" else loss.detach()), (again.grad, leaf.grad)]
    must_differ_as_said(name, differs, pairs, 1e-10, 1e-12)
    case = base_case(name, "bce_with_logits", logits.shape, "torch log1p", differs, logits.ndim - 1)
    case.update(
        logits=flat(logits),
        targets=flat(np.asarray(targets, dtype=np.float64)),
        weight=None if weight is None else flat(weight),
        pos_weight=None if pos_weight is None else flat(pos_weight),
        reduction=reduction,
        elements=flat(elements),
        loss=loss_number(loss, reduction),
        grad=flat(leaf.grad),
    )
    return case


def bce_cases():
    for shape in [(3, 5), (2, 3, 7), (10,), (3, 1), (2, 33)]:
        label = "x".join(map(str, shape))
        logits, hard, soft = normal(*shape, scale=3.0), random.integers(0, 2, size=shape), uniform(0, 1, *shape)
        yield bce(f"bce_{label}_none", logits, hard)
        yield bce(f"bce_{label}_pos_weight_mean", logits, soft, "mean", pos_weight=uniform(0.25, 4, shape[-1]))
        both = dict(weight=uniform(0.25, 2, *shape), pos_weight=uniform(0.25, 4, shape[-1]))
        yield bce(f"bce_{label}_full_weight_pos_weight_sum", logits, soft, "sum", **both)
    logits, soft = normal(3, 5, scale=3.0), uniform(0, 1, 3, 5)
    for reduction in ["none", "mean", "sum"]:
        yield bce(f"bce_class_weight_{reduction}", logits, soft, reduction, weight=uniform(0, 2, 5))
    yield bce("bce_full_weight_mean", logits, soft, "mean", weight=uniform(0, 2, 3, 5))
    yield bce("bce_targets_outside", logits, put(soft, (0, 0, 1.5), (1, 2, -0.25)))
    x = np.array([[-100.0, -60.0, -20.0, -12.0, -0.5, 0.0, 0.5, 12.0, 20.0, 60.0, 100.0]]).T
    wide = np.repeat(x, 3, axis=1)
    for reduction in ["none", "mean", "sum"]:
        yield bce(f"bce_far_{reduction}", wide, np.tile([0.0, 1.0, 0.25], (11, 1)), reduction)
    pos_weight = np.array([3.0, 0.5, 2.0])
    yield bce("bce_far_pos_weight", wide, np.tile([0.0, 1.0, 0.25], (11, 1)), pos_weight=pos_weight)
    infinite = np.array([[INF, INF, -INF, -INF], [INF, -INF, INF, -INF]])
    wrong, right = np.array([[0.0, 0.25, 1.0, 0.75]]), np.array([[1.0, 1.0, 0.0, 0.0]])
    yield bce("bce_plus_inf_wrong_side_none", infinite[:1, :2], wrong[:, :2])
    note = "PyTorch: NaN loss at -inf"
    yield bce("bce_inf_wrong_side_none", infinite[:1], wrong, differs=note)
    arguments = dict(pos_weight=np.array([2.0, 3.0, 0.5, 4.0]), differs=note)
    yield bce("bce_inf_wrong_side_mean", infinite[:1], wrong, "mean", **arguments)
    note = "PyTorch: NaN loss"
    for reduction in ["none", "mean", "sum"]:
        yield bce(f"bce_inf_right_side_{reduction}", infinite[:1], right, reduction, differs=note)
    both = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
    yield bce("bce_inf_both_sides_none", infinite, both, weight=np.array([0.5, 2.0, 1.0, 3.0]), differs=note)
    yield bce("bce_inf_weight_0_none", infinite, 1 - both, weight=np.zeros(4), differs=note)
    yield bce("bce_nan_none", put(normal(2, 4), (1, 2, NAN)), both)
    yield bce("bce_nan_mean", put(normal(2, 4), (1, 2, NAN)), both, "mean")


def sigmoid(name, logits):
    leaf, upstream = tensor(logits, leaf=True), normal(*logits.shape)
    out = torch.sigmoid(leaf)
    out.backward(tensor(upstream))
    grad = tensor(upstream) * torch.sigmoid(tensor(logits)) * torch.sigmoid(-tensor(logits))
    must_be_close(name, "grad", grad, leaf.grad, 1e-9, 1e-14)
    case = base_case(name, "sigmoid", logits.shape, "torch log1p", None, logits.ndim - 1)
    case.update(logits=flat(logits), upstream=flat(upstream), out=flat(out), grad=flat(grad))
    return case


def sigmoid_cases():
    for shape in [(3, 5), (2, 3, 2), (7,), (2, 33), (1, 1)]:
        yield sigmoid("sigmoid_" + "x".join(map(str, shape)), normal(*shape, scale=3.0))
    yield sigmoid("sigmoid_far", np.array([[-100.0, -80.0, -40.0, -20.0, 0.0], [100.0, 80.0, 40.0, 20.0, -0.0]]))
    yield sigmoid("sigmoid_special", np.array([[INF, -INF, NAN, 1.0], [0.0, INF, -2.0, -INF]]))


def nll(name, logits, targets, dim=1, reduction="mean", class_weights=None, ignore_index=None, differs=None):
    shape, classes = logits.shape, logits.shape[dim]
    targets = np.asarray(targets, dtype=np.int64)
    w = np.ones(classes) if class_weights is None else np.asarray(class_weights, dtype=np.float64)
    valid = targets != (10**9 if ignore_index is None else ignore_index)
    safe = np.where(valid, targets, 0)
    chosen = w[safe] * valid
    leaf = tensor(logits, leaf=True)
    at_target = to_rows(leaf, dim)[torch.arange(len(targets)), torch.from_numpy(safe)]
    counts = torch.from_numpy(chosen != 0)
    row_loss = -tensor(chosen) * torch.where(counts, at_target, 0.0)
    divisor = float(chosen.sum()) if reduction == "mean" else None
    loss = row_loss.sum() if divisor is None else row_loss.sum() / tensor(divisor)
    loss.backward()

    again = tensor(logits, leaf=True)
    moved = again.movedim(dim, 1) if logits.ndim > 1 else again
    rest = moved.shape[:1] + moved.shape[2:] if logits.ndim > 1 else ()
    weight = None if class_weights is None else tensor(w)
    ignore = -100 if ignore_index is None else ignore_index
    wanted = torch.from_numpy(targets).reshape(rest)
    theirs = F.nll_loss(moved, wanted, weight=weight, ignore_index=ignore, reduction=reduction)
    theirs.sum().backward()
    mine = row_loss if reduction == "none" else loss
    pairs = [(mine.detach(), theirs.detach().reshape(mine.shape)), (leaf.grad, again.grad)]
    must_differ_as_said(name, differs, pairs, 1e-12, 1e-14)
    case = base_case(name, "nll", shape, "torch", differs, dim)
    case.update(
        logits=flat(logits),
        targets=targets.tolist(),
        class_weights=numbers(class_weights),
        ignore_index=ignore_index,
        reduction=reduction,
        loss=loss_number(loss, reduction),
        row_loss=flat(row_loss),
        valid_rows=int(valid.sum()),
        divisor=divisor,
        grad=flat(leaf.grad),
    )
    return case


def to_f32(values):
    """Rounded to float32, as float64."""
    return np.asarray(values).astype(np.float32).astype(np.float64)


def log_probabilities(shape):
    rows, classes = shape
    return to_f32(np.log(random.dirichlet(np.ones(classes), size=rows)))


def nll_cases():
    for shape, dim in [((4, 5), 1), ((2, 5, 3), 1), ((5, 4), 0), ((7,), 0), ((2, 33), 1), ((3, 1), 1)]:
        label = "x".join(map(str, shape)) + f"_dim_{dim}"
        rows, classes = row_count(shape, dim), shape[dim]
        logs = from_rows(log_probabilities((rows, classes)), shape, dim)
        targets = some_targets(rows, classes)
        for reduction in ["mean", "none"]:
            yield nll(f"nll_{label}_{reduction}", logs, targets, dim, reduction)
        arguments = dict(class_weights=uniform(0.25, 2, classes), ignore_index=int(targets[0]) if rows > 1 else -1)
        if rows > 1 and (targets != targets[0]).any():
            yield nll(f"nll_{label}_weights_ignore_sum", logs, targets, dim, "sum", **arguments)
            yield nll(f"nll_{label}_weights_ignore_mean", logs, targets, dim, "mean", **arguments)
    logs, targets, weights = log_probabilities((4, 5)), [2, 0, 4, 1], np.array([0.5, 1.25, 2.0, 0.75, 1.5])
    yield nll("nll_weights_none", logs, targets, reduction="none", class_weights=weights)
    yield nll("nll_ignored_all_mean", logs, [-100] * 4, ignore_index=-100)
    yield nll("nll_ignored_all_sum", logs, [-100] * 4, reduction="sum", ignore_index=-100, class_weights=weights)
    spoiled = put(logs, (1, slice(None), NAN))
    for reduction in ["mean", "none"]:
        yield nll(f"nll_ignored_nan_{reduction}", spoiled, [2, -1, 4, 1], reduction=reduction, ignore_index=-1)
        yield nll(f"nll_nan_elsewhere_{reduction}", put(logs, (1, 3, NAN)), targets, reduction=reduction)
        yield nll(f"nll_nan_at_target_{reduction}", put(logs, (1, 0, NAN)), targets, reduction=reduction)
        yield nll(f"nll_minus_inf_at_target_{reduction}", put(logs, (1, 0, -INF)), targets, reduction=reduction)
        zero = put(weights, (0, 0.0))
        arguments = dict(reduction=reduction, class_weights=zero, differs="PyTorch: NaN loss (0 * -inf)")
        yield nll(f"nll_weight_0_minus_inf_{reduction}", put(logs, (1, 0, -INF)), targets, **arguments)
    yield nll("nll_not_normalised_mean", normal(4, 5), targets, class_weights=weights)


def kl_div(name, logits, targets, reduction="none", log_target=False, differs=None):
    x, t = tensor(logits, leaf=True), tensor(targets, leaf=True)
    counts = (t.detach() != -INF) if log_target else (t.detach() != 0)
    x_in, t_in = torch.where(counts, x, 0.0), torch.where(counts, t, 0.0 if log_target else 1.0)
    inner = t_in.exp() * (t_in - x_in) if log_target else t_in * (t_in.log() - x_in)
    elements = torch.where(counts, inner, 0.0)
    loss = reduced(elements, reduction, logits.shape[0])
    loss.backward()
    x2, t2 = tensor(logits, leaf=True), tensor(targets, leaf=True)
    theirs = F.kl_div(x2, t2, reduction=reduction, log_target=log_target)
    theirs.sum().backward()
    mine = elements if reduction == "none" else loss
    pairs = [(mine.detach(), theirs.detach()), (x.grad, x2.grad), (t.grad, t2.grad)]
    must_differ_as_said(name, differs, pairs, 1e-12, 1e-14)
    case = base_case(name, "kl_div", logits.shape, "torch", differs, logits.ndim - 1)
    case.update(
        logits=flat(logits),
        targets=flat(targets),
        log_target=log_target,
        reduction=reduction,
        elements=flat(elements),
        loss=loss_number(loss, reduction),
        grad=flat(x.grad),
        target_grad=flat(t.grad),
    )
    return case


def kl_div_cases():
    for shape in [(3, 5), (2, 33), (3, 1)]:
        label = "x".join(map(str, shape))
        logs, q, log_q = log_probabilities(shape), some_probabilities(shape, 1), log_probabilities(shape)
        q = np.maximum(q, 2.0**-14)
        for reduction in ["none", "batchmean"] if shape != (3, 5) else ["none", "mean", "sum", "batchmean"]:
            yield kl_div(f"kl_{label}_{reduction}", logs, q, reduction)
            yield kl_div(f"kl_{label}_log_target_{reduction}", logs, log_q, reduction, log_target=True)
    logs, q, log_q = log_probabilities((3, 5)), some_probabilities((3, 5), 1), log_probabilities((3, 5))
    q = np.maximum(q, 2.0**-14)
    yield kl_div("kl_equal_sum", to_f32(np.log(q)), q, "sum")
    three_d = logs[:2, :4].reshape(2, 2, 2)
    yield kl_div("kl_2x2x2_mean", three_d, q[:2, :4].reshape(2, 2, 2), "mean")
    yield kl_div("kl_minus_inf_wrong_none", put(logs, (1, 2, -INF)), q)
    yield kl_div("kl_minus_inf_wrong_batchmean", put(logs, (1, 2, -INF)), q, "batchmean")
    yield kl_div("kl_nan_none", put(logs, (1, 2, NAN)), q)
    yield kl_div("kl_log_target_minus_inf_input_none", put(logs, (1, 2, -INF)), log_q, log_target=True)
    zero = put(q, (0, 1, 0.0), (1, slice(1, 5), 0.0), (1, 0, 1.0))
    hidden = put(logs, (0, 1, -INF), (1, 3, -INF))
    for reduction in ["none", "batchmean"]:
        note = "PyTorch: NaN target_grad at target 0"
        yield kl_div(f"kl_target_0_{reduction}", logs, zero, reduction, differs=note)
        note = "PyTorch: NaN loss (0 * -inf), NaN target_grad at target 0"
        yield kl_div(f"kl_target_0_minus_inf_{reduction}", hidden, zero, reduction, differs=note)
        with np.errstate(divide="ignore"):
            log_zero = to_f32(np.log(zero))
        note = "PyTorch: NaN loss and NaN target_grad at target -inf"
        name = f"kl_log_target_minus_inf_{reduction}"
        yield kl_div(name, logs, log_zero, reduction, log_target=True, differs=note)
        name = f"kl_log_target_minus_inf_both_{reduction}"
        yield kl_div(name, hidden, log_zero, reduction, log_target=True, differs=note)


def entropy(name, probabilities, dim=1):
    leaf = tensor(probabilities, leaf=True)
    row = torch.special.entr(to_rows(leaf, dim)).sum(dim=1)
    row.sum().backward()
    case = base_case(name, "entropy", probabilities.shape, "torch", None, dim)
    case.update(probabilities=flat(probabilities), row=flat(row), grad=flat(leaf.grad))
    return case


def distribution_cross_entropy(name, p, q, dim=1, differs=None):
    left, right = tensor(p, leaf=True), tensor(q, leaf=True)
    counts = ~((left.detach() == 0) & (right.detach() == 0))
    row = -to_rows(left * torch.log(torch.where(counts, right, 1.0)), dim).sum(dim=1)
    row.sum().backward()
    case = base_case(name, "distribution_cross_entropy", p.shape, "torch", differs, dim)
    case.update(p=flat(p), q=flat(q), row=flat(row), grad_p=flat(left.grad), grad_q=flat(right.grad))
    return case


def distribution_cases():
    for shape, dim in [((3, 5), 1), ((2, 5, 3), 1), ((5, 4), 0), ((7,), 0), ((2, 33), 1), ((1, 70), 1), ((3, 1), 1)]:
        label = "x".join(map(str, shape)) + f"_dim_{dim}"
        p, q = (np.maximum(some_probabilities(shape, dim), 2.0**-14) for _ in range(2))
        yield entropy(f"entropy_{label}", p, dim)
        yield distribution_cross_entropy(f"distributions_{label}", p, q, dim)
    p, q = (np.maximum(some_probabilities((3, 5), 1), 2.0**-14) for _ in range(2))
    zeros = put(p, (0, 1, 0.0), (1, slice(1, 5), 0.0), (1, 0, 1.0), (2, 4, 0.0))
    yield entropy("entropy_zeros", zeros)
    yield entropy("entropy_not_normalised", uniform(0.125, 3, 3, 5))
    yield entropy("entropy_nan", put(p, (1, 2, NAN)))
    yield distribution_cross_entropy("distributions_p_0", zeros, q)
    yield distribution_cross_entropy("distributions_q_0", p, put(q, (1, 2, 0.0)))
    note = "PyTorch: NaN row (0 * -inf), grad_p inf and NaN grad_q at 0, 0"
    yield distribution_cross_entropy("distributions_both_0", zeros, put(q, (0, 1, 0.0), (1, 3, 0.0)), differs=note)
    yield distribution_cross_entropy("distributions_one_hot", one_hot([2, 0, 4], 5), q)
    yield distribution_cross_entropy("distributions_nan", p, put(q, (1, 2, NAN)))


# ---------------------------------------------------------------------------------------------------------------------
# Softmax, log-softmax, log-sum-exp, top-k
# ---------------------------------------------------------------------------------------------------------------------


def softmax(name, logits, dim=1, scale=None, softcap=None, mask=None, source="torch", ops=("softmax", "log_softmax")):
    """Both operations on the same logits, each with its own upstream."""
    shape, rows = logits.shape, row_count(logits.shape, dim)
    active, x_rows, scales = mask_rows(mask, shape, dim), to_rows(logits, dim), scale_column(scale, rows)[:, 0]
    on = torch.from_numpy(active.copy())
    for op in ops:
        leaf, upstream = tensor(logits, leaf=True), normal(*shape)
        u_rows = to_rows(upstream, dim) * (1.0 if op == "softmax" else active)
        upstream = from_rows(u_rows, shape, dim)
        z = transform(to_rows(leaf, dim), on, scale, softcap)
        out = torch.softmax(z, dim=1) if op == "softmax" else torch.log_softmax(z, dim=1)
        out = torch.where(on, out, 0.0 if op == "softmax" else -INF)
        out.backward(tensor(u_rows))
        plain, grad = out.detach().numpy(), to_rows(leaf.grad.numpy(), dim)
        exact_out, exact_grad = plain.copy(), grad.copy()
        for r in range(rows):
            answer = exact_softmax(x_rows[r].tolist(), active[r], float(scales[r]), softcap)
            if answer is None:
                if source == "mpmath":
                    fail(f"case {name} is not finite")
                continue
            z_r, slope, p, lse = answer
            u = [mpf(value) for value in u_rows[r]]
            mean = mpmath.fsum(left * right for left, right in zip(p, u))
            total = mpmath.fsum(value for value, used in zip(u, active[r]) if used)
            for c in np.flatnonzero(active[r]):
                is_inf = z_r[c] == -INF
                exact_out[r, c] = p[c] if op == "softmax" else -INF if is_inf else z_r[c] - lse
                exact_grad[r, c] = slope[c] * (p[c] * (u[c] - mean) if op == "softmax" else u[c] - p[c] * total)
        tolerance = 1e-12 * max(1.0, float(np.abs(x_rows[np.isfinite(x_rows)]).max(initial=0.0)))
        must_be_close(name, "out", plain, exact_out, 1e-10, tolerance)
        must_be_close(name, "grad", grad, exact_grad, 1e-10, tolerance)
        if source == "mpmath":
            plain, grad = exact_out, exact_grad
        case = base_case(f"{op}_{name}", op, shape, source, None, dim)
        case.update(
            logits=flat(logits),
            scale=numbers(scale),
            softcap=softcap,
            mask=zeros_and_ones(mask),
            upstream=flat(upstream),
            out=flat(from_rows(plain, shape, dim)),
            grad=flat(from_rows(grad, shape, dim)),
        )
        yield case


def softmax_cases():
    for shape, dim in [((2, 5, 3), 1), ((5, 4), 0), ((7,), 0), ((2, 7, 2, 2), 1), ((3, 1), 1), ((2, 33), 1)]:
        yield from softmax("shape_" + "x".join(map(str, shape)) + f"_dim_{dim}", normal(*shape), dim)
    logits = normal(4, 5)
    yield from softmax("scale", logits, scale=f32(1.7))
    yield from softmax("scale_rows", logits, scale=uniform(0.25, 3, 4))
    yield from softmax("scale_rows_dim_1", normal(2, 5, 3), scale=uniform(0.25, 3, 6))
    yield from softmax("softcap", logits, softcap=2.5)
    yield from softmax("scale_softcap", normal(2, 10), scale=f32(0.7), softcap=30.0)
    yield from softmax("mask_shared", logits, mask=np.array([1, 0, 1, 1, 0]))
    yield from softmax("mask_full", logits, mask=put(np.ones((4, 5)), (0, 0, 0), (1, slice(1, 5), 0), (3, 4, 0)))
    mask = random.integers(0, 3, size=(2, 5, 3)) > 0
    mask[:, 2] = True
    yield from softmax("mask_full_dim_1_scale", normal(2, 5, 3), scale=1.5, mask=mask)
    yield from softmax("mask_shared_dim_0_all", normal(5, 4), 0, uniform(0.5, 2, 4), 4.0, np.array([0, 1, 1, 0, 1]))
    yield from softmax("mask_leaves_one", logits, mask=np.array([0, 0, 1, 0, 0]))
    block = np.ones(130)
    block[:128] = 0
    yield from softmax("mask_first_128_of_130", normal(1, 130), mask=block)
    mask = np.array([1, 0, 1, 1, 1])
    yield from softmax("mask_over_nan", put(logits, (2, 1, NAN), (0, 1, INF), (1, 1, -INF)), mask=mask)
    yield from softmax("nan_row_mask", put(logits, (2, 3, NAN)), mask=mask)
    yield from softmax("plus_inf_row_scale", put(logits, (2, 3, INF)), scale=1.5)
    yield from softmax("minus_inf_mask", put(logits, (0, 0, -INF), (2, 3, -INF), (2, 4, -INF)), mask=mask)
    left = put(logits, (1, slice(2, 5), -INF), (1, 0, -INF))
    yield from softmax("minus_inf_left_by_mask", left, mask=mask)
    yield from softmax("minus_inf_softcap", put(logits, (0, 0, -INF), (1, 2, INF)), softcap=3.0)
    for lead in [12, 20, 60]:
        yield from softmax(f"ahead_{lead}_scale", target_ahead(2, 7, lead)[0], scale=1.25, source="mpmath")


def logsumexp(name, logits, dims, mask=None, b=None):
    shape = logits.shape
    kept = [axis for axis in range(len(shape)) if axis not in dims]
    outer, inner = [shape[axis] for axis in kept], [shape[axis] for axis in dims]

    def rows_of(values):
        return values.permute(*kept, *dims).reshape(math.prod(outer), math.prod(inner))

    leaf = tensor(logits, leaf=True)
    x = rows_of(leaf)
    on = torch.ones_like(x, dtype=torch.bool) if mask is None else rows_of(tensor(mask)) != 0
    factor = torch.ones_like(x) if b is None else rows_of(tensor(b))
    on = on & (factor != 0)
    x_in = torch.where(on, x, -INF)
    upstream = normal(math.prod(outer))
    sign = None
    if b is None:
        out = torch.logsumexp(x_in, dim=1)
        if mask is None:
            again = torch.logsumexp(tensor(logits), dim=tuple(dims)).reshape(-1)
            must_be_close(name, "out", out.detach(), again, 1e-14, 1e-14)
    else:
        top = x_in.detach().max(dim=1, keepdim=True).values
        top = torch.where(torch.isinf(top), 0.0, top)
        total = (factor * torch.exp(x_in - top)).sum(dim=1)
        out, sign = torch.log(torch.abs(total)) + top[:, 0], torch.sign(total).detach()
    out.backward(tensor(upstream))
    grad = rows_of(leaf.grad).numpy().copy()
    out = out.detach().numpy()
    exact_out, exact_grad, undefined = out.copy(), grad.copy(), []
    for r in range(len(out)):
        values, used, factors = x[r].tolist(), on[r].tolist(), factor[r].tolist()
        if not all(math.isfinite(value) or value == -INF for value, use in zip(values, used) if use):
            continue
        powers = [
            mpf(f) * mpmath.exp(mpf(v)) if use and v != -INF else mpf(0) for v, f, use in zip(values, factors, used)
        ]
        total = mpmath.fsum(powers)
        if total == 0:
            if any(power != 0 for power in powers):
                undefined.append(r)
            continue
        size = mpmath.fsum(abs(power) for power in powers)
        if size / abs(total) > 16:
            raise Unclear(f"{name}: the sum cancels")
        exact_out[r] = mpmath.log(abs(total))
        if sign is not None and int(sign[r]) != (1 if total > 0 else -1):
            fail(f"sign of case {name}")
        for c, power in enumerate(powers):
            exact_grad[r, c] = mpf(upstream[r]) * power / total
    fine = [r for r in range(len(out)) if r not in undefined]
    tolerance = 1e-12 * max(1.0, float(np.abs(logits[np.isfinite(logits)]).max(initial=0.0)))
    must_be_close(name, "out", out, exact_out, 1e-11, tolerance)
    must_be_close(name, "grad", grad[fine], exact_grad[fine], 1e-10, tolerance)
    full = grad.astype(object)
    full[undefined] = None
    back = np.argsort([*kept, *dims])
    full = full.reshape(*outer, *inner).transpose(*back)
    case = base_case(name, "logsumexp", shape, "torch", None, None)
    case.update(
        dims=list(dims),
        logits=flat(logits),
        mask=zeros_and_ones(mask),
        b=None if b is None else flat(np.asarray(b, dtype=np.float64)),
        upstream=flat(upstream),
        out=flat(out),
        sign=None if sign is None else [int(value) for value in sign],
        grad=[numbers(value) for value in full.reshape(-1).tolist()],
    )
    return case


def with_signs(name, shape, dims, zeros=False):
    while True:
        b = uniform(0.25, 2, *shape) * random.choice([-1.0, 1.0], size=shape)
        b = b * random.integers(0, 2, size=shape) if zeros else b
        try:
            return logsumexp(name, normal(*shape), dims, b=b)
        except Unclear:
            continue


def logsumexp_cases():
    layouts = {
        (3, 5): ["1", "0", "01"],
        (7,): ["0"],
        (2, 5, 3): ["1", "02", "12", "01", "012"],
        (2, 3, 2, 3): ["02", "13"],
        (3, 1): ["1"],
        (33, 2): ["0"],
        (2, 130): ["1"],
    }
    for shape, label in [(shape, label) for shape, labels in layouts.items() for label in labels]:
        dims = [int(letter) for letter in label]
        label = "x".join(map(str, shape)) + "_dims_" + label
        yield logsumexp(f"lse_{label}", normal(*shape), dims)
        if math.prod(shape) < 100:
            mask = random.integers(0, 4, size=shape) > 0
            mask |= ~mask.any(axis=tuple(dims), keepdims=True)  # no empty sums here
            yield logsumexp(f"lse_{label}_mask", normal(*shape), dims, mask=mask)
    logits = normal(4, 5)
    mask = put(np.ones((4, 5)), (0, 0, 0), (1, slice(None), 0), (2, slice(0, 4), 0))
    yield logsumexp("lse_mask_whole_row", logits, [1], mask=mask)
    yield logsumexp("lse_mask_over_special", put(logits, (0, 0, NAN), (2, 0, INF), (2, 1, NAN)), [1], mask=mask)
    yield logsumexp("lse_special", put(logits, (0, 0, NAN), (1, slice(None), -INF), (2, 3, INF), (3, 1, -INF)), [1])
    yield logsumexp("lse_special_dims_01", put(logits, (0, 0, -INF), (3, 3, -INF)), [0, 1])
    yield logsumexp("lse_large", normal(3, 5, scale=40.0), [1])
    for shape, dims in [((3, 5), [1]), ((2, 5, 3), [0, 2]), ((7,), [0]), ((2, 33), [1])]:
        label = "x".join(map(str, shape)) + "_dims_" + "".join(map(str, dims))
        yield with_signs(f"lse_b_{label}", shape, dims)
        yield with_signs(f"lse_b_{label}_zeros", shape, dims, zeros=True)
    yield logsumexp("lse_b_positive", normal(3, 5), [1], b=uniform(0.25, 3, 3, 5))
    yield logsumexp("lse_b_negative", normal(3, 5), [1], b=-uniform(0.25, 3, 3, 5))
    b = np.array([[0.0] * 5, [0.0, 1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0], [0.0, -2.0, 0.0, 0.5, 0.0]])
    yield logsumexp("lse_b_all_0", logits, [1], b=b)
    spoiled = put(logits, (0, 0, -INF), (1, 2, INF), (1, 3, -INF), (3, 4, INF))
    yield logsumexp("lse_b_0_over_infinite", spoiled, [1], b=b)
    yield logsumexp("lse_b_minus_inf", put(logits, (1, 2, -INF), (2, 3, -INF), (3, 4, -INF)), [1], b=np.abs(b) + 0.25)
    cancels = np.array([[1.5, 1.5, -0.5, -0.5], [2.0, 1.0, 0.5, 2.0]])
    signs = np.array([[1.0, -1.0, 2.0, -2.0], [1.0, 1.0, -1.0, 1.0]])
    yield logsumexp("lse_b_cancels", cancels, [1], b=signs)
    yield logsumexp("lse_b_mask", logits, [1], mask=put(np.ones((4, 5)), (2, slice(0, 3), 0)), b=np.abs(b))


def top_k(name, logits, k, dim=1):
    shape, rows = logits.shape, row_count(logits.shape, dim)
    x = to_rows(logits, dim)
    ordered, indices = torch.sort(tensor(x), dim=1, descending=True, stable=True)
    log_p = torch.log_softmax(tensor(x), dim=1).gather(1, indices).numpy()[:, :k].copy()
    indices = indices.numpy()[:, :k]
    found = torch.topk(tensor(x), k, dim=1).values
    must_be_close(name, "values", ordered[:, :k], found, 0, 0)
    for r in range(rows):
        z, _, _, lse = exact_softmax(x[r].tolist(), [True] * x.shape[1])
        for place, c in enumerate(indices[r]):
            value = -INF if z[c] == -INF else float(z[c] - lse)
            must_be_close(name, "log_probs", log_p[r, place], value, 1e-11, 1e-12 * max(1.0, abs(float(lse))))
            log_p[r, place] = value
    case = base_case(name, "top_k", shape, "mpmath", None, dim)
    case.update(logits=flat(logits), k=k, indices=indices.reshape(-1).tolist(), log_probs=flat(log_p))
    return case


def top_k_cases():
    for rows, classes, k in [
        (3, 5, 1),
        (3, 5, 3),
        (2, 5, 5),
        (2, 33, 8),
        (2, 130, 10),
        (1, 257, 7),
        (3, 1, 1),
        (2, 2, 2),
    ]:
        yield top_k(f"top_{k}_of_{rows}x{classes}", normal(rows, classes), k)
    yield top_k("top_2_of_2x5x3_dim_1", normal(2, 5, 3), 2)
    yield top_k("top_3_of_5x4_dim_0", normal(5, 4), 3, 0)
    yield top_k("top_3_of_7_dim_0", normal(7), 3, 0)
    ties = np.array([[1.0, 2.0, 2.0, 0.5, 2.0], [0.0] * 5, [-1.0, -2.0, -1.0, -1.0, -3.0]])
    yield top_k("top_3_ties", ties, 3)
    yield top_k("top_5_ties", ties, 5)
    yield top_k("top_20_ties_2x130", np.round(normal(2, 130)), 20)
    yield top_k("top_3_minus_inf", put(normal(3, 5), (0, slice(0, 4), -INF), (1, 0, -INF), (1, 4, -INF)), 3)
    for lead in [20, 60]:
        yield top_k(f"top_2_ahead_{lead}", target_ahead(3, 7, lead)[0], 2)


# ---------------------------------------------------------------------------------------------------------------------
# The file
# ---------------------------------------------------------------------------------------------------------------------


def all_cases():
    parts = [option_cases, shape_cases, confident_cases, edge_cases, bce_cases, sigmoid_cases, nll_cases, kl_div_cases]
    parts += [distribution_cases, softmax_cases, logsumexp_cases, top_k_cases]
    for part in parts:
        yield from part()


if __name__ == "__main__":
    torch_cases.main(__doc__, "torch_options.json", all_cases)
