"""What keeps distributions of entities near a prior (alignment specification, 3.3): IBMEA's information bottleneck."""

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from kgprism.platform.module import Module
from kgprism.platform.part import Nothing, Part

#: Standard deviations that `Standard` counts; a larger one would make the gradient's norm infinite.
HIGHEST_DEVIATION = math.exp(10)


class Divergence(Module):
    """Contract: from mean and deviation ``(entities, width)`` to the mean over entities of a sum over coordinates."""

    class Config(Part):
        def build(self) -> "Divergence":
            return self.made()

    def forward(self, mean: Tensor, deviation: Tensor) -> Tensor:
        raise NotImplementedError(type(self).__name__)


class Warped(Divergence):
    """IBMEA's released divergence: deviations count as log-deviations, squashed to at most e^(.1 + .9 softplus(.4)).

    The prior is the same map of 1, N(0, 2.51^2); from a deviation of .4 on it is 0.0791 times the squared mean.
    """

    class Config(Divergence.Config):
        kind: Literal["warped"] = "warped"

    def forward(self, mean: Tensor, deviation: Tensor) -> Tensor:
        own, prior = squashed(deviation), squashed(torch.ones((), dtype=mean.dtype, device=mean.device))
        kl = (prior / own).log() + (own.square() + mean.square()) / (2 * prior.square()) - 0.5
        return kl.mean(0).sum()


class Standard(Divergence):
    """KL(N(mean, deviation^2) || N(0, 1)), as the paper has it; the sign of a deviation does not count."""

    class Config(Divergence.Config):
        kind: Literal["standard"] = "standard"

    def forward(self, mean: Tensor, deviation: Tensor) -> Tensor:
        variance = deviation.clamp(max=HIGHEST_DEVIATION).square()
        kl = (variance + mean.square() - 1 - variance.clamp(min=1e-8).log()) / 2
        return kl.mean(0).sum()


class NoDivergence(Divergence):
    """No prior: a divergence of zero."""

    class Config(Divergence.Config, Nothing):
        pass

    def forward(self, mean: Tensor, deviation: Tensor) -> Tensor:
        return mean.new_zeros(())


def squashed(spread: Tensor) -> Tensor:
    """Return the release's map of a deviation, e^(.1 + .9 softplus(min(s, .4)))."""
    return (0.1 + 0.9 * F.softplus(spread.clamp(max=0.4))).exp()
