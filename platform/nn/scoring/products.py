"""Dot products of chosen pairs of rows, without a copy of the rows for every pair."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from kgprism.platform.nn.compressed import compressed
from kgprism.platform.nn.scoring.bags import Grouped, summed


def selected(queries: Tensor, rows: Tensor, table: Tensor, ids: Tensor) -> Tensor:
    """Return the products of ``queries[rows]`` and ``table[ids]``, ``(n,)``; both sides get gradients."""
    found: Tensor = _Selected.apply(queries, rows, table, ids)  # type: ignore[no-untyped-call]
    return found


class _Selected(Function):
    """Places of a sparse matrix forward; backward each row is a weighted sum of the rows that it met."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, rows: Tensor, table: Tensor, ids: Tensor) -> Tensor:
        ctx.save_for_backward(queries, rows, table, ids)
        ctx.grouped = grouped = Grouped(rows, len(queries))
        if len(ids) > len(queries) * len(table):
            # More pairs than there are places: torch refuses such a sparse matrix, and the whole product is less work.
            return (queries @ table.T)[rows, ids]
        order, end = grouped.order, rows.new_tensor([len(rows)])
        begin, blank = torch.cat([grouped.begin, end]), queries.new_zeros(len(rows))
        size = len(queries), len(table)
        places = compressed(begin, ids[order], blank, size)
        out = torch.empty_like(blank)
        out[order] = torch.sparse.sampled_addmm(places, queries, table.T, beta=0.0).values()
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        queries, rows, table, ids = ctx.saved_tensors
        first, second = ctx.grouped, Grouped(ids, len(table))
        to_queries = summed(table, ids[first.order], first.begin, gradient[first.order])
        to_table = summed(queries, rows[second.order], second.begin, gradient[second.order])
        return to_queries, None, to_table, None
