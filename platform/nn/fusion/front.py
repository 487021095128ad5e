"""What stands in front of the layers that LoginMEA makes of a fused entity (alignment specification, section 4)."""

from typing import Literal

from torch import Tensor

from kgprism.platform.module import Module
from kgprism.platform.nn.fusion.global_fusion import GlobalConcat
from kgprism.platform.nn.fusion.local_fusion import Modal
from kgprism.platform.part import Nothing, Part


class Front(Module):
    """Contract: from modalities, the fused entity and its layers to what the branch returns."""

    class Config(Part):
        def build(self, modalities: int) -> "Front":
            return self.made(modalities)

    def forward(self, modal: Modal, fused: Tensor, layers: list[Tensor]) -> list[Tensor]:
        raise NotImplementedError(type(self).__name__)


class WeightedConcat(Front):
    """The modalities next to each other, each times a global share, stand before the layers (release only)."""

    class Config(Front.Config):
        kind: Literal["weighted_concat"] = "weighted_concat"

    def __init__(self, settings: Config, modalities: int) -> None:
        super().__init__()
        self.concat = GlobalConcat(modalities)

    def forward(self, modal: Modal, fused: Tensor, layers: list[Tensor]) -> list[Tensor]:
        # Without layers the fused entity would be read by nobody.
        return [self.concat(modal).tanh(), *(layers or [fused])]


class NoFront(Front):
    """The fused entity stands before the layers, as Eq. 13 has it."""

    class Config(Front.Config, Nothing):
        pass

    def forward(self, modal: Modal, fused: Tensor, layers: list[Tensor]) -> list[Tensor]:
        return [fused, *layers]
