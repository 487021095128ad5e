"""Interaction of the modalities inside one entity: weights, then fusion (LoginMEA Eq. 3-9 and its Table 3)."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from kgprism.platform.part import Nothing, Part
from kgprism.platform.seeding import within

Modal = list[Float[Tensor, "entities width"]]


class Adaptive(Part):
    """A weight for each entity and modality: softmax over modalities of ``v . tanh(h_m)`` (Eq. 3)."""

    kind: Literal["adaptive"] = "adaptive"
    vector: Literal["shared", "per_modality"] = Field("shared", description="one v for all modalities, or one each")

    def build(self, modalities: Sequence[str], width: int) -> nn.Module:
        return AdaptiveWeights(["all"] * len(modalities) if self.vector == "shared" else modalities, width)


class AdaptiveWeights(nn.Module):
    """Normalised modalities, each times its entity's weight (Eq. 3, 4)."""

    def __init__(self, owners: Sequence[str], width: int) -> None:
        super().__init__()
        self.owners = owners
        self.vectors = nn.ParameterDict()
        for owner in dict.fromkeys(owners):
            with within(owner):
                self.vectors[owner] = nn.Parameter(nn.init.xavier_uniform_(torch.empty(1, width)))

    def forward(self, modal: Modal) -> Modal:
        scores = torch.stack([h.tanh() @ self.vectors[o][0] for h, o in zip(modal, self.owners, strict=True)], 1)
        return [w[:, None] * F.normalize(h) for w, h in zip(scores.softmax(1).unbind(1), modal, strict=True)]


class Unweighted(Nothing):
    """Normalised modalities, each with weight one."""

    def build(self, modalities: Sequence[str], width: int) -> nn.Module:
        return Normalised()


class Normalised(nn.Module):
    """Rows of length one."""

    def forward(self, modal: Modal) -> Modal:
        return [F.normalize(h) for h in modal]


class LowRank(Part):
    """Low-rank factors of the outer product of all modalities, a one appended to each (Eq. 5-9)."""

    kind: Literal["low_rank"] = "low_rank"
    rank: int = Field(8, ge=1)
    factor_weights: Literal["learned", "ones"] = Field("learned", description="omega of Eq. 9")

    def build(self, modalities: Sequence[str], width: int, fused: int) -> nn.Module:
        return LowRankFusion(modalities, width, fused, self.rank, self.factor_weights == "learned")


class LowRankFusion(nn.Module):
    """``f = sum_k omega_k prod_m [1; h_m] W_m^k + b`` (Eq. 9); the full tensor is never built."""

    def __init__(self, modalities: Sequence[str], width: int, fused: int, rank: int, learned: bool) -> None:
        super().__init__()
        self.factors = nn.ParameterDict()
        for name in modalities:
            with within(name):
                self.factors[name] = nn.Parameter(nn.init.xavier_normal_(torch.empty(rank, width + 1, fused)))
        weights = torch.empty(1, rank)
        weights = nn.init.xavier_normal_(weights) if learned else nn.init.ones_(weights)
        self.weights = nn.Parameter(weights, requires_grad=learned)
        self.bias = nn.Parameter(torch.zeros(fused))

    def forward(self, modal: Modal) -> Float[Tensor, "entities fused"]:
        fused = self.bias.expand(len(modal[0]), -1)
        for k, weight in enumerate(self.weights[0]):
            # The appended one meets the first row of the factor: a bias.
            terms = [torch.addmm(f[k, 0], h, f[k, 1:]) for h, f in zip(modal, self.factors.values(), strict=True)]
            fused = fused + weight * reduce(torch.mul, terms)
        return fused


class Concat(Part):
    """One linear map of the concatenated modalities (Table 3, `repl. Concat Fusion`)."""

    kind: Literal["concat"] = "concat"

    def build(self, modalities: Sequence[str], width: int, fused: int) -> nn.Module:
        return Projected(lambda modal: torch.cat(modal, 1), nn.Linear(len(modalities) * width, fused))


class Sum(Part):
    """The plain sum of the modalities, projected only where the widths differ (Table 3, `w/o Low-rank`)."""

    kind: Literal["sum"] = "sum"
    null: ClassVar[bool] = True

    def build(self, modalities: Sequence[str], width: int, fused: int) -> nn.Module:
        return Projected(lambda modal: reduce(torch.add, modal), fit(width, fused))


class Projected(nn.Module):
    """Bring the modalities together, then project."""

    def __init__(self, join: Callable[[Modal], Tensor], project: nn.Module) -> None:
        super().__init__()
        self.join, self.project = join, project

    def forward(self, modal: Modal) -> Float[Tensor, "entities fused"]:
        projected: Tensor = self.project(self.join(modal))
        return projected


def fit(width: int, wanted: int) -> nn.Module:
    """Return a linear map where widths differ, nothing where they agree."""
    return nn.Identity() if width == wanted else nn.Linear(width, wanted)
