"""Interaction of the modalities inside one entity: weights, then fusion (LoginMEA Eq. 3-9 and its Table 3)."""

from collections.abc import Sequence
from functools import reduce
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from kgprism.platform.module import Module
from kgprism.platform.nn.fusion.factors import low_rank
from kgprism.platform.part import Nothing, Part
from kgprism.platform.seeding import within

Modal = list[Float[Tensor, "entities width"]]


class Weighting(Module):
    """Contract: from modalities to as many weighed ones."""

    class Config(Part):
        def build(self, modalities: Sequence[str], width: int) -> "Weighting":
            return self.made(modalities, width)

    def forward(self, modal: Modal) -> Modal:
        raise NotImplementedError(type(self).__name__)


class Adaptive(Weighting):
    """Normalised modalities, each times its entity's weight: softmax over modalities of ``v . tanh(h)`` (Eq. 3, 4)."""

    class Config(Weighting.Config):
        kind: Literal["adaptive"] = "adaptive"
        vector: Literal["shared", "per_modality"] = Field("shared", description="one v for all modalities, or one each")

    def __init__(self, settings: Config, modalities: Sequence[str], width: int) -> None:
        super().__init__()
        self.owners = ["all"] * len(modalities) if settings.vector == "shared" else modalities
        self.vectors = nn.ParameterDict()
        for owner in dict.fromkeys(self.owners):
            with within(owner):
                self.vectors[owner] = nn.Parameter(nn.init.xavier_uniform_(torch.empty(1, width)))

    def forward(self, modal: Modal) -> Modal:
        scores = torch.stack([h.tanh() @ self.vectors[o][0] for h, o in zip(modal, self.owners, strict=True)], 1)
        return [w[:, None] * F.normalize(h) for w, h in zip(scores.softmax(1).unbind(1), modal, strict=True)]


class NoWeighting(Weighting):
    """Normalised modalities, each with weight one."""

    class Config(Weighting.Config, Nothing):
        pass

    def forward(self, modal: Modal) -> Modal:
        return [F.normalize(h) for h in modal]


class LocalFusion(Module):
    """Contract: from the weighed modalities ``(entities, width)`` of an entity to one vector ``(entities, fused)``."""

    class Config(Part):
        def build(self, modalities: Sequence[str], width: int, fused: int) -> "LocalFusion":
            return self.made(modalities, width, fused)

    def forward(self, modal: Modal) -> Float[Tensor, "entities fused"]:
        raise NotImplementedError(type(self).__name__)


class LowRank(LocalFusion):
    """Low-rank factors of the outer product of all modalities, a one appended to each (Eq. 5-9).

    ``f = sum_k omega_k prod_m [1; h_m] W_m^k + b`` (Eq. 9); the full tensor is never built.
    """

    class Config(LocalFusion.Config):
        kind: Literal["low_rank"] = "low_rank"
        rank: int = Field(8, ge=1)
        factor_weights: Literal["learned", "ones"] = Field("learned", description="omega of Eq. 9")

    def __init__(self, settings: Config, modalities: Sequence[str], width: int, fused: int) -> None:
        super().__init__()
        rank, learned = settings.rank, settings.factor_weights == "learned"
        self.factors = nn.ParameterDict()
        for name in modalities:
            with within(name):
                self.factors[name] = nn.Parameter(nn.init.xavier_normal_(torch.empty(rank, width + 1, fused)))
        weights = torch.empty(1, rank)
        weights = nn.init.xavier_normal_(weights) if learned else nn.init.ones_(weights)
        self.weights = nn.Parameter(weights, requires_grad=learned)
        self.bias = nn.Parameter(torch.zeros(fused))

    def forward(self, modal: Modal) -> Float[Tensor, "entities fused"]:
        # The appended one meets the first row of each factor.
        return low_rank(self.weights[0], list(self.factors.values()), modal) + self.bias


class Concat(LocalFusion):
    """One linear map of the concatenated modalities (Table 3, `repl. Concat Fusion`)."""

    class Config(LocalFusion.Config):
        kind: Literal["concat"] = "concat"

    def __init__(self, settings: Config, modalities: Sequence[str], width: int, fused: int) -> None:
        super().__init__()
        self.project = nn.Linear(len(modalities) * width, fused)

    def forward(self, modal: Modal) -> Float[Tensor, "entities fused"]:
        return self.project(torch.cat(modal, 1))


class Sum(LocalFusion):
    """The plain sum of the modalities, projected only where the widths differ (Table 3, `w/o Low-rank`)."""

    class Config(LocalFusion.Config):
        kind: Literal["sum"] = "sum"
        null: ClassVar[bool] = True

    def __init__(self, settings: Config, modalities: Sequence[str], width: int, fused: int) -> None:
        super().__init__()
        self.project = fit(width, fused)

    def forward(self, modal: Modal) -> Float[Tensor, "entities fused"]:
        return self.project(reduce(torch.add, modal))


def fit(width: int, wanted: int) -> nn.Module:
    """Return a linear map where widths differ, nothing where they agree."""
    return nn.Identity() if width == wanted else nn.Linear(width, wanted)
