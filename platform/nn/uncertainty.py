"""How much the losses of the modalities count: learned log-variances, or all alike (alignment specification, 0.7)."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from kgprism.platform.part import Nothing, Part


class Uncertainty(Part):
    """sum_m e^(-s_m) L_m + s_m, s learned from 0 (Kendall et al., 2018, as MCLEA and its heirs write it)."""

    kind: Literal["uncertainty"] = "uncertainty"

    def build(self, names: Sequence[str]) -> "Balance":
        return LogVariances(names)


class Alike(Nothing):
    """The plain sum."""

    def build(self, names: Sequence[str]) -> "Balance":
        return Balance()


class Balance(nn.Module):
    """Contract, and the plain sum: named losses in, each times its share out."""

    def forward(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return dict(losses)


class LogVariances(Balance):
    """One log-variance a name. A name without a loss counts as a loss of 0, as released: its variance only drifts."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.log_variances = nn.Parameter(torch.zeros(len(self.names)))

    def forward(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        pairs = zip(self.names, self.log_variances, strict=True)
        return {name: (-s).exp() * losses.get(name, torch.zeros_like(s)) + s for name, s in pairs}
