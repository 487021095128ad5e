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

from kgprism.platform.nn.encoders.denoiser import Denoiser
from kgprism.platform.seeding import within


class UNet(Denoiser):
    """Convolutions that halve the vector, then widen it again beside what was there before; ReLU between.

    They see three coordinates each.
    """

    class Config(Denoiser.Config):
        kind: Literal["u_net"] = "u_net"
        channels: int = Field(4, ge=1, description="of the whole vector; twice as many each time it is halved")
        depth: int = Field(2, ge=1, description="how often the vector is halved")

    def __init__(
        self, settings: "UNet.Config | AttentionUNet.Config", width: int, among: nn.Module | None = None
    ) -> None:
        """Build; `among` stands at the shortest vectors, ``(modalities, entities, inner)``."""
        super().__init__()
        wide = [settings.channels * 2**level for level in range(settings.depth + 1)]
        self.among = nn.Identity() if among is None else among
        with within("first"):
            self.first = nn.Conv1d(1, wide[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, (one, two) in enumerate(pairwise(wide)):
            with within("down", level):
                self.down.append(nn.Conv1d(one, two, 3, stride=2, padding=1))
            with within("up", level):
                self.up.append(nn.Conv1d(one + two, one, 3, padding=1))
        with within("last"):
            self.last = nn.Conv1d(wide[0], 1, 3, padding=1)

    def forward(self, u: Float[Tensor, "modalities entities width"]) -> Float[Tensor, "modalities entities width"]:
        x = F.relu(self.first(u.flatten(0, 1)[:, None]))
        passed = []
        for down in self.down:
            passed.append(x)
            x = F.relu(down(x))
        x = self.among(x.flatten(1).unflatten(0, u.shape[:2])).reshape(x.shape)
        for up, beside in zip(reversed(self.up), reversed(passed), strict=True):
            x = F.relu(up(torch.cat([F.interpolate(x, size=beside.shape[2]), beside], 1)))
        return self.last(x)[:, 0].unflatten(0, u.shape[:2])


class AttentionUNet(UNet):
    """The same, with attention among the modalities of an entity where the vector is shortest."""

    class Config(Denoiser.Config):
        kind: Literal["attention"] = "attention"
        channels: int = Field(4, ge=1, description="of the whole vector; twice as many each time it is halved")
        depth: int = Field(2, ge=1, description="how often the vector is halved")

    def __init__(self, settings: Config, width: int) -> None:
        short = width
        for _ in range(settings.depth):
            short = (short + 1) // 2
        with within("attention"):
            among = ModalityAttention(settings.channels * 2**settings.depth * short)
        super().__init__(settings, width, among)


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
        return (tokens + self.output(shares @ value)).transpose(0, 1)
