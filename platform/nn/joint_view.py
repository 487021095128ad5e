"""Joint views of modalities that differ in width, as IBMEA has them (alignment specification, 3.2).

Each part takes the widths of the modalities and tells the joint view's; its module takes their vectors in that order.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from kgprism.platform.nn.fusion import GlobalConcat
from kgprism.platform.part import Nothing, Part


class WeightedConcat(Part):
    """The normalised modalities next to each other, each times a learned share of all entities (release)."""

    kind: Literal["weighted_concat"] = "weighted_concat"

    def build(self, widths: Sequence[int]) -> nn.Module:
        return GlobalConcat(len(widths))

    def out(self, widths: Sequence[int]) -> int:
        """Return the width of the joint view."""
        return sum(widths)


class AttentionSum(Part):
    """The modalities, mapped to one width, summed under shares of each entity (Eq. 9)."""

    kind: Literal["attention"] = "attention"
    width: int = Field(600, ge=1)
    shares: Literal["softmax", "ones"] = Field(
        "softmax", description="ones: the released class, whose softmax is over a single score"
    )

    def build(self, widths: Sequence[int]) -> nn.Module:
        return AttentionFusion(self, widths)

    def out(self, widths: Sequence[int]) -> int:
        """Return the width of the joint view."""
        return self.width


class AttentionFusion(nn.Module):
    """Linear and LayerNorm to one width, as released; then the softmax over modalities of q . tanh(W z + b)."""

    def __init__(self, settings: AttentionSum, widths: Sequence[int]) -> None:
        super().__init__()
        width = settings.width
        self.maps = nn.ModuleList(nn.Sequential(nn.Linear(own, width), nn.LayerNorm(width)) for own in widths)
        self.score: nn.Module | None = None
        if settings.shares == "softmax":
            self.score = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1, bias=False))

    def forward(self, modal: Sequence[Tensor]) -> Tensor:
        tokens = torch.stack([to_width(h) for to_width, h in zip(self.maps, modal, strict=True)], 1)
        return (tokens if self.score is None else self.score(tokens).softmax(1) * tokens).sum(1)


class PlainConcat(Nothing):
    """The normalised modalities next to each other, all alike."""

    def build(self, widths: Sequence[int]) -> nn.Module:
        return Side()

    def out(self, widths: Sequence[int]) -> int:
        """Return the width of the joint view."""
        return sum(widths)


class Side(nn.Module):
    def forward(self, modal: Sequence[Tensor]) -> Tensor:
        return torch.cat([F.normalize(h) for h in modal], 1)
