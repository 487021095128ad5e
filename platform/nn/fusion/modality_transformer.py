"""Attention among the modalities of one entity: SNAG's entity-level modality interaction (completion spec 2.4).

Tokens are an entity's structure and modalities, ``(..., names, width)``; every entity is by itself.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.module import Module
from kgprism.platform.nn.encoders.dropout import Dropout
from kgprism.platform.nn.fusion.modal_fusion import ModalFusion, stacked, weighted
from kgprism.platform.part import Part
from kgprism.platform.seeding import within

#: What BERT adds to the variance in its layer norms.
EPSILON = 1e-12


class Transformer(Module):
    """The layers below the last, which is its reader's own."""

    class Config(Part):
        """Settings of the layers, whatever is read from them."""

        heads: int = Field(2, ge=1, description="they share the width evenly")
        layers: int = Field(1, ge=1)
        feed_forward: int = Field(0, ge=0, description="inner width of the layer's second half; 0: there is none")
        activation: Literal["gelu", "relu"] = Field("gelu", description="inside the feed-forward half")
        dropout: float = Field(0.1, ge=0, lt=1, description="of attention shares and of what is added to the tokens")
        before: Literal["tanh", "linear"] = Field(
            "tanh", description="what the tokens go through before the first layer"
        )

    def __init__(self, settings: Config, width: int, names: Sequence[str]) -> None:
        super().__init__()
        self.settings, self.names = settings, tuple(names)
        self.below = nn.ModuleList(layer(settings, width, number) for number in range(settings.layers - 1))

    def tokens(self, modal: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the modalities as tokens, and what the last layer sees."""
        raw = stacked(modal, self.names)
        seen = raw.tanh() if self.settings.before == "tanh" else raw
        for below in self.below:
            seen = below(seen, seen)
        return raw, seen


class StructureToken(Transformer, ModalFusion):
    """The structure's token after the layers (``hd_graph``): the last layer is asked for its row alone."""

    class Config(Transformer.Config, ModalFusion.Config):
        kind: Literal["graph"] = "graph"

    def __init__(self, settings: Config, width: int, names: Sequence[str]) -> None:
        super().__init__(settings, width, names)
        self.last = layer(settings, width, settings.layers - 1)

    def forward(self, modal: Mapping[str, Tensor]) -> Tensor:
        _, seen = self.tokens(modal)
        place = self.names.index("structure")
        row: Tensor = self.last(seen[..., place : place + 1, :], seen)
        return row.squeeze(-2)


class MeanToken(Transformer, ModalFusion):
    """The mean of all tokens after the layers (``hd_mean``)."""

    class Config(Transformer.Config, ModalFusion.Config):
        kind: Literal["mean"] = "mean"

    def __init__(self, settings: Config, width: int, names: Sequence[str]) -> None:
        super().__init__(settings, width, names)
        self.last = layer(settings, width, settings.layers - 1)

    def forward(self, modal: Mapping[str, Tensor]) -> Tensor:
        _, seen = self.tokens(modal)
        rows: Tensor = self.last(seen, seen)
        return rows.mean(-2)


class ReceivedAttention(Transformer, ModalFusion):
    """The modalities themselves, weighed by the attention that each receives (row TS).

    The last layer is cut off behind its shares: what would follow is read by nobody.
    """

    class Config(Transformer.Config, ModalFusion.Config):
        kind: Literal["confidence"] = "confidence"

    def __init__(self, settings: Config, width: int, names: Sequence[str]) -> None:
        super().__init__(settings, width, names)
        with within("layer", settings.layers - 1):
            self.last = Shares(width, settings.heads, settings.dropout)

    def weights(self, modal: Mapping[str, Tensor]) -> Tensor:
        """Return softmax over modalities of the attention received, summed over heads and queries, scaled down."""
        _, seen = self.tokens(modal)
        return confidence(self.last(seen, seen))

    def forward(self, modal: Mapping[str, Tensor]) -> Tensor:
        return weighted(self.weights(modal), stacked(modal, self.names))


class Shares(nn.Module):
    """Multi-head attention up to its shares: ``softmax(Q K^T / sqrt(width of a head))``, dropout included."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ConfigurationError(f"fusion.heads={heads} does not divide the width of an entity, {width}")
        self.heads, self.dropout = heads, Dropout(dropout)
        with within("query"):
            self.query = nn.Linear(width, width)
        with within("key"):
            self.key = nn.Linear(width, width)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """Return the share that each query gives each token, ``(..., heads, queries, tokens)``."""
        q, k = self.split(self.query(queries)), self.split(self.key(tokens))
        shares = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1)
        dropped: Tensor = self.dropout(shares)
        return dropped

    def split(self, rows: Tensor) -> Tensor:
        """Return ``(..., rows, width)`` as ``(..., heads, rows, width of a head)``."""
        return rows.unflatten(-1, (self.heads, -1)).transpose(-2, -3)


class Layer(nn.Module):
    """One post-norm layer: attention, then a feed-forward half if there is one."""

    def __init__(self, settings: Transformer.Config, width: int) -> None:
        super().__init__()
        self.shares = Shares(width, settings.heads, settings.dropout)
        self.dropout = Dropout(settings.dropout)
        with within("value"):
            self.value = nn.Linear(width, width)
        with within("output"):
            self.output = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, EPSILON)
        with within("feed_forward"):
            self.feed_forward = FeedForward(settings, width) if settings.feed_forward else nn.Identity()

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """Return the new rows of `queries`, which are some of the `tokens`."""
        return self.mixed(self.shares(queries, tokens), queries, tokens)

    def mixed(self, shares: Tensor, queries: Tensor, tokens: Tensor) -> Tensor:
        """Return the new rows of `queries` under the shares ``(..., heads, queries, tokens)`` that they give."""
        heads = shares @ self.shares.split(self.value(tokens))
        found = self.output(heads.transpose(-2, -3).flatten(-2))
        rows: Tensor = self.feed_forward(self.norm(self.dropout(found) + queries))
        return rows


class FeedForward(nn.Module):
    """Two affine maps beside the identity, normalised."""

    def __init__(self, settings: Transformer.Config, width: int) -> None:
        super().__init__()
        self.widen = nn.Linear(width, settings.feed_forward)
        self.activation = nn.GELU() if settings.activation == "gelu" else nn.ReLU()
        self.narrow = nn.Linear(settings.feed_forward, width)
        self.dropout = Dropout(settings.dropout)
        self.norm = nn.LayerNorm(width, EPSILON)

    def forward(self, rows: Tensor) -> Tensor:
        found = self.narrow(self.activation(self.widen(rows)))
        normalised: Tensor = self.norm(self.dropout(found) + rows)
        return normalised


def layer(settings: Transformer.Config, width: int, number: int) -> Layer:
    """Return the layer of that number, from random numbers of its own."""
    with within("layer", number):
        return Layer(settings, width)


def confidence(shares: Tensor) -> Tensor:
    """Return what each token receives of ``(..., heads, queries, tokens)`` as weights ``(..., tokens)``.

    Softmax over tokens of the sum over heads and queries, over the root of tokens times heads; summed over tokens
    instead, as SNAG's Eq. 7 is printed, every query gives one and all weigh alike.
    """
    heads, _, tokens = shares.shape[-3:]
    return (shares.sum((-2, -3)) * (tokens * heads) ** -0.5).softmax(-1)
