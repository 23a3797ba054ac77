#!/usr/bin/env python3
"""PyTorch's softmax and cross-entropy, for xent-peers.

`torch_peer.py --serve` obeys xent-peers: a line in, a line of JSON out, one timed call at a time.
`torch_peer.py [--shapes 4096x1000,..] [--json FILE]` times PyTorch alone on the CPU.
`torch_peer.py --cuda [..]` times PyTorch, Liger, QuACK and a Triton kernel on a GPU: see torch_cuda.py.
"""

import argparse
import json
import sys
import time

import torch
import torch.nn.functional as F

SHAPES = "65536x10,16384x128,4096x1000,1024x32000,256x128256,8x262144,1x1000000"
WORDS_MOVED = {"loss": 1, "loss+gradient": 2, "softmax": 2}


def variants(x, t):
    """(op, plan, call) on logits and targets; a call returns the loss, or None, and the elements, or None."""
    rows = x.shape[0]
    leaf = x.detach().clone().requires_grad_()
    out, grad = torch.empty_like(x), torch.empty_like(x)
    index = torch.arange(rows)
    one = torch.ones(())
    aten = torch.ops.aten

    def fresh_gradient():
        leaf.grad = None
        loss = F.cross_entropy(leaf, t)
        loss.backward()
        return loss.item(), leaf.grad

    def reused_loss():
        torch.log_softmax(x, 1, out=out)
        return F.nll_loss(out, t).item(), None

    def kept_gradient():
        if leaf.grad is not None:
            leaf.grad.zero_()
        loss = F.cross_entropy(leaf, t)
        loss.backward()
        return loss.item(), leaf.grad

    def out_gradient():
        """What autograd calls, by the out= forms of its kernels."""
        torch.log_softmax(x, 1, out=out)
        loss, weight = aten.nll_loss_forward(out, t, None, 1, -100)
        aten.nll_loss_backward.grad_input(one, out, t, None, 1, -100, weight, grad_input=grad)
        aten._log_softmax_backward_data.out(grad, out, 1, x.dtype, out=grad)
        return loss.item(), grad

    def softmax_gradient():
        """By hand: softmax, less one at the target, by the rows, in place."""
        torch.softmax(x, 1, out=grad)
        p = grad[index, t]
        grad[index, t] = p - 1
        grad.mul_(1 / rows)
        return -p.log().mean().item(), grad

    return [
        ("loss", "cross_entropy, fresh outputs", lambda: (F.cross_entropy(x, t).item(), None)),
        ("loss", "log_softmax(out=) and nll_loss, reused outputs", reused_loss),
        ("loss+gradient", "cross_entropy and backward, fresh outputs", fresh_gradient),
        ("loss+gradient", "cross_entropy and backward into a kept .grad", kept_gradient),
        ("loss+gradient", "aten out= kernels, reused outputs", out_gradient),
        ("loss+gradient", "softmax(out=), then by hand in place, reused outputs", softmax_gradient),
        ("softmax", "fresh outputs", lambda: (None, torch.softmax(x, 1))),
        ("softmax", "softmax(out=), reused outputs", lambda: (None, torch.softmax(x, 1, out=out))),
    ]


def plans(listed):
    threads = torch.get_num_threads()
    return [{"op": op, "plan": f"CPU, {threads} threads, {plan}"} for op, plan, _ in listed]


def serve():
    """Lines in: `shape ROWS CLASSES FOLDER`, `run INDEX FILE|-`, `quit`."""

    def say(**answer):
        print(json.dumps(answer), flush=True)

    def read(folder, name, dtype):
        with open(f"{folder}/{name}", "rb") as file:
            return torch.frombuffer(bytearray(file.read()), dtype=dtype)

    say(version=torch.__version__.split("+")[0])
    listed = []
    for line in sys.stdin:
        word, *rest = line.split(maxsplit=3)
        try:
            if word == "quit":
                return
            if word == "shape":
                rows, classes, folder = int(rest[0]), int(rest[1]), rest[2].strip()
                listed = []
                x = read(folder, "logits", torch.float32).reshape(rows, classes)
                listed = variants(x, read(folder, "targets", torch.int32).long())
                say(variants=plans(listed))
            if word == "run":
                index, file = int(rest[0]), " ".join(rest[1:]).strip()
                start = time.perf_counter()
                loss, elements = listed[index][2]()
                ms = (time.perf_counter() - start) * 1e3
                if file != "-" and elements is not None:
                    elements.detach().contiguous().numpy().tofile(file)
                say(ms=ms, loss=loss, elements=elements is not None)
        except Exception as problem:  # Whatever it is, xent-peers says it.
            say(error=f"{type(problem).__name__}: {problem}"[:300])


def error_of(x, t, loss, elements, op):
    """The largest relative error against f64: of the loss, and of a row's elements as xent-peers takes it."""
    wanted, worst = 0.0, 0.0
    step = max(1, (1 << 24) // x.shape[1])  # Rows at a time: f64 takes room.
    for first in range(0, len(t), step):
        part = slice(first, first + step)
        p = torch.log_softmax(x[part].double(), 1)
        at_target = torch.arange(len(p), device=t.device), t[part]
        wanted -= p[at_target].sum().item() / len(t)
        if elements is None:
            continue
        p = p.exp_()
        if op == "loss+gradient":
            p[at_target] -= 1
            p /= len(t)
        rows = (elements[part].double() - p).abs().sum(1) / p.abs().sum(1)
        worst = max(worst, rows.nan_to_num(nan=float("inf")).max().item())
    return max(worst, 0.0 if loss is None else abs(loss - wanted) / abs(wanted))


def record(adapter, peer, op, shape, dtype, plan, times, copy_gb_s=0.0):
    """The line of xent-measure."""
    times = sorted(times)
    rows, classes = shape
    at = lambda q: times[round((len(times) - 1) * q)]
    bytes_moved = WORDS_MOVED[op] * rows * classes * (4 if dtype == "f32" else 2) + (0 if op == "softmax" else 4 * rows)
    gb_s = bytes_moved / (at(0.5) * 1e6)
    return {
        "adapter": adapter, "peer": peer, "op": op, "rows": rows, "classes": classes, "dtype": dtype, "plan": plan,
        "median_ms": at(0.5), "p20_ms": at(0.2), "p80_ms": at(0.8), "gb_s": gb_s,
        "copy_gb_s": copy_gb_s, "share_of_copy": gb_s / copy_gb_s if copy_gb_s else 0.0,
    }


def shapes_of(text):
    return [tuple(int(n) for n in shape.split("x")) for shape in text.split(",")]


def alone(arguments):
    """The CPU, without xent-peers: data from torch's own generator."""
    version = torch.__version__.split("+")[0]
    for rows, classes in shapes_of(arguments.shapes or SHAPES):
        torch.manual_seed(rows * 31 + classes)
        x, t = torch.randn(rows, classes) * 3, torch.randint(classes, (rows,))
        listed = variants(x, t)
        for (op, _, call), plan in zip(listed, plans(listed)):
            error = error_of(x, t, *call(), op)
            if not error <= 1e-3:
                print(f"WRONG {op} {rows}x{classes}, {plan['plan']}: error {error:.1e}", file=sys.stderr)
            times = []
            while len(times) < 11 or (sum(times) < 500 and len(times) < 41):
                start = time.perf_counter()
                call()
                times.append((time.perf_counter() - start) * 1e3)
            yield record("CPU", f"torch {version}", op, (rows, classes), "f32", plan["plan"], times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--cuda", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shapes")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.serve:
        return serve()
    if arguments.cuda:
        import torch_cuda

        records = torch_cuda.records(arguments)
    else:
        records = alone(arguments)
    with open(arguments.json or "/dev/null", "a") as file:
        for line in records:
            print(f"{line['rows']:>7} x {line['classes']:<7} {line['dtype']} {line['op']:14} {line['median_ms']:10.4f} ms"
                  f" {line['gb_s']:8.1f} GB/s  {line['peer']}: {line['plan']}", flush=True)
            print(json.dumps(line), file=file, flush=True)


if __name__ == "__main__":
    main()
