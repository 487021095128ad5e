"""Ways to bring the modalities of an entity together (spec 0.6)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class GlobalConcat(nn.Module):
    """Concatenate normalised modalities, each times one learned share for all entities (EVA's fusion)."""

    def __init__(self, modalities: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(modalities))

    def forward(self, modal: list[Float[Tensor, "entities _"]]) -> Float[Tensor, "entities _"]:
        shares = self.weights.softmax(0)
        return torch.cat([share * F.normalize(h) for share, h in zip(shares, modal, strict=True)], 1)
