"""One vector out of an entity's structure and modalities (completion specification, 0.6 and 2.6).

Each fusion is built for the names that it reads, ``structure`` among them, and takes ``(..., width)`` a name to
``(..., width)``; rows may be entities or vectors that no entity has.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from kgprism.platform.module import Module
from kgprism.platform.part import Nothing, Part


class ModalFusion(Module):
    """Contract: from rows ``(..., width)`` of each name to one row ``(..., width)``."""

    class Config(Part):
        def build(self, width: int, names: Sequence[str]) -> "ModalFusion":
            return self.made(width, names)

    def forward(self, modal: Mapping[str, Tensor]) -> Tensor:
        raise NotImplementedError(type(self).__name__)


class Attention(ModalFusion):
    """A share for each row and modality: softmax over modalities of ``w . tanh(e_m)`` (AdaMF; SNAG's row AT).

    ``sum_m a_m e_m`` with the modalities themselves, not their tanh (spec 0.6).
    """

    class Config(ModalFusion.Config):
        kind: Literal["attention"] = "attention"

    def __init__(self, settings: Config, width: int, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.score = nn.Linear(width, 1, bias=False)

    def shares(self, modal: Mapping[str, Tensor]) -> Tensor:
        """Return the shares of the modalities, ``(..., modalities)``; they sum to one."""
        scores: Tensor = self.score(stacked(modal, self.names).tanh())
        return scores.squeeze(-1).softmax(-1)

    def forward(self, modal: Mapping[str, Tensor]) -> Tensor:
        return weighted(self.shares(modal), stacked(modal, self.names))


class GlobalWeights(ModalFusion):
    """One learned weight a modality for all entities, all equal at the start; their softmax counts (SNAG's row WS)."""

    class Config(ModalFusion.Config):
        kind: Literal["weights"] = "weights"

    def __init__(self, settings: Config, width: int, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.weights = nn.Parameter(torch.ones(len(self.names)))

    def forward(self, modal: Mapping[str, Tensor]) -> Tensor:
        return weighted(self.weights.softmax(0), stacked(modal, self.names))


class Concat(ModalFusion):
    """One affine map of the modalities next to each other, without an activation (SNAG's row FC)."""

    class Config(ModalFusion.Config):
        kind: Literal["concat"] = "concat"

    def __init__(self, settings: Config, width: int, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.map = nn.Linear(width * len(self.names), width)

    def forward(self, modal: Mapping[str, Tensor]) -> Tensor:
        fused: Tensor = self.map(torch.cat([modal[name] for name in self.names], -1))
        return fused


class NoFusion(ModalFusion):
    """The structure as it is; no modality is read."""

    class Config(ModalFusion.Config, Nothing):
        pass

    def forward(self, modal: Mapping[str, Tensor]) -> Tensor:
        return modal["structure"]


def stacked(modal: Mapping[str, Tensor], names: Sequence[str]) -> Tensor:
    """Return the named rows as tokens, ``(..., names, width)``."""
    return torch.stack([modal[name] for name in names], -2)


def weighted(shares: Tensor, tokens: Tensor) -> Tensor:
    """Return the sum of tokens ``(..., names, width)`` under their shares ``(..., names)``."""
    return (shares[..., None] * tokens).sum(-2)
