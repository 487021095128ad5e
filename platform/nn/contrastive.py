"""Contrastive losses over a slice of pairs (spec 0.7); rows are cosine similarities over a temperature."""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from kgprism.platform.batch import Pairs
from kgprism.platform.part import Nothing, Part


class OneWay(nn.Module):
    """Cross-entropy of the right partner among the slice's right entities, from left to right only."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, embedding: Float[Tensor, "entities width"], pairs: Pairs) -> Float[Tensor, ""]:
        left = F.normalize(embedding[pairs.left[pairs.rows]])
        right = F.normalize(embedding[pairs.right])
        target = torch.arange(len(right), device=right.device)[pairs.rows]
        return pairs.mean(F.cross_entropy(left @ right.T / self.temperature, target, reduction="none"))


class InfoNCE(Part):
    """InfoNCE from left to right, negatives from the right graph only (IBMEA, LoginMEA)."""

    kind: Literal["info_nce"] = "info_nce"
    temperature: float = Field(0.1, gt=0)

    def build(self) -> nn.Module:
        return OneWay(self.temperature)


class TwoWay(nn.Module):
    """NT-Xent in both directions; the entities of the own graph are negatives too."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(
        self,
        embedding: Float[Tensor, "entities width"],
        pairs: Pairs,
        weights: Float[Tensor, " rows"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss; `weights`, one for each of this worker's rows, multiply both directions' terms (SNAG)."""
        left, right = F.normalize(embedding[pairs.left]), F.normalize(embedding[pairs.right])
        rows = (self._half(left, right, pairs) + self._half(right, left, pairs)) / 2
        return pairs.mean(rows if weights is None else weights * rows)

    def _half(self, one: Tensor, other: Tensor, pairs: Pairs) -> Tensor:
        own = one[pairs.rows]
        target = torch.arange(len(one), device=one.device)[pairs.rows]
        inside = (own @ one.T / self.temperature).scatter(1, target[:, None], -torch.inf)
        return F.cross_entropy(torch.cat([own @ other.T / self.temperature, inside], 1), target, reduction="none")


class ICL(Part):
    """Intra-modal contrastive loss: NT-Xent both ways with negatives from both graphs (MCLEA and its heirs)."""

    kind: Literal["icl"] = "icl"
    temperature: float = Field(0.1, gt=0)

    def build(self) -> nn.Module:
        return TwoWay(self.temperature)


class Untrained(Nothing):
    """A loss of zero: what the parts do before they learn anything."""

    def build(self) -> nn.Module:
        return Zero()


class Zero(nn.Module):
    """Zero for any embedding."""

    def forward(self, embedding: Float[Tensor, "entities width"], pairs: Pairs) -> Float[Tensor, ""]:
        return 0 * embedding.sum()
