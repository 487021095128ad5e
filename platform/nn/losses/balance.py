"""How much the losses of the modalities count: learned log-variances, or all alike (alignment specification, 0.7)."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from kgprism.platform.module import Module
from kgprism.platform.part import Nothing, Part


class Balance(Module):
    """Contract: named losses in, each times its share out."""

    class Config(Part):
        def build(self, names: Sequence[str]) -> "Balance":
            return self.made(names)

    def forward(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        raise NotImplementedError(type(self).__name__)


class Uncertainty(Balance):
    """sum_m e^(-s_m) L_m + s_m, s learned from 0 (Kendall et al., 2018, as MCLEA and its heirs write it).

    A name without a loss counts as a loss of 0, as released: its log-variance only drifts.
    """

    class Config(Balance.Config):
        kind: Literal["uncertainty"] = "uncertainty"

    def __init__(self, settings: Config, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.log_variances = nn.Parameter(torch.zeros(len(self.names)))

    def forward(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        pairs = zip(self.names, self.log_variances, strict=True)
        return {name: (-s).exp() * losses.get(name, torch.zeros_like(s)) + s for name, s in pairs}


class NoBalance(Balance):
    """The plain sum."""

    class Config(Balance.Config, Nothing):
        pass

    def forward(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return dict(losses)
