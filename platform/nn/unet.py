"""U-nets over the coordinates of a vector: the other denoisers of SimDiff's Table 6.

The paper names them without sizes, and did not release them. Vectors come as ``(modalities, entities, width)``.
"""

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from kgprism.platform.part import Part
from kgprism.platform.seeding import within


class UNet(Part):
    """Convolutions that halve the vector, then widen it again beside what was there before; ReLU between."""

    kind: Literal["u_net"] = "u_net"
    channels: int = Field(4, ge=1, description="of the whole vector; twice as many each time it is halved")
    depth: int = Field(2, ge=1, description="how often the vector is halved")

    def build(self, width: int) -> nn.Module:
        return UNetwork(self.channels, self.depth, nn.Identity())


class AttentionUNet(Part):
    """The same, with attention among the modalities of an entity where the vector is shortest."""

    kind: Literal["attention"] = "attention"
    channels: int = Field(4, ge=1, description="of the whole vector; twice as many each time it is halved")
    depth: int = Field(2, ge=1, description="how often the vector is halved")

    def build(self, width: int) -> nn.Module:
        short = width
        for _ in range(self.depth):
            short = (short + 1) // 2
        with within("attention"):
            among = ModalityAttention(self.channels * 2**self.depth * short)
        return UNetwork(self.channels, self.depth, among)


class UNetwork(nn.Module):
    """Convolutions of three coordinates; `among` stands at the shortest vectors, ``(modalities, entities, inner)``."""

    def __init__(self, channels: int, depth: int, among: nn.Module) -> None:
        super().__init__()
        wide = [channels * 2**level for level in range(depth + 1)]
        self.among = among
        with within("first"):
            self.first = nn.Conv1d(1, channels, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, (one, two) in enumerate(pairwise(wide)):
            with within("down", level):
                self.down.append(nn.Conv1d(one, two, 3, stride=2, padding=1))
            with within("up", level):
                self.up.append(nn.Conv1d(one + two, one, 3, padding=1))
        with within("last"):
            self.last = nn.Conv1d(channels, 1, 3, padding=1)

    def forward(self, u: Float[Tensor, "modalities entities width"]) -> Float[Tensor, "modalities entities width"]:
        x = F.relu(self.first(u.flatten(0, 1)[:, None]))
        passed = []
        for down in self.down:
            passed.append(x)
            x = F.relu(down(x))
        x = self.among(x.flatten(1).unflatten(0, u.shape[:2])).reshape(x.shape)
        for up, beside in zip(reversed(self.up), reversed(passed), strict=True):
            x = F.relu(up(torch.cat([F.interpolate(x, size=beside.shape[2]), beside], 1)))
        found: Tensor = self.last(x)
        return found[:, 0].unflatten(0, u.shape[:2])


class ModalityAttention(nn.Module):
    """One head of attention among the modalities of each entity, added to what comes in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        with within("query, key, value"):
            self.projection = nn.Linear(width, 3 * width, bias=False)
        with within("output"):
            self.output = nn.Linear(width, width)

    def forward(self, x: Float[Tensor, "modalities entities width"]) -> Float[Tensor, "modalities entities width"]:
        tokens = x.transpose(0, 1)
        query, key, value = self.projection(tokens).chunk(3, -1)
        shares = (query @ key.transpose(1, 2) * x.shape[2] ** -0.5).softmax(-1)
        attended: Tensor = self.output(shares @ value)
        return (tokens + attended).transpose(0, 1)
