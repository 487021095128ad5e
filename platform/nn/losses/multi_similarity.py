"""The multi-similarity loss over a slice of pairs, IBMEA's for the joint view (Wang et al., CVPR 2019; spec 0.7)."""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from kgprism.platform.batch import Pairs
from kgprism.platform.nn.losses.contrastive import PairLoss


class MultiSimilarity(PairLoss):
    """log(1 + e^(-alpha (s+ - base))) / alpha + log(1 + sum e^(beta (s- - base))) / beta, a mean over both ends.

    Similarities are cosines; every entity of the slice is an anchor once, and all others but its partner, of either
    graph, are its negatives. A worker answers for both ends of its own pairs.
    """

    class Config(PairLoss.Config):
        kind: Literal["multi_similarity"] = "multi_similarity"
        alpha: float = Field(0.1, gt=0, description="how sharply a low similarity to the partner counts")
        beta: float = Field(40.0, gt=0, description="how sharply a high similarity to a negative counts")
        base: float = Field(0.5, ge=-1, le=1, description="lambda: the similarity that parts near from far")

    def __init__(self, settings: Config) -> None:
        super().__init__()
        self.settings = settings

    def forward(self, embedding: Float[Tensor, "entities width"], pairs: Pairs) -> Float[Tensor, ""]:
        left, right = F.normalize(embedding[pairs.left]), F.normalize(embedding[pairs.right])
        return pairs.mean((self._anchors(left, right, pairs) + self._anchors(right, left, pairs)) / 2)

    def _anchors(self, one: Tensor, other: Tensor, pairs: Pairs) -> Tensor:
        """Return the loss of each of this worker's rows of `one` as an anchor, ``(rows,)``."""
        alpha, beta, base = self.settings.alpha, self.settings.beta, self.settings.base
        own = one[pairs.rows]
        partner = torch.arange(len(one), device=one.device)[pairs.rows, None]
        across, inside = own @ other.T, own @ one.T
        near = F.softplus(-alpha * (across.gather(1, partner).squeeze(1) - base)) / alpha
        negatives = torch.cat([part.scatter(1, partner, -torch.inf) for part in (across, inside)], 1)
        return near + F.softplus((beta * (negatives - base)).logsumexp(1)) / beta
