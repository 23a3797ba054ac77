"""PyTorch eager and compiled, Liger, QuACK and a Triton kernel on a GPU, for `torch_peer.py --cuda`.

Times are by CUDA events around batches of calls, which take turns with buffers that together exceed the cache. What cannot
be imported or run is left out, with the reason on stderr.
"""

import importlib
import sys

import torch
import torch.nn.functional as F

from torch_peer import error_of, record, shapes_of

# Those that the goals for a GPU are judged by (docs/decisions/0012) first: a run may be cut short.
SHAPES = (
    "2048x131072,8192x131072,16384x4096,4096x32000,1024x262144,8192x16384,2048x128256,16384x1000,8192x32000,65536x10,16384x128,"
    "8x262144,1x1000000"
)
# Compiling a loss and its backward pass takes longer than measuring all others.
COMPILED_LOSS = (4096, 32000)
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 2e-2}
NAMES = {torch.float32: "f32", torch.bfloat16: "bf16"}


def left_out(what, problem):
    reason = (str(problem).strip() or "no reason given").splitlines()[0][:200]
    print(f"left out {what}: {type(problem).__name__}: {reason}", file=sys.stderr, flush=True)


def module(name):
    """A module, or None."""
    try:
        return importlib.import_module(name)
    except Exception as problem:
        left_out(name, problem)
        return None


class Buffers:
    """One of the sets of buffers that calls take turns with."""

    def __init__(self, x, t):
        self.x, self.t = x, t
        self.leaf = x.detach().clone().requires_grad_()
        self.out = torch.empty_like(x)


def differentiated(loss_of):
    """A call that computes a loss and its gradient with autograd, into fresh memory."""

    def call(b):
        loss = loss_of(b.leaf, b.t)
        return loss, torch.autograd.grad(loss, b.leaf)[0]

    return call


def cases(modules, shape):
    """(peer, op, plan, call): a call takes buffers and returns the loss or None, and the elements or None."""
    torch_name = f"torch {torch.__version__.split('+')[0]}"
    ce = F.cross_entropy
    ce_f32 = lambda x, t: F.cross_entropy(x.float(), t)
    compiled = torch.compile(ce, dynamic=False)
    compiled_softmax = torch.compile(lambda x: torch.softmax(x, 1), dynamic=False)
    found = [
        (torch_name, "loss", "eager, fresh outputs", lambda b: (ce(b.x, b.t), None)),
        (torch_name, "loss+gradient", "eager, fresh outputs", differentiated(ce)),
        (torch_name, "loss+gradient", "eager on x.float(), fresh outputs", differentiated(ce_f32)),
        (torch_name, "softmax", "eager, fresh outputs", lambda b: (None, torch.softmax(b.x, 1))),
        (torch_name, "softmax", "eager softmax(out=), reused outputs", lambda b: (None, torch.softmax(b.x, 1, out=b.out))),
        (torch_name, "softmax", "torch.compile", lambda b: (None, compiled_softmax(b.x))),
    ]
    if shape == COMPILED_LOSS:
        found += [
            (torch_name, "loss", "torch.compile", lambda b: (compiled(b.x, b.t), None)),
            (torch_name, "loss+gradient", "torch.compile", differentiated(compiled)),
        ]
    if liger := modules["liger_kernel.transformers"]:
        liger_loss = liger.LigerCrossEntropyLoss()
        found += [
            ("Liger", "loss", "fresh outputs", lambda b: (liger_loss(b.x, b.t), None)),
            # It writes the gradient over the logits: from the second turn on these are gradients, which costs the same.
            ("Liger", "loss+gradient", "in place", differentiated(liger_loss)),
        ]
    if quack := modules["quack.cross_entropy"]:
        def fused(b):
            loss, gradient = quack.cross_entropy_fwd(b.x, b.t, return_dx=True)
            return loss.mean(), gradient

        found += [
            ("QuACK", "loss", "fresh outputs", lambda b: (quack.cross_entropy(b.x, b.t, reduction="mean"), None)),
            ("QuACK", "loss+gradient", "cross_entropy and backward, fresh outputs",
             differentiated(lambda x, t: quack.cross_entropy(x, t, reduction="mean"))),
            ("QuACK", "loss+gradient", "one kernel, gradient of the sum, fresh outputs", fused),
        ]
    if quack := modules["quack.softmax"]:
        found += [("QuACK", "softmax", "fresh outputs", lambda b: (None, quack.softmax(b.x)))]
    if mine := modules["triton_softmax"]:
        found += [("Triton tutorial", "softmax", "reused outputs", lambda b: (None, mine.softmax(b.x, b.out)))]
    return found


def batch_ms(call, buffers, count):
    """The milliseconds of a call, of a batch that takes turns with the buffers."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for i in range(count):
        call(buffers[i % len(buffers)])
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / count


def times_of(call, buffers):
    for b in buffers:
        call(b)
    once = max(batch_ms(call, buffers, len(buffers)), 1e-3)
    count = max(1, min(200, round(2.0 / once)))
    return [batch_ms(call, buffers, count) for _ in range(21)]


def copy_speed(buffers):
    """A copy of the logits, bytes read and written, in 10^9 a second."""
    times = sorted(times_of(lambda b: b.out.copy_(b.x), buffers))
    return 2 * buffers[0].x.nbytes / (times[len(times) // 2] * 1e6)


def buffers_of(rows, classes, dtype):
    """Sets of buffers that together hold four times the cache."""
    properties = torch.cuda.get_device_properties(0)
    torch.manual_seed(rows * 31 + classes)
    x = (torch.randn(rows, classes, device="cuda") * 3).to(dtype)
    if 8 * x.nbytes + 20 * x.numel() > torch.cuda.mem_get_info()[0]:
        raise MemoryError(f"{x.nbytes} bytes of logits")
    t = torch.randint(classes, (rows,), device="cuda")
    sets = max(1, min(64, -(-4 * properties.L2_cache_size // x.nbytes)))
    return [Buffers(x.clone(), t.clone()) for _ in range(sets)]


def checked(case, b, title):
    """Runs it once on a copy and says what is wrong with what it gives."""
    _, op, plan, call = case
    loss, elements = call(Buffers(b.x.clone(), b.t))
    if elements is not None and "of the sum" in plan:
        elements = elements / len(b.t)
    error = error_of(b.x, b.t, None if loss is None else loss.item(), elements, op)
    if not error <= TOLERANCE[b.x.dtype]:
        print(f"WRONG {title}: relative error {error:.1e}; timed all the same", file=sys.stderr)


def records(arguments):
    if not torch.cuda.is_available():
        print("left out everything: torch finds no CUDA device", file=sys.stderr)
        return
    name = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"
    names = ["liger_kernel.transformers", "quack.cross_entropy", "quack.softmax", "triton_softmax"]
    modules = {name: module(name) for name in names}
    for rows, classes in shapes_of(arguments.shapes or SHAPES):
        for dtype in [torch.bfloat16, torch.float32]:
            title = f"{rows}x{classes} {NAMES[dtype]}"
            try:
                buffers = buffers_of(rows, classes, dtype)
            except Exception as problem:
                left_out(title, problem)
                continue
            copy = copy_speed(buffers)
            torch._dynamo.reset()  # Or it stops compiling after eight shapes.
            for case in cases(modules, (rows, classes)):
                peer, op, plan, call = case
                try:
                    checked(case, buffers[0], f"{peer} {op} {title} ({plan})")
                    times = times_of(call, buffers)
                except Exception as problem:
                    left_out(f"{peer} {op} {title} ({plan})", problem)
                    continue
                finally:
                    # Liger leaves gradients where logits were.
                    for b in buffers:
                        b.leaf.data.copy_(b.x)
                yield record(name, peer, op, (rows, classes), NAMES[dtype], plan, times, copy)
            del buffers
            torch.cuda.empty_cache()
