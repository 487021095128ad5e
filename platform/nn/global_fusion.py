"""Joint embeddings with one learned share a modality for all entities (alignment specification, 0.6)."""

from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from kgprism.platform.nn.fusion import GlobalConcat
from kgprism.platform.nn.local_fusion import fit
from kgprism.platform.part import Nothing, Part
from kgprism.platform.seeding import within


class SharedConcat(Part):
    """The normalised modalities next to each other, each times its share (GlobalWC)."""

    kind: Literal["concat"] = "concat"

    def build(self, widths: Mapping[str, int]) -> nn.Module:
        return GlobalConcat(len(widths))


class GlobalMean(nn.Module):
    """The mean of normalised modalities, each times its share, projected to the widest where widths differ."""

    def __init__(self, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(len(widths)))
        self.fits = nn.ModuleList()
        for name, width in widths.items():
            with within(name):
                self.fits.append(fit(width, max(widths.values())))

    def forward(self, modal: list[Float[Tensor, "entities _"]]) -> Float[Tensor, "entities width"]:
        fitted = [F.normalize(project(h)) for project, h in zip(self.fits, modal, strict=True)]
        return torch.stack([share * h for share, h in zip(self.weights.softmax(0), fitted, strict=True)]).mean(0)


class SharedMean(Part):
    """The mean of the normalised modalities, each times its share (MeanWC, MCLEA inside SNAG's repository)."""

    kind: Literal["mean"] = "mean"

    def build(self, widths: Mapping[str, int]) -> nn.Module:
        return GlobalMean(widths)


class EvenConcat(Nothing):
    """The normalised modalities next to each other, none counting more than another."""

    def build(self, widths: Mapping[str, int]) -> nn.Module:
        return Even()


class Even(nn.Module):
    """Concatenate rows of length one."""

    def forward(self, modal: list[Float[Tensor, "entities _"]]) -> Float[Tensor, "entities _"]:
        return torch.cat([F.normalize(h) for h in modal], 1)
