"""L1 and complex distances between many vectors, made for caches: no (candidates x width) table is ever kept.

The modulus reads a row as ``[real half ; imaginary half]`` and sums the lengths of its complex coordinates.
"""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd import Function

Norm = Literal["l1", "modulus"]

#: Bytes of a block that stays in a core's cache on a CPU, and of one that fills a GPU.
_CPU_BLOCK, _GPU_BLOCK = 4 << 20, 256 << 20
#: Queries whose sums over all candidates are carried through the coordinates together.
_QUERIES = 64


def aligned(queries: Tensor, candidates: Tensor, norm: Norm) -> Tensor:
    """Return the distance of each row to the row beside it: ``(n, width)`` twice to ``(n,)``, broadcasting in front."""
    difference = queries - candidates
    if norm == "l1":
        return difference.abs().sum(-1)
    real, imaginary = difference.chunk(2, -1)
    # Where both are 0 a plain root has no gradient; the smallest normal number moves no sum.
    return (real.square() + imaginary.square()).clamp_min(1e-30).sqrt().sum(-1)


def selected(queries: Tensor, rows: Tensor, table: Tensor, ids: Tensor, norm: Norm) -> Tensor:
    """Return the distances between ``queries[rows]`` and ``table[ids]``, ``(n,)``; both sides get gradients."""
    found: Tensor = _Selected.apply(queries, rows, table, ids, norm)  # type: ignore[no-untyped-call]
    return found


class _Selected(Function):
    """Gathers block by block, and once more in the backward pass: cheaper than to write the differences down."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, rows: Tensor, table: Tensor, ids: Tensor, norm: Norm) -> Tensor:
        ctx.save_for_backward(queries, rows, table, ids)
        ctx.norm = norm
        out = queries.new_empty(len(ids))
        for part in _blocks(queries, len(ids)):
            difference = queries.index_select(0, rows[part]).sub_(table.index_select(0, ids[part]))
            out[part] = (difference.abs_() if norm == "l1" else _modulus(difference)).sum(1)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        queries, rows, table, ids = ctx.saved_tensors
        to_queries, to_table = torch.zeros_like(queries), torch.zeros_like(table)
        for part in _blocks(queries, len(ids)):
            slope = queries.index_select(0, rows[part]).sub_(table.index_select(0, ids[part]))
            if ctx.norm == "l1":
                slope.sign_().mul_(gradient[part, None])
            else:
                factor = gradient[part, None] / _modulus(slope.clone()).clamp_min_(1e-15)
                slope.unflatten(1, (2, -1)).mul_(factor[:, None])
            to_queries.index_add_(0, rows[part], slope)
            to_table.index_add_(0, ids[part], slope, alpha=-1)
        return to_queries, None, to_table, None, None


def _blocks(queries: Tensor, count: int) -> list[slice]:
    budget = _GPU_BLOCK if queries.is_cuda else _CPU_BLOCK
    size = max(1, budget // (queries.shape[1] * queries.element_size()))
    return [slice(start, start + size) for start in range(0, count, size)]


def _modulus(difference: Tensor) -> Tensor:
    """Return the lengths of the complex coordinates, in the memory of `difference`."""
    real, imaginary = difference.chunk(2, 1)
    return real.mul_(real).addcmul_(imaginary, imaginary).sqrt_()


@torch.no_grad()
def crossed(queries: Tensor, table: Tensor, norm: Norm) -> Tensor:
    """Return all distances, ``(queries, rows of table)``, without gradients.

    Coordinates are added one after the other for all candidates, so a distance does not depend on how queries and
    candidates are cut into chunks, and equal rows are equally far.
    """
    coordinates = table.T.contiguous()
    blocks = [_crossed(part.T.contiguous(), coordinates, norm) for part in queries.split(_QUERIES)]
    return torch.cat(blocks)


def _crossed(queries: Tensor, table: Tensor, norm: Norm) -> Tensor:
    total = queries.new_zeros(queries.shape[1], table.shape[1])
    if norm == "l1":
        for query, row in zip(queries, table, strict=True):
            total += (query[:, None] - row).abs_()
        return total
    half = len(table) // 2
    for k in range(half):
        real, imaginary = queries[k, :, None] - table[k], queries[half + k, :, None] - table[half + k]
        total += real.mul_(real).addcmul_(imaginary, imaginary).sqrt_()
    return total
