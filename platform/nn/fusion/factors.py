"""The arithmetic of low-rank fusion: sums over ranks of products, over modalities, of affine maps.

    out_i = sum_k omega_k prod_m (b_mk + h_mi W_mk)

One product a modality serves all ranks. What follows is done in stretches of entities that stay in the cache, forth and
back, where plain autograd takes several passes over memory for every rank and modality.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

#: Entities of a stretch.
ROWS = 256


def low_rank(
    weights: Float[Tensor, " rank"],
    factors: Sequence[Float[Tensor, "rank width_1 fused"]],
    modal: Sequence[Float[Tensor, "entities width"]],
) -> Float[Tensor, "entities fused"]:
    """Return the sum over ranks, each times its weight; the first row of a factor is its bias."""
    fused: Tensor = _LowRank.apply(weights, len(modal), *factors, *modal)  # type: ignore[no-untyped-call]
    return fused


class _LowRank(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, count: int, *tables: Tensor) -> Tensor:
        device = weights.device.type
        low = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weights.dtype
        with torch.autocast(device, enabled=False):
            # (width + 1, rank * fused): the ranks of a factor next to each other
            wide = [factor.transpose(0, 1).flatten(1).to(low) for factor in tables[:count]]
            modal = [h.to(low) for h in tables[count:]]
            terms = [torch.addmm(factor[0], h, factor[1:]) for factor, h in zip(wide, modal, strict=True)]
            out = weights.new_empty(len(modal[0]), tables[0].shape[2])
            for at in _stretches(len(out)):
                out[at] = (_product(terms, at).unflatten(1, (len(weights), -1)) * weights[:, None]).sum(1)
        ctx.count = count
        ctx.save_for_backward(weights, *wide, *modal, *terms)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        weights, *saved = ctx.saved_tensors
        count, rank = ctx.count, len(weights)
        wide, modal, terms = saved[:count], saved[count : 2 * count], saved[2 * count :]
        by_weights = torch.zeros_like(weights)
        by_factors = [torch.zeros_like(factor) for factor in wide]
        by_modal = [torch.empty_like(h) for h in modal]
        for at in _stretches(len(gradient)):
            here = gradient[at, None]
            by_weights += (_product(terms, at).unflatten(1, (rank, -1)) * here).sum((0, 2))
            spread = (here * weights[:, None]).flatten(1)
            for m, factor in enumerate(wide):
                others = terms[:m] + terms[m + 1 :]
                by_term = (spread * _product(others, at) if others else spread).to(factor.dtype)
                by_factors[m][0] += by_term.sum(0)
                by_factors[m][1:].addmm_(modal[m][at].T, by_term)
                torch.mm(by_term, factor[1:].T, out=by_modal[m][at])
        found = [by.unflatten(1, (rank, -1)).transpose(0, 1).to(gradient.dtype) for by in by_factors]
        return by_weights, None, *found, *(by.to(gradient.dtype) for by in by_modal)


def _stretches(entities: int) -> list[slice]:
    return [slice(start, start + ROWS) for start in range(0, entities, ROWS)]


def _product(terms: Sequence[Tensor], at: slice) -> Tensor:
    return reduce(torch.mul, [term[at] for term in terms])
