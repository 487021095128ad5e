"""Contrastive losses over a slice of pairs (spec 0.7); rows are cosine similarities over a temperature."""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from kgprism.platform.batch import Pairs
from kgprism.platform.module import Module
from kgprism.platform.part import Nothing, Part


class PairLoss(Module):
    """Contract: from one view of all entities and a slice of pairs to the slice's loss."""

    class Config(Part):
        def build(self) -> "PairLoss":
            return self.made()

    def forward(self, embedding: Float[Tensor, "entities width"], pairs: Pairs) -> Float[Tensor, ""]:
        raise NotImplementedError(type(self).__name__)


class InfoNCE(PairLoss):
    """InfoNCE from left to right only, negatives from the right graph only (IBMEA, LoginMEA)."""

    class Config(PairLoss.Config):
        kind: Literal["info_nce"] = "info_nce"
        temperature: float = Field(0.1, gt=0)

    def __init__(self, settings: Config) -> None:
        super().__init__()
        self.temperature = settings.temperature

    def forward(self, embedding: Float[Tensor, "entities width"], pairs: Pairs) -> Float[Tensor, ""]:
        left = F.normalize(embedding[pairs.left[pairs.rows]])
        right = F.normalize(embedding[pairs.right])
        target = torch.arange(len(right), device=right.device)[pairs.rows]
        return pairs.mean(F.cross_entropy(left @ right.T / self.temperature, target, reduction="none"))


class ICL(PairLoss):
    """Intra-modal contrastive loss: NT-Xent both ways with negatives from both graphs (MCLEA and its heirs)."""

    class Config(PairLoss.Config):
        kind: Literal["icl"] = "icl"
        temperature: float = Field(0.1, gt=0)

        def build(self) -> "ICL":
            return self.made()

    def __init__(self, settings: Config) -> None:
        super().__init__()
        self.temperature = settings.temperature

    def forward(
        self,
        embedding: Float[Tensor, "entities width"],
        pairs: Pairs,
        weights: Float[Tensor, " rows"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss; `weights`, one for each of this worker's rows, multiply both directions' terms (SNAG)."""
        one, other = self.directions(embedding, pairs)
        rows = (one + other) / 2
        return pairs.mean(rows if weights is None else weights * rows)

    def directions(
        self, embedding: Float[Tensor, "entities width"], pairs: Pairs
    ) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"]]:
        """Return the loss of each of this worker's rows from left to right, and from right to left."""
        left, right = F.normalize(embedding[pairs.left]), F.normalize(embedding[pairs.right])
        return self._direction(left, right, pairs), self._direction(right, left, pairs)

    def _direction(self, one: Tensor, other: Tensor, pairs: Pairs) -> Tensor:
        own = one[pairs.rows]
        target = torch.arange(len(one), device=one.device)[pairs.rows]
        inside = (own @ one.T / self.temperature).scatter(1, target[:, None], -torch.inf)
        return F.cross_entropy(torch.cat([own @ other.T / self.temperature, inside], 1), target, reduction="none")


class NoLoss(PairLoss):
    """A loss of zero: what the parts do before they learn anything."""

    class Config(PairLoss.Config, Nothing):
        pass

    def forward(self, embedding: Float[Tensor, "entities width"], pairs: Pairs) -> Float[Tensor, ""]:
        return 0 * embedding.sum()
