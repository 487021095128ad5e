"""Attention among the modalities of an entity that gives new rows and weights (alignment specification, 7.2).

The same layers as in `modality_transformer`; MEAformer and SNAG read both what the last layer makes of the modalities
and how much attention each of them receives there. Every entity is by itself; the graph is one of its modalities.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.module import Module
from kgprism.platform.nn.fusion.modality_transformer import Transformer, confidence, layer
from kgprism.platform.part import Nothing, Part

#: The row of a modality behind the layers is the view ``hidden/`` and its name.
HIDDEN = "hidden/"


class Interaction(Module):
    """Contract: from named modalities ``(entities, width)`` to the views ``weights`` (entities, names) and others."""

    class Config(Part):
        def build(self, width: int, names: Sequence[str]) -> "Interaction":
            return self.made(width, names)

    def forward(self, modal: Mapping[str, Tensor]) -> dict[str, Tensor]:
        raise NotImplementedError(type(self).__name__)


class EntityTransformer(Transformer, Interaction):
    """Layers of attention, which add the views ``hidden/...``.

    Weights are read from the shares of the last layer, dropout included.
    """

    class Config(Transformer.Config, Interaction.Config):
        kind: Literal["transformer"] = "transformer"
        heads: int = Field(1, ge=1, description="they share the width evenly")
        feed_forward: int = Field(400, ge=0, description="inner width of the layer's second half; 0: there is none")
        before: Literal["tanh", "linear"] = Field(
            "linear", description="what the tokens go through before the first layer"
        )
        weights: Literal["received", "alike"] = Field(
            "received", description="received: softmax of the attention that a modality receives; alike: 1 / modalities"
        )

    settings: Config

    def __init__(self, settings: Config, width: int, names: Sequence[str]) -> None:
        if width % settings.heads:
            heads = f"interaction.heads={settings.heads}"
            raise ConfigurationError(f"{heads} does not divide the width of a modality, {width}")
        super().__init__(settings, width, names)
        self.last = layer(settings, width, settings.layers - 1)

    def forward(self, modal: Mapping[str, Tensor]) -> dict[str, Tensor]:
        _, seen = self.tokens(modal)
        shares = self.last.shares(seen, seen)
        rows = self.last.mixed(shares, seen, seen)
        weights = confidence(shares) if self.settings.weights == "received" else alike(modal, self.names)
        hidden = {f"{HIDDEN}{name}": row for name, row in zip(self.names, rows.unbind(-2), strict=True)}
        return {"weights": weights, **hidden}


class NoInteraction(Interaction):
    """Modalities that see nothing of each other: all weigh alike, and there is no ``hidden/...``."""

    class Config(Interaction.Config, Nothing):
        pass

    def __init__(self, settings: Config, width: int, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)

    def forward(self, modal: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"weights": alike(modal, self.names)}


def alike(modal: Mapping[str, Tensor], names: Sequence[str]) -> Tensor:
    """Return the same weight for every modality of every entity, ``(entities, names)``."""
    first = modal[names[0]]
    return first.new_full((len(first), len(names)), 1 / len(names))


def entity_concat(
    weights: Float[Tensor, "entities modalities"], modal: Sequence[Float[Tensor, "entities _"]]
) -> Float[Tensor, "entities _"]:
    """Concatenate normalised modalities, each times the entity's own weight (MEAformer's fusion; spec 0.6)."""
    return torch.cat([share[:, None] * F.normalize(h) for share, h in zip(weights.unbind(1), modal, strict=True)], 1)
