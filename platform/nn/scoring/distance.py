"""L1 and complex distances between many vectors, made for caches: no (candidates x width) table is ever kept.

The modulus reads a row as ``[real half ; imaginary half]`` and sums the lengths of its complex coordinates.
"""

from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd import Function

from kgprism.platform.nn.scoring.bags import Grouped, summed

Norm = Literal["l1", "modulus"]

#: Bytes of a block that stays in a core's cache on a CPU, and of one that fills a GPU.
_CPU_BLOCK, _GPU_BLOCK = 1 << 20, 256 << 20
#: Queries and candidates whose sums are carried through the coordinates together, on a CPU and on a GPU.
_TILE = {"cpu": (64, 1024), "cuda": (64, 1 << 20)}


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
    """Subtracts block by block, and once more in the backward pass: cheaper than to write the differences down."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, rows: Tensor, table: Tensor, ids: Tensor, norm: Norm) -> Tensor:
        ctx.pairs = pairs = _Pairs(queries, rows, table, ids, 1 if norm == "l1" else 2)
        ctx.save_for_backward(queries, table)
        both = torch.cat([queries, table])
        out = both.new_empty(len(ids))
        for part, _ in pairs.blocks:
            out[pairs.order[part]] = _lengths(pairs.differences(both, part)).sum(1)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        pairs, (queries, table) = ctx.pairs, ctx.saved_tensors
        both, gradient = torch.cat([queries, table]), gradient[pairs.order, None]
        to_table = torch.empty_like(table)
        planes = queries.new_zeros(pairs.planes, len(queries), queries.shape[1] // pairs.planes)
        for part, group in pairs.blocks:
            slopes = _slopes(pairs.differences(both, part), gradient[part])
            for slope, plane, column in zip(slopes, planes, to_table.chunk(pairs.planes, 1), strict=True):
                plane.index_add_(0, pairs.rows[part], slope)
                column[group] = pairs.summed(slope, part, group)
        return torch.cat(list(planes), 1), None, to_table.neg_(), None, None


class _Pairs:
    """Pairs of rows in the order of their ids, cut in blocks that fit a cache and hold all pairs of their ids.

    Rows of the table are read and written one after the other, those of the queries, which are fewer, at random. Real
    and imaginary parts, the two planes of a row, are apart in a block: nothing but whole vectors of the machine.
    """

    def __init__(self, queries: Tensor, rows: Tensor, table: Tensor, ids: Tensor, planes: int) -> None:
        grouped = Grouped(ids, len(table))
        self.order, self.begin, self.planes = grouped.order, grouped.begin, planes
        self.rows = rows[self.order]
        places = planes * torch.stack([self.rows, len(queries) + ids[self.order]], 1).flatten()
        self.places = [places + plane for plane in range(planes)]
        self.blocks = _blocks(grouped, len(ids), _block(queries))
        largest = max((part.stop - part.start for part, _ in self.blocks), default=0)
        self.twos = torch.arange(0, 2 * largest, 2, device=ids.device)
        self.signs = queries.new_tensor([1.0, -1.0]).repeat(largest)
        self.each = torch.arange(largest, device=ids.device)

    def differences(self, both: Tensor, part: slice) -> list[Tensor]:
        """Return queries less rows of the table, ``(n, width of a plane)`` a plane; `both` are one below the other."""
        count, cut = part.stop - part.start, both.view(self.planes * len(both), -1)
        twice, twos, signs = slice(2 * part.start, 2 * part.stop), self.twos[:count], self.signs[: 2 * count]
        return [summed(cut, places[twice], twos, signs) for places in self.places]

    def summed(self, values: Tensor, part: slice, group: slice) -> Tensor:
        """Return the sums of a block's `values` ``(n, width)`` over the pairs of each of its ids."""
        return summed(values, self.each[: len(values)], self.begin[group] - part.start)


def _blocks(grouped: Grouped, count: int, size: int) -> list[tuple[slice, slice]]:
    """Return slices of the ordered pairs, of about `size`, and of the ids that they have."""
    among = len(grouped.begin)
    if not count:
        return [(slice(0, 0), slice(0, among))]
    first = (grouped.begin // size).unique_consecutive(return_counts=True)[1].cumsum(0)
    ids = [0, *first.tolist()]
    pairs = [*grouped.begin[ids[:-1]].tolist(), count]
    return [(slice(*part), slice(*group)) for part, group in zip(pairwise(pairs), pairwise(ids), strict=True)]


def _block(rows: Tensor) -> int:
    budget = _GPU_BLOCK if rows.is_cuda else _CPU_BLOCK
    return max(1, budget // (rows.shape[1] * rows.element_size()))


def _lengths(planes: list[Tensor]) -> Tensor:
    """Return the lengths of the coordinates, ``(n, width of a plane)``, in the memory of the first plane."""
    if len(planes) == 1:
        return planes[0].abs_()
    real, imaginary = planes
    return real.mul_(real).addcmul_(imaginary, imaginary).sqrt_()


def _slopes(planes: list[Tensor], gradient: Tensor) -> list[Tensor]:
    """Return what the differences get for `gradient` ``(n, 1)``, in their memory."""
    if len(planes) == 1:
        return [planes[0].sign_().mul_(gradient)]
    real, imaginary = planes
    length = (real * real).addcmul_(imaginary, imaginary).sqrt_().clamp_min_(1e-15)
    factor = torch.div(gradient, length, out=length)
    return [real.mul_(factor), imaginary.mul_(factor)]


@torch.no_grad()
def crossed(queries: Tensor, table: Tensor, norm: Norm) -> Tensor:
    """Return all distances, ``(queries, rows of table)``, without gradients.

    Coordinates are added one after the other for all candidates, so a distance does not depend on how queries and
    candidates are cut into chunks, and equal rows are equally far.
    """
    high, wide = _TILE[queries.device.type]
    found = queries.new_empty(len(queries), len(table))
    asked = queries.T.contiguous()[..., None]
    for start in range(0, len(table), wide):
        candidates = table[start : start + wide].T.contiguous().unbind()
        total, first, second = (queries.new_empty(high, len(candidates[0])) for _ in range(3))
        for begin in range(0, len(queries), high):
            rows = asked[:, begin : begin + high].unbind()
            work = [tensor[: len(rows[0])] for tensor in (total, first, second)]
            found[begin : begin + high, start : start + wide] = _carried(rows, candidates, norm, *work)
    return found


def _carried(
    queries: tuple[Tensor, ...], table: tuple[Tensor, ...], norm: Norm, total: Tensor, first: Tensor, second: Tensor
) -> Tensor:
    """Return the sum over coordinates in `total` ``(queries, candidates)``; `first` and `second` are of its shape."""
    total.zero_()
    if norm == "l1":
        for query, row in zip(queries, table, strict=True):
            total.add_(torch.sub(query, row, out=first).abs_())
        return total
    half = len(table) // 2
    for real, imaginary, row, other in zip(queries[:half], queries[half:], table[:half], table[half:], strict=True):
        torch.sub(real, row, out=first)
        torch.sub(imaginary, other, out=second)
        total.add_(first.mul_(first).addcmul_(second, second).sqrt_())
    return total
