"""Encoders that answer with a distribution an entity (alignment specification, 3.2).

IBMEA's information bottleneck; each variational encoder has a deterministic one beside it, for the rows "without".
"""

from collections.abc import Callable
from typing import ClassVar, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from kgprism.platform.module import Module
from kgprism.platform.nn.graph.union import Layers
from kgprism.platform.part import Part

#: Raw counts drive log-variances beyond what float32 can raise e to; up to here squares of a whole row are finite.
HIGHEST_LOG_VARIANCE = 80.0

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


class Encoder(Module):
    """Contract: from one modality's vectors ``(entities, _)`` to a distribution an entity."""

    class Config(Part):
        weight: float = Field(1.0, ge=0, description="on the modality's own alignment loss")

    def forward(self, x: Tensor, random: Generator) -> Posterior:
        raise NotImplementedError(type(self).__name__)


class ModalEncoder(Encoder):
    """Contract of encoders of features."""

    class Config(Encoder.Config):
        def build(self, features: int, width: int) -> "ModalEncoder":
            return self.made(features, width)


class Heads(nn.Module):
    """Mean and standard deviation, two linear maps of one hidden layer."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(features, width)
        self.mean, self.log_variance = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor, random: Generator) -> Posterior:
        hidden = self.hidden(x).relu()
        return Posterior(self.mean(hidden), deviation(self.log_variance(hidden)))


class Variational(Heads, ModalEncoder):
    """ReLU(W x + b), then one linear map to the mean and one to the log-variance."""

    class Config(ModalEncoder.Config):
        kind: Literal["variational"] = "variational"
        beta: float = Field(1e-3, ge=0, description="on the divergence from the prior")

    def __init__(self, settings: Config, features: int, width: int) -> None:
        super().__init__(features, width)


class Deterministic(ModalEncoder):
    """One linear map without an activation: no bottleneck."""

    class Config(ModalEncoder.Config):
        kind: Literal["deterministic"] = "deterministic"
        null: ClassVar[bool] = True

    def __init__(self, settings: Config, features: int, width: int) -> None:
        super().__init__()
        self.map = nn.Linear(features, width)

    def forward(self, x: Tensor, random: Generator) -> Posterior:
        return Posterior(self.map(x))


class GraphEncoder(Encoder):
    """Contract of encoders of the learned table; ``stack`` builds graph layers of a name."""

    class Config(Encoder.Config):
        def build(self, width: int, stack: Callable[[str], Layers]) -> "GraphEncoder":
            return self.made(width, stack)


class VariationalGraph(GraphEncoder):
    """Two stacks of graph layers over one table: LayerNorm of the one is the mean, the other the deviation.

    Each sees its own dropout of the input.
    """

    class Config(GraphEncoder.Config):
        kind: Literal["variational"] = "variational"
        beta: float = Field(1e-3, ge=0, description="on the divergence from the prior")
        dropout: float = Field(0.45, ge=0, lt=1, description="of the input of the first layer")
        spread: Literal["elu", "exponential"] = Field(
            "elu", description="the deviation: ELU, which may be negative (release), or e^(v / 2)"
        )

    def __init__(self, settings: Config, width: int, stack: Callable[[str], Layers]) -> None:
        super().__init__()
        self.settings = settings
        self.mean, self.deviation, self.norm = stack("mean"), stack("deviation"), nn.LayerNorm(width)

    def forward(self, x: Tensor, random: Generator) -> Posterior:
        one, other = (dropped(x, self.settings.dropout if self.training else 0.0, random) for _ in range(2))
        mean, raw = [one, *self.mean(one)][-1], [other, *self.deviation(other)][-1]
        return Posterior(self.norm(mean), F.elu(raw) if self.settings.spread == "elu" else deviation(raw))


class DeterministicGraph(GraphEncoder):
    """One stack of graph layers without LayerNorm: no bottleneck."""

    class Config(GraphEncoder.Config):
        kind: Literal["deterministic"] = "deterministic"
        null: ClassVar[bool] = True
        dropout: float = Field(0.45, ge=0, lt=1, description="of the input of the first layer")

    def __init__(self, settings: Config, width: int, stack: Callable[[str], Layers]) -> None:
        super().__init__()
        self.dropout, self.mean = settings.dropout, stack("mean")

    def forward(self, x: Tensor, random: Generator) -> Posterior:
        x = dropped(x, self.dropout if self.training else 0.0, random)
        return Posterior([x, *self.mean(x)][-1])


def deviation(log_variance: Tensor) -> Tensor:
    """Return the standard deviation, cut where its square would overflow."""
    return (log_variance.clamp(max=HIGHEST_LOG_VARIANCE) / 2).exp()


def dropped(x: Tensor, probability: float, random: Generator) -> Tensor:
    """Return `x` under dropout; what is kept is divided by ``1 - probability``."""
    if not probability:
        return x
    kept = torch.rand(x.shape, generator=random, device=x.device) >= probability
    return x * kept / (1 - probability)
