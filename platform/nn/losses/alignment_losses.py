"""Losses of the baselines: EVA's neighbourhood components analysis, MCLEA's agreement of views with the joint one.

Rows are compared by cosine, as in `contrastive`. Facts: alignment specification, 0.7, 5 and 6.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from kgprism.platform.batch import Pairs
from kgprism.platform.module import Module
from kgprism.platform.nn.losses.contrastive import PairLoss, contrast
from kgprism.platform.nn.losses.tiles import Among
from kgprism.platform.part import Nothing, Part

#: Stands for minus infinity where zero times the logarithm of zero has to be zero.
LOWEST = -1e9


class NCA(PairLoss):
    """Neighbourhood components analysis (EVA): push the slice's other partners away in both directions.

    The right one is pulled by ``log(1 + max(0, cosine))``; a larger `sharpness` lets near negatives count more.
    """

    class Config(PairLoss.Config):
        kind: Literal["nca"] = "nca"
        sharpness: float = Field(15.0, gt=0, description="alpha: factor on the cosines of wrong pairs")
        pull: float = Field(10.0, ge=0, description="beta: weight of the right pair")

    def __init__(self, settings: Config) -> None:
        super().__init__()
        self.sharpness, self.pull = settings.sharpness, settings.pull

    def forward(self, embedding: Float[Tensor, "entities width"], pairs: Pairs) -> Float[Tensor, ""]:
        # The sums are of e^(a s_ij) over j != i; the loss adds one to them.
        def terms(one: Tensor, other: Tensor, own: Tensor) -> Tensor:
            pushed = (F.softplus(one) + F.softplus(other)) / self.sharpness
            return pairs.mean(pushed - self.pull * own.relu().log1p())

        return contrast(embedding, pairs, Among(self.sharpness, partner=False, inside=False), terms)


class Agreement(Module):
    """Contract: from the views and the joint embedding of all entities to one loss a view."""

    class Config(Part):
        def build(self) -> "Agreement":
            return self.made()

    def forward(
        self, views: Mapping[str, Float[Tensor, "entities _"]], joint: Float[Tensor, "entities _"], pairs: Pairs
    ) -> dict[str, Float[Tensor, ""]]:
        raise NotImplementedError(type(self).__name__)


class IAL(Agreement):
    """Inter-modal alignment loss: a modality's similarities shall be distributed as the joint ones (MCLEA).

    KL(Q || P) between the rows of scores that a view (P) and the joint embedding (Q, without a gradient) give. A row
    holds the scores of one entity against both sides of the slice, itself left out; both directions count half.
    """

    class Config(Agreement.Config):
        kind: Literal["ial"] = "ial"
        temperature: float = Field(4.0, gt=0)
        reduction: Literal["mean", "batchmean"] = Field(
            "mean", description="mean: over all entries of the rows, as released; batchmean: over the rows"
        )
        zoom: float = Field(0.1, ge=0, description="factor on the loss before it is balanced")

    def __init__(self, settings: Config) -> None:
        super().__init__()
        self.temperature, self.reduction, self.zoom = settings.temperature, settings.reduction, settings.zoom

    def forward(
        self, views: Mapping[str, Float[Tensor, "entities _"]], joint: Float[Tensor, "entities _"], pairs: Pairs
    ) -> dict[str, Float[Tensor, ""]]:
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


class NoAgreement(Agreement):
    """Views and joint embedding need not agree: no loss for any view."""

    class Config(Agreement.Config, Nothing):
        pass

    def forward(
        self, views: Mapping[str, Float[Tensor, "entities _"]], joint: Float[Tensor, "entities _"], pairs: Pairs
    ) -> dict[str, Float[Tensor, ""]]:
        return {}
