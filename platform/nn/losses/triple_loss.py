"""Losses over the scores of positives and their negatives (completion specification, 0.4)."""

from typing import Literal

from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from kgprism.platform.batch import Triples
from kgprism.platform.module import Module
from kgprism.platform.part import Nothing, Part


class Loss(Module):
    """Contract: scores of our own rows, ``(n,)`` and ``(n, K)``, to this worker's share of the batch's mean.

    `weights` ``(n, K)`` sum to one a row; none: the loss's own. `importance` ``(n,)`` has mean one over the batch.
    """

    class Config(Part):
        def build(self) -> "Loss":
            return self.made()

    def forward(
        self, batch: Triples, positive: Tensor, negative: Tensor, weights: Tensor | None, importance: Tensor
    ) -> Tensor:
        raise NotImplementedError(type(self).__name__)


class Sigmoid(Loss):
    """-1/2 [ln s(f+) + sum_k w_k ln s(-f_k-)]; w: softmax of temperature * f-, detached (Sun et al., 2019, Eq. 5)."""

    class Config(Loss.Config):
        kind: Literal["sigmoid"] = "sigmoid"
        temperature: float = Field(
            1.0, ge=0, description="of self-adversarial weights; 0: all negatives weigh the same"
        )

    def __init__(self, settings: Config) -> None:
        super().__init__(settings)
        self.temperature = settings.temperature

    def forward(
        self, batch: Triples, positive: Tensor, negative: Tensor, weights: Tensor | None, importance: Tensor
    ) -> Tensor:
        if weights is None:
            weights = (self.temperature * negative.detach()).softmax(1)
        rows = logsigmoid(positive) + (weights * logsigmoid(-negative)).sum(1)
        return batch.mean(-rows * importance) / 2


class Margin(Loss):
    """max(0, margin + f- - f+), averaged over negatives; with distances: margin + d+ - d- (Bordes et al., 2013)."""

    class Config(Loss.Config):
        kind: Literal["margin"] = "margin"
        margin: float = Field(1.0, ge=0)

    def __init__(self, settings: Config) -> None:
        super().__init__(settings)
        self.margin = settings.margin

    def forward(
        self, batch: Triples, positive: Tensor, negative: Tensor, weights: Tensor | None, importance: Tensor
    ) -> Tensor:
        return batch.mean(_averaged((self.margin + negative - positive[:, None]).relu(), weights) * importance)


class Softplus(Loss):
    """1/2 [ln(1 + e^-f+) + mean_k ln(1 + e^f-)] (Trouillon et al., 2016); OpenKE's may weigh negatives as `Sigmoid`."""

    class Config(Loss.Config):
        kind: Literal["softplus"] = "softplus"
        temperature: float = Field(
            0.0, ge=0, description="of self-adversarial weights; 0: all negatives weigh the same"
        )

    def __init__(self, settings: Config) -> None:
        super().__init__(settings)
        self.temperature = settings.temperature

    def forward(
        self, batch: Triples, positive: Tensor, negative: Tensor, weights: Tensor | None, importance: Tensor
    ) -> Tensor:
        if weights is None and self.temperature:
            weights = (self.temperature * negative.detach()).softmax(1)
        return batch.mean((softplus(-positive) + _averaged(softplus(negative), weights)) * importance) / 2


def _averaged(values: Tensor, weights: Tensor | None) -> Tensor:
    return values.mean(1) if weights is None else (values * weights).sum(1)


class NoLoss(Loss):
    """Nothing is learned from the triples."""

    class Config(Loss.Config, Nothing):
        pass

    def forward(
        self, batch: Triples, positive: Tensor, negative: Tensor, weights: Tensor | None, importance: Tensor
    ) -> Tensor:
        return 0 * (positive.sum() + negative.sum())
