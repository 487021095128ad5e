"""Contrastive losses over a slice of pairs (spec 0.7); rows are cosine similarities over a temperature."""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from kgprism.platform.batch import Pairs
from kgprism.platform.module import Module
from kgprism.platform.nn.losses.tiles import LARGEST_SCALE, Among, Terms, contrasted
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
        scale = 1 / self.temperature
        among = Among(scale, partner=True, inside=False, both=False)
        return contrast(embedding, pairs, among, lambda one, other, own: pairs.mean(one - scale * own))


#: From every row's losses to the right and to the left, ``(rows,)``, and what else is given, to a loss.
Directions = Callable[..., Tensor]


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
        if weights is None:
            return self.joined(embedding, pairs, lambda one, other: pairs.mean((one + other) / 2))
        return self.joined(embedding, pairs, lambda one, other, w: pairs.mean(w * (one + other) / 2), weights)

    def joined(
        self, embedding: Float[Tensor, "entities width"], pairs: Pairs, directions: Directions, *given: Tensor
    ) -> Float[Tensor, ""]:
        """Return what `directions` makes of the losses of this worker's rows in both directions, and of `given`."""
        scale = 1 / self.temperature

        def terms(one: Tensor, other: Tensor, own: Tensor, *given: Tensor) -> Tensor:
            return directions(one - scale * own, other - scale * own, *given)

        return contrast(embedding, pairs, Among(scale, partner=True, inside=True), terms, *given)


class NoLoss(PairLoss):
    """A loss of zero: what the parts do before they learn anything."""

    class Config(PairLoss.Config, Nothing):
        pass

    def forward(self, embedding: Float[Tensor, "entities width"], pairs: Pairs) -> Float[Tensor, ""]:
        return 0 * embedding.sum()


def contrast(
    embedding: Float[Tensor, "entities width"], pairs: Pairs, among: Among, terms: Terms, *given: Tensor
) -> Float[Tensor, ""]:
    """Return what `terms` makes of the sums of this worker's rows of a slice (`tiles.contrasted`)."""
    ends = F.normalize(embedding.index_select(0, torch.cat([pairs.left, pairs.right])))
    left, right = ends.chunk(2)
    if among.scale <= LARGEST_SCALE:
        return contrasted(left, right, pairs.rows, among, terms, *given)
    rows = left[pairs.rows], right[pairs.rows]
    one, other = _logarithms(rows[0], left, right, pairs, among), _logarithms(rows[1], right, left, pairs, among)
    return terms(one, other, (rows[0] * rows[1]).sum(1), *given)


def _logarithms(rows: Tensor, same: Tensor, other: Tensor, pairs: Pairs, among: Among) -> Tensor:
    """Return the logarithms of sums for scales at which exponentials of whole tiles would vanish."""
    places = torch.arange(len(same), device=same.device)[pairs.rows, None]
    across = among.scale * (rows @ other.T)
    parts = [across if among.partner else across.scatter(1, places, -torch.inf)]
    if among.inside:
        parts.append((among.scale * (rows @ same.T)).scatter(1, places, -torch.inf))
    return torch.cat(parts, 1).logsumexp(1)
