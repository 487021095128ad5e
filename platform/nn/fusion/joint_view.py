"""Joint views of modalities that differ in width, as IBMEA has them (alignment specification, 3.2)."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from kgprism.platform.nn.fusion.global_fusion import JointFusion, SharedConcat


class WeightedConcat(SharedConcat):
    """The normalised modalities next to each other, each times a learned share of all entities (release)."""

    class Config(JointFusion.Config):
        kind: Literal["weighted_concat"] = "weighted_concat"


class AttentionSum(JointFusion):
    """The modalities, mapped to one width, summed under shares of each entity (Eq. 9).

    Linear and LayerNorm to one width, as released; then the softmax over modalities of q . tanh(W z + b).
    """

    class Config(JointFusion.Config):
        kind: Literal["attention"] = "attention"
        width: int = Field(600, ge=1)
        shares: Literal["softmax", "ones"] = Field(
            "softmax", description="ones: the released class, whose softmax is over a single score"
        )

    def __init__(self, settings: Config, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.out = width = settings.width
        self.maps = nn.ModuleList(nn.Sequential(nn.Linear(own, width), nn.LayerNorm(width)) for own in widths.values())
        self.score: nn.Module | None = None
        if settings.shares == "softmax":
            self.score = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1, bias=False))

    def forward(self, modal: Sequence[Float[Tensor, "entities _"]]) -> Float[Tensor, "entities _"]:
        tokens = torch.stack([to_width(h) for to_width, h in zip(self.maps, modal, strict=True)], 1)
        return (tokens if self.score is None else self.score(tokens).softmax(1) * tokens).sum(1)
