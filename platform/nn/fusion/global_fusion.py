"""Joint embeddings with one learned share a modality for all entities (alignment specification, 0.6)."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from kgprism.platform.module import Module
from kgprism.platform.nn.fusion.local_fusion import fit
from kgprism.platform.part import Nothing, Part
from kgprism.platform.seeding import within


class JointFusion(Module):
    """Contract: from the modalities, in the order of the named widths, to the joint embedding."""

    #: width of the joint embedding
    out: int

    class Config(Part):
        def build(self, widths: Mapping[str, int]) -> "JointFusion":
            return self.made(widths)

    def forward(self, modal: Sequence[Float[Tensor, "entities _"]]) -> Float[Tensor, "entities _"]:
        raise NotImplementedError(type(self).__name__)


class GlobalConcat(nn.Module):
    """Concatenate normalised modalities, each times one learned share for all entities (EVA's fusion)."""

    def __init__(self, modalities: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(modalities))

    def forward(self, modal: Sequence[Float[Tensor, "entities _"]]) -> Float[Tensor, "entities _"]:
        shares = self.weights.softmax(0)
        return torch.cat([share * F.normalize(h) for share, h in zip(shares, modal, strict=True)], 1)


class SharedConcat(GlobalConcat, JointFusion):
    """The normalised modalities next to each other, each times its share (GlobalWC)."""

    class Config(JointFusion.Config):
        kind: Literal["concat"] = "concat"

    def __init__(self, settings: Config, widths: Mapping[str, int]) -> None:
        super().__init__(len(widths))
        self.out = sum(widths.values())


class SharedMean(JointFusion):
    """The mean of the normalised modalities, each times its share (MeanWC, MCLEA inside SNAG's repository).

    Where widths differ all are projected to the widest.
    """

    class Config(JointFusion.Config):
        kind: Literal["mean"] = "mean"

    def __init__(self, settings: Config, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.out = max(widths.values())
        self.weights = nn.Parameter(torch.ones(len(widths)))
        self.fits = nn.ModuleList()
        for name, width in widths.items():
            with within(name):
                self.fits.append(fit(width, self.out))

    def forward(self, modal: Sequence[Float[Tensor, "entities _"]]) -> Float[Tensor, "entities _"]:
        fitted = [F.normalize(project(h)) for project, h in zip(self.fits, modal, strict=True)]
        return torch.stack([share * h for share, h in zip(self.weights.softmax(0), fitted, strict=True)]).mean(0)


class NoShares(JointFusion):
    """The normalised modalities next to each other, none counting more than another."""

    class Config(JointFusion.Config, Nothing):
        pass

    def __init__(self, settings: Config, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.out = sum(widths.values())

    def forward(self, modal: Sequence[Float[Tensor, "entities _"]]) -> Float[Tensor, "entities _"]:
        return torch.cat([F.normalize(h) for h in modal], 1)
