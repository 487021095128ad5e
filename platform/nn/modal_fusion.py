"""One vector out of an entity's structure and modalities (completion specification, 0.6 and 2.6).

Each fusion is built for the names that it reads, ``structure`` among them, and takes ``(..., width)`` a name to
``(..., width)``; rows may be entities or vectors that no entity has.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from kgprism.platform.part import Nothing, Part


class Attention(Part):
    """A share for each row and modality: softmax over modalities of ``w . tanh(e_m)`` (AdaMF; SNAG's row AT)."""

    kind: Literal["attention"] = "attention"

    def build(self, width: int, names: Sequence[str]) -> nn.Module:
        return AttentionFusion(width, names)


class AttentionFusion(nn.Module):
    """``sum_m a_m e_m`` with the modalities themselves, not their tanh (spec 0.6)."""

    def __init__(self, width: int, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.score = nn.Linear(width, 1, bias=False)

    def shares(self, modal: Mapping[str, Tensor]) -> Tensor:
        """Return the shares of the modalities, ``(..., modalities)``; they sum to one."""
        scores: Tensor = self.score(stacked(modal, self.names).tanh())
        return scores.squeeze(-1).softmax(-1)

    def forward(self, modal: Mapping[str, Tensor]) -> Tensor:
        return weighted(self.shares(modal), stacked(modal, self.names))


class GlobalWeights(Part):
    """One learned weight a modality for all entities, all equal at the start (SNAG's row WS)."""

    kind: Literal["weights"] = "weights"

    def build(self, width: int, names: Sequence[str]) -> nn.Module:
        return GlobalWeightsFusion(names)


class GlobalWeightsFusion(nn.Module):
    """The sum of the modalities under the softmax of their weights."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.weights = nn.Parameter(torch.ones(len(self.names)))

    def forward(self, modal: Mapping[str, Tensor]) -> Tensor:
        return weighted(self.weights.softmax(0), stacked(modal, self.names))


class Joined(Part):
    """One affine map of the modalities next to each other, without an activation (SNAG's row FC)."""

    kind: Literal["concat"] = "concat"

    def build(self, width: int, names: Sequence[str]) -> nn.Module:
        return JoinedFusion(width, names)


class JoinedFusion(nn.Module):
    def __init__(self, width: int, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.map = nn.Linear(width * len(self.names), width)

    def forward(self, modal: Mapping[str, Tensor]) -> Tensor:
        fused: Tensor = self.map(torch.cat([modal[name] for name in self.names], -1))
        return fused


class StructureOnly(Nothing):
    """The structure as it is; no modality is read."""

    def build(self, width: int, names: Sequence[str]) -> nn.Module:
        return StructureOnlyFusion()


class StructureOnlyFusion(nn.Module):
    def forward(self, modal: Mapping[str, Tensor]) -> Tensor:
        return modal["structure"]


def stacked(modal: Mapping[str, Tensor], names: Sequence[str]) -> Tensor:
    """Return the named rows as tokens, ``(..., names, width)``."""
    return torch.stack([modal[name] for name in names], -2)


def weighted(shares: Tensor, tokens: Tensor) -> Tensor:
    """Return the sum of tokens ``(..., names, width)`` under their shares ``(..., names)``."""
    return (shares[..., None] * tokens).sum(-2)
