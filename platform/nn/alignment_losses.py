"""Losses of the baselines: EVA's neighbourhood components analysis, MCLEA's agreement of views with the joint one.

Rows are compared by cosine, as in `contrastive`. Facts: alignment specification, 0.7, 5 and 6.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from kgprism.platform.batch import Pairs
from kgprism.platform.part import Nothing, Part

#: Stands for minus infinity where zero times the logarithm of zero has to be zero.
LOWEST = -1e9


class NeighbourhoodComponents(nn.Module):
    """Push the slice's other partners away in both directions, pull the right one by ``log(1 + max(0, cosine))``."""

    def __init__(self, sharpness: float, pull: float) -> None:
        super().__init__()
        self.sharpness, self.pull = sharpness, pull

    def forward(self, embedding: Float[Tensor, "entities width"], pairs: Pairs) -> Float[Tensor, ""]:
        left, right = F.normalize(embedding[pairs.left]), F.normalize(embedding[pairs.right])
        own = (left[pairs.rows] * right[pairs.rows]).sum(1)
        pushed = self._push(left, right, pairs) + self._push(right, left, pairs)
        return pairs.mean(pushed - self.pull * own.relu().log1p())

    def _push(self, one: Tensor, other: Tensor, pairs: Pairs) -> Tensor:
        """Return ``log(1 + sum of e^(a s_ij) over j != i) / a`` for each of our rows."""
        partner = torch.arange(len(one), device=one.device)[pairs.rows]
        # The partner's place is free: e^0 there is the one that is added to the sum.
        scores = (self.sharpness * (one[pairs.rows] @ other.T)).scatter(1, partner[:, None], 0.0)
        return scores.logsumexp(1) / self.sharpness


class NCA(Part):
    """Neighbourhood components analysis (EVA); a larger `sharpness` lets near negatives count more."""

    kind: Literal["nca"] = "nca"
    sharpness: float = Field(15.0, gt=0, description="alpha: factor on the cosines of wrong pairs")
    pull: float = Field(10.0, ge=0, description="beta: weight of the right pair")

    def build(self) -> nn.Module:
        return NeighbourhoodComponents(self.sharpness, self.pull)


class Agreement(nn.Module):
    """KL(Q || P) between the rows of scores that a view (P) and the joint embedding (Q, without a gradient) give.

    A row holds the scores of one entity against both sides of the slice, itself left out; both directions count half.
    """

    def __init__(self, temperature: float, reduction: Literal["mean", "batchmean"], zoom: float) -> None:
        super().__init__()
        self.temperature, self.reduction, self.zoom = temperature, reduction, zoom

    def forward(
        self, views: Mapping[str, Float[Tensor, "entities _"]], joint: Float[Tensor, "entities _"], pairs: Pairs
    ) -> dict[str, Float[Tensor, ""]]:
        """Return one loss a view."""
        wanted = [(q, q.exp()) for q in self._scores(joint.detach(), pairs)]
        return {name: self._divergence(self._scores(view, pairs), wanted, pairs) for name, view in views.items()}

    def _scores(self, embedding: Tensor, pairs: Pairs) -> list[Tensor]:
        """Return log-probabilities ``(our rows, 2 x pairs)`` for the left and for the right entities."""
        left, right = F.normalize(embedding[pairs.left]), F.normalize(embedding[pairs.right])
        own = torch.arange(len(left), device=left.device)[pairs.rows, None]
        found = []
        for one, other in ((left, right), (right, left)):
            mine = one[pairs.rows] / self.temperature
            found.append(torch.cat([mine @ other.T, (mine @ one.T).scatter(1, own, LOWEST)], 1).log_softmax(1))
        return found

    def _divergence(self, found: list[Tensor], wanted: list[tuple[Tensor, Tensor]], pairs: Pairs) -> Tensor:
        halves = [(share * (q - p)).sum(1) for p, (q, share) in zip(found, wanted, strict=True)]
        shared = 2 * len(pairs) if self.reduction == "mean" else 1
        return pairs.mean(torch.stack(halves).mean(0)) * self.zoom / shared


class IAL(Part):
    """Inter-modal alignment loss: a modality's similarities shall be distributed as the joint ones (MCLEA)."""

    kind: Literal["ial"] = "ial"
    temperature: float = Field(4.0, gt=0)
    reduction: Literal["mean", "batchmean"] = Field(
        "mean", description="mean: over all entries of the rows, as released; batchmean: over the rows"
    )
    zoom: float = Field(0.1, ge=0, description="factor on the loss before it is balanced")

    def build(self) -> nn.Module:
        return Agreement(self.temperature, self.reduction, self.zoom)


class NoAgreement(Nothing):
    """Views and joint embedding need not agree."""

    def build(self) -> nn.Module:
        return NothingToAgree()


class NothingToAgree(nn.Module):
    """No loss for any view."""

    def forward(self, views: Mapping[str, Tensor], joint: Tensor, pairs: Pairs) -> dict[str, Tensor]:
        return {}
