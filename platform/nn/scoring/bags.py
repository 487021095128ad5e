"""Weighted sums of a table's rows, which are read once and never copied out."""

import torch
from torch import Tensor


def summed(table: Tensor, ids: Tensor, begin: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return a sum of ``weights * table[ids]`` for every bag, ``(bags, width)``, without gradients.

    Bag i holds what stands from ``begin[i]`` up to ``begin[i + 1]`` in `ids` and `weights`, the last one the rest; an
    empty bag sums to zero. Without `weights` all are one.
    """
    # One call that reads, weighs and adds; its values are added in their order.
    found: Tensor = torch.embedding_bag(table, ids, begin, False, 0, False, weights)[0]
    return found


def starts(counts: Tensor) -> Tensor:
    """Return where each of the bags begins that hold so many."""
    return counts.cumsum(0) - counts


class Grouped:
    """Numbers 0 to n - 1 of a value each, brought in the order of the values; equal ones keep theirs."""

    def __init__(self, values: Tensor, among: int) -> None:
        self.order = values.argsort(stable=True)
        self.begin = starts(torch.bincount(values, minlength=among))
