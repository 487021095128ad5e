"""Products over a graph's edges that never hold nodes times nodes or edges times width values."""

from contextlib import AbstractContextManager
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from kgprism.platform.nn.compressed import compressed


class Incidence(nn.Module):
    """Edges between ``rows`` nodes and ``columns`` nodes, in any order, repeats allowed.

    ``row`` and ``column`` are ``(edges,)`` ids. The two sorted views that products need are made once.
    """

    row: Tensor
    column: Tensor
    forward_order: Tensor
    forward_starts: Tensor

    def __init__(self, row: Int[Tensor, "edges"], column: Int[Tensor, "edges"], rows: int, columns: int) -> None:
        super().__init__()
        self.rows, self.columns = rows, columns
        views = {"row": row, "column": column}
        for name, one, other, size in (("forward", row, column, rows), ("transposed", column, row, columns)):
            order = torch.argsort(one, stable=True)
            starts = torch.zeros(size + 1, dtype=torch.long)
            starts[1:] = torch.bincount(one, minlength=size).cumsum(0)
            views |= {f"{name}_order": order, f"{name}_starts": starts, f"{name}_ends": other[order]}
        for name, view in views.items():
            self.register_buffer(name, view, persistent=False)

    def towards(self, rows: Int[Tensor, "some"]) -> tuple[Int[Tensor, "kept"], Int[Tensor, "kept"]]:
        """Return the edges that lead to some rows, one row's after the other's, and each one's place in `rows`."""
        first, counts = self.forward_starts[rows], self.forward_starts[rows + 1] - self.forward_starts[rows]
        place = torch.arange(len(rows), device=rows.device).repeat_interleave(counts)
        within = torch.arange(len(place), device=rows.device) - (counts.cumsum(0) - counts)[place]
        return self.forward_order[first[place] + within], place

    def multiply(
        self, values: Float[Tensor, "edges"], dense: Float[Tensor, "columns width"]
    ) -> Float[Tensor, "rows width"]:
        """Return ``out[i] = sum of values[e] * dense[column[e]] over the edges e with row[e] = i``."""
        with _unrounded(dense):
            return _Multiply.apply(self, _wide(values), _wide(dense))

    def dots(self, left: Float[Tensor, "rows width"], right: Float[Tensor, "columns width"]) -> Float[Tensor, "edges"]:
        """Return ``out[e] = <left[row[e]], right[column[e]]>``."""
        with _unrounded(left):
            return _Dots.apply(self, _wide(left), _wide(right))

    def softmax(self, scores: Float[Tensor, "edges"]) -> Float[Tensor, "edges"]:
        """Return the scores' softmax over the edges of each row."""
        top = scores.new_full((self.rows,), -torch.inf).scatter_reduce(0, self.row, scores.detach(), "amax")
        weights = (scores - top[self.row]).exp()
        return weights / weights.new_zeros(self.rows).index_add(0, self.row, weights)[self.row]

    def _matrix(self, sorted_values: Tensor, view: str) -> Tensor:
        size = (self.rows, self.columns) if view == "forward" else (self.columns, self.rows)
        starts, ends = getattr(self, f"{view}_starts"), getattr(self, f"{view}_ends")
        return compressed(starts, ends, sorted_values, size)

    def _product(self, values: Tensor, dense: Tensor, view: str = "forward") -> Tensor:
        return self._matrix(values[getattr(self, f"{view}_order")], view) @ dense

    def _sampled(self, left: Tensor, right: Tensor) -> Tensor:
        pattern = self._matrix(left.new_zeros(len(self.row)), "forward")
        sampled = torch.sparse.sampled_addmm(pattern, left, right.T, beta=0.0).values()
        return torch.empty_like(sampled).index_copy_(0, self.forward_order, sampled)


def _unrounded(values: Tensor) -> AbstractContextManager[Any]:
    """Leave mixed precision: sparse products have no bfloat16 everywhere."""
    return torch.autocast(values.device.type, enabled=False)


def _wide(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


class _Multiply(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, edges: Incidence, values: Tensor, dense: Tensor) -> Tensor:
        context.edges = edges
        context.save_for_backward(values, dense)
        return edges._product(values, dense)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[None, Tensor | None, Tensor | None]:
        edges, (values, dense), gradient = context.edges, context.saved_tensors, gradients[0].contiguous()
        _, wants_values, wants_dense = context.needs_input_grad
        by_values = edges._sampled(gradient, dense) if wants_values else None
        by_dense = edges._product(values, gradient, "transposed") if wants_dense else None
        return None, by_values, by_dense


class _Dots(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, edges: Incidence, left: Tensor, right: Tensor) -> Tensor:
        context.edges = edges
        context.save_for_backward(left, right)
        return edges._sampled(left, right)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[None, Tensor | None, Tensor | None]:
        edges, (left, right), gradient = context.edges, context.saved_tensors, gradients[0].contiguous()
        _, wants_left, wants_right = context.needs_input_grad
        by_left = edges._product(gradient, right) if wants_left else None
        by_right = edges._product(gradient, left, "transposed") if wants_right else None
        return None, by_left, by_right
