"""The multi-similarity loss over a slice of pairs, IBMEA's for the joint view (Wang et al., CVPR 2019; spec 0.7)."""

from typing import Literal

from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from kgprism.platform.batch import Pairs
from kgprism.platform.nn.losses.contrastive import PairLoss, contrast
from kgprism.platform.nn.losses.tiles import Among


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
        alpha, beta, base = self.settings.alpha, self.settings.beta, self.settings.base

        def terms(one: Tensor, other: Tensor, own: Tensor) -> Tensor:
            near = F.softplus(-alpha * (own - base)) / alpha
            far = F.softplus(one - beta * base) + F.softplus(other - beta * base)
            return pairs.mean(near + far / (2 * beta))

        return contrast(embedding, pairs, Among(beta, partner=False, inside=True), terms)
