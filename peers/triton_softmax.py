"""A softmax in Triton, as its tutorials write it: a program a row; a long row in blocks, with a running maximum and sum."""

import torch
import triton
import triton.language as tl

# The longest row that a program holds at once.
WHOLE = 16384
BLOCK = 8192


@triton.jit
def whole_row(x, out, classes, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    inside = columns < classes
    logits = tl.load(x + row * classes + columns, mask=inside, other=-float("inf")).to(tl.float32)
    exponentials = tl.exp(logits - tl.max(logits, axis=0))
    tl.store(out + row * classes + columns, exponentials / tl.sum(exponentials, axis=0), mask=inside)


@triton.jit
def row_in_blocks(x, out, classes, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    largest = -float("inf")
    total = 0.0
    for first in range(0, classes, BLOCK):
        inside = first + columns < classes
        logits = tl.load(x + row * classes + first + columns, mask=inside, other=-float("inf")).to(tl.float32)
        larger = tl.maximum(largest, tl.max(logits, axis=0))
        total = total * tl.exp(largest - larger) + tl.sum(tl.exp(logits - larger), axis=0)
        largest = larger
    for first in range(0, classes, BLOCK):
        inside = first + columns < classes
        logits = tl.load(x + row * classes + first + columns, mask=inside, other=-float("inf")).to(tl.float32)
        tl.store(out + row * classes + first + columns, tl.exp(logits - largest) / total, mask=inside)


def softmax(x, out):
    """The softmax of the rows of a contiguous matrix, into another."""
    rows, classes = x.shape
    if classes <= WHOLE:
        block = triton.next_power_of_2(classes)
        whole_row[(rows,)](x, out, classes, BLOCK=block, num_warps=4 if block <= 2048 else 8 if block <= 8192 else 16)
    else:
        row_in_blocks[(rows,)](x, out, classes, BLOCK=BLOCK, num_warps=16)
    return out


if __name__ == "__main__":  # TRITON_INTERPRET=1 computes it without a GPU.
    for shape in [(3, 10), (2, 16385)]:
        x = torch.randn(shape) * 3
        error = (softmax(x, torch.empty_like(x)) - torch.softmax(x, 1)).abs().max().item()
        print(shape, error)
        assert error < 1e-6
