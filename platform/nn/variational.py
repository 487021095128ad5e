"""Encoders that answer with a distribution an entity, and what keeps it near the prior (alignment spec, 3.2, 3.3).

IBMEA's information bottleneck; each variational encoder has a deterministic one beside it, for the rows "without".
"""

import math
from collections.abc import Callable
from typing import ClassVar, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from kgprism.platform.part import Nothing, Part

#: Raw counts drive log-variances beyond what float32 can raise e to; up to here squares of a whole row are finite.
HIGHEST_LOG_VARIANCE = 80.0
#: Standard deviations that `Standard` counts; a larger one would make the gradient's norm infinite.
HIGHEST_DEVIATION = math.exp(10)

Draw = Literal["uniform", "normal"]


class Posterior(NamedTuple):
    """``mean`` and ``deviation`` (entities, width); without a deviation the mean is all there is."""

    mean: Tensor
    deviation: Tensor | None = None

    def sample(self, draw: Draw, random: Generator) -> Tensor:
        """Return ``mean + e * deviation`` with e of U[0, 1) or N(0, 1); the mean itself without a deviation."""
        if self.deviation is None:
            return self.mean
        numbers = torch.rand if draw == "uniform" else torch.randn
        drawn = numbers(self.mean.shape, generator=random, dtype=self.mean.dtype, device=self.mean.device)
        return self.mean + drawn * self.deviation

    def expected(self, draw: Draw) -> Tensor:
        """Return what samples are on average: U[0, 1) moves them by half a deviation."""
        if self.deviation is None or draw == "normal":
            return self.mean
        return self.mean + self.deviation / 2


class Encoder(Part):
    """Settings of one modality's encoder; its module maps ``(x, generator)`` to a `Posterior`."""

    weight: float = Field(1.0, ge=0, description="on the modality's own alignment loss")


class Variational(Encoder):
    """ReLU(W x + b), then one linear map to the mean and one to the log-variance."""

    kind: Literal["variational"] = "variational"
    beta: float = Field(1e-3, ge=0, description="on the divergence from the prior")

    def build(self, features: int, width: int) -> nn.Module:
        return Heads(features, width)


class Deterministic(Encoder):
    """One linear map without an activation: no bottleneck."""

    kind: Literal["deterministic"] = "deterministic"
    null: ClassVar[bool] = True

    def build(self, features: int, width: int) -> nn.Module:
        return PointHead(features, width)


class Heads(nn.Module):
    """Mean and standard deviation, two linear maps of one hidden layer."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(features, width)
        self.mean, self.log_variance = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor, random: Generator) -> Posterior:
        hidden = self.hidden(x).relu()
        return Posterior(self.mean(hidden), deviation(self.log_variance(hidden)))


class PointHead(nn.Module):
    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.map = nn.Linear(features, width)

    def forward(self, x: Tensor, random: Generator) -> Posterior:
        return Posterior(self.map(x))


class VariationalGraph(Encoder):
    """Two stacks of graph layers over one table: LayerNorm of the one is the mean, the other the deviation."""

    kind: Literal["variational"] = "variational"
    beta: float = Field(1e-3, ge=0, description="on the divergence from the prior")
    dropout: float = Field(0.45, ge=0, lt=1, description="of the input of the first layer")
    spread: Literal["elu", "exponential"] = Field(
        "elu", description="the deviation: ELU, which may be negative (release), or e^(v / 2)"
    )

    def build(self, width: int, stack: Callable[[str], nn.Module]) -> nn.Module:
        return GraphHeads(self, width, stack)


class DeterministicGraph(Encoder):
    """One stack of graph layers without LayerNorm: no bottleneck."""

    kind: Literal["deterministic"] = "deterministic"
    null: ClassVar[bool] = True
    dropout: float = Field(0.45, ge=0, lt=1, description="of the input of the first layer")

    def build(self, width: int, stack: Callable[[str], nn.Module]) -> nn.Module:
        return GraphPoint(self.dropout, stack)


class GraphHeads(nn.Module):
    """Each stack sees its own dropout of the input."""

    def __init__(self, settings: VariationalGraph, width: int, stack: Callable[[str], nn.Module]) -> None:
        super().__init__()
        self.settings = settings
        self.mean, self.deviation, self.norm = stack("mean"), stack("deviation"), nn.LayerNorm(width)

    def forward(self, x: Tensor, random: Generator) -> Posterior:
        one, other = (dropped(x, self.settings.dropout if self.training else 0.0, random) for _ in range(2))
        mean, raw = [one, *self.mean(one)][-1], [other, *self.deviation(other)][-1]
        return Posterior(self.norm(mean), F.elu(raw) if self.settings.spread == "elu" else deviation(raw))


class GraphPoint(nn.Module):
    def __init__(self, dropout: float, stack: Callable[[str], nn.Module]) -> None:
        super().__init__()
        self.dropout, self.mean = dropout, stack("mean")

    def forward(self, x: Tensor, random: Generator) -> Posterior:
        x = dropped(x, self.dropout if self.training else 0.0, random)
        return Posterior([x, *self.mean(x)][-1])


class Warped(Part):
    """IBMEA's released divergence: deviations count as log-deviations, squashed to at most e^(.1 + .9 softplus(.4)).

    The prior is the same map of 1, N(0, 2.51^2); from a deviation of .4 on it is 0.0791 times the squared mean.
    """

    kind: Literal["warped"] = "warped"

    def build(self) -> nn.Module:
        return WarpedDivergence()


class Standard(Part):
    """KL(N(mean, deviation^2) || N(0, 1)), as the paper has it."""

    kind: Literal["standard"] = "standard"

    def build(self) -> nn.Module:
        return StandardDivergence()


class Free(Nothing):
    """No prior: a divergence of zero."""

    def build(self) -> nn.Module:
        return NoDivergence()


def squashed(spread: Tensor) -> Tensor:
    """Return the release's map of a deviation, e^(.1 + .9 softplus(min(s, .4)))."""
    return (0.1 + 0.9 * F.softplus(spread.clamp(max=0.4))).exp()


class WarpedDivergence(nn.Module):
    """Summed over coordinates, averaged over all entities."""

    def forward(self, mean: Tensor, deviation: Tensor) -> Tensor:
        own, prior = squashed(deviation), squashed(torch.ones((), dtype=mean.dtype, device=mean.device))
        kl = (prior / own).log() + (own.square() + mean.square()) / (2 * prior.square()) - 0.5
        return kl.mean(0).sum()


class StandardDivergence(nn.Module):
    """Summed over coordinates, averaged over all entities. The sign of a deviation does not count."""

    def forward(self, mean: Tensor, deviation: Tensor) -> Tensor:
        variance = deviation.clamp(max=HIGHEST_DEVIATION).square()
        kl = (variance + mean.square() - 1 - variance.clamp(min=1e-8).log()) / 2
        return kl.mean(0).sum()


class NoDivergence(nn.Module):
    def forward(self, mean: Tensor, deviation: Tensor) -> Tensor:
        return mean.new_zeros(())


def deviation(log_variance: Tensor) -> Tensor:
    """Return the standard deviation, cut where its square would overflow."""
    return (log_variance.clamp(max=HIGHEST_LOG_VARIANCE) / 2).exp()


def dropped(x: Tensor, probability: float, random: Generator) -> Tensor:
    """Return `x` under dropout; what is kept is divided by ``1 - probability``."""
    if not probability:
        return x
    kept = torch.rand(x.shape, generator=random, device=x.device) >= probability
    return x * kept / (1 - probability)
