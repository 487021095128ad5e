"""What brings a noised latent vector back in SimDiff's generator; vectors come as ``(modalities, entities, width)``."""

from typing import Literal

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from kgprism.platform.module import Module
from kgprism.platform.part import Nothing, Part
from kgprism.platform.seeding import within


class Denoiser(Module):
    """Contract: from latent vectors to as many of the same width."""

    class Config(Part):
        def build(self, width: int) -> "Denoiser":
            return self.made(width)

    def forward(self, u: Float[Tensor, "modalities entities width"]) -> Float[Tensor, "modalities entities width"]:
        raise NotImplementedError(type(self).__name__)


class LNet(nn.Sequential, Denoiser):
    """Affine maps with ReLU between them, all of the latent width (SimDiff's L-net)."""

    class Config(Denoiser.Config):
        kind: Literal["l_net"] = "l_net"
        layers: int = Field(4, ge=1)

    def __init__(self, settings: Config, width: int) -> None:
        maps: list[nn.Module] = []
        for number in range(settings.layers):
            with within("layer", number):
                maps += [nn.Linear(width, width), nn.ReLU()]
        super().__init__(*maps[:-1])


class NoDenoiser(Denoiser):
    """The latent vectors as they are."""

    class Config(Denoiser.Config, Nothing):
        pass

    def forward(self, u: Float[Tensor, "modalities entities width"]) -> Float[Tensor, "modalities entities width"]:
        return u
