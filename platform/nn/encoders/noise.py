"""Noise on the inputs of an encoder while it is trained: SNAG's Gauss modality noise masking (GMNM) or simpler ones.

A noise takes named tables, one row an entity, and returns tables of the same names; in eval mode they come back as they
are. Facts: completion specification, 2.3 and 2.6.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from kgprism.platform.module import Module
from kgprism.platform.part import Nothing, Part
from kgprism.platform.seeding import derive


class Noise(Module):
    """Contract: told of every epoch and step that begins, called with the tables of the moment."""

    #: The tables that stay, which are not learned.
    fixed: frozenset[str]

    class Config(Part):
        def build(self, seed: int, features: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> "Noise":
            """Return the noise; `features` (entities, width) and `present` (entities,) are of tables that stay.

            A table of another name is learned.
            """
            return self.made(seed, features, present)

    def start_epoch(self, epoch: int) -> None:
        """Take note of the epoch, counted from 0."""

    def start_step(self, seed: int) -> None:
        """Take note of the step's own seed, such as `Triples.seed`."""

    def forward(self, tables: Mapping[str, Tensor], rows: Tensor | None = None) -> dict[str, Tensor]:
        """Return the tables with noise; of those that stay, if asked, only some `rows` ``(n,)``, ascending."""
        raise NotImplementedError(type(self).__name__)

    def some(self, name: str, rows: Tensor | None) -> Tensor | None:
        """Return the rows of a table that are asked for; a learned one is always asked for as a whole."""
        return rows if name in self.fixed else None


class DrawnNoise(Noise):
    """Draws from a seed, the epoch or step, and the table's name, so that a resumed run and all workers draw the same.

    Its moments are those of the features' present rows; of a learned table, those of the moment the noise is drawn.
    """

    settings: "Masking.Config | Gaussian.Config"

    def __init__(
        self,
        settings: "Masking.Config | Gaussian.Config",
        seed: int,
        features: Mapping[str, Tensor],
        present: Mapping[str, Tensor],
    ) -> None:
        super().__init__()
        self.settings, self.seed, self.fixed = settings, seed, frozenset(features)
        for name, table in features.items():
            mean, deviation = moments(table[present[name]])
            self.register_buffer(f"{name}_mean", mean, persistent=False)
            self.register_buffer(f"{name}_deviation", deviation, persistent=False)
        self.moment = derive(seed, "epoch", 0)
        self.drawn: dict[str, tuple[Tensor, Tensor]] = {}

    def start_epoch(self, epoch: int) -> None:
        if self.settings.refresh == "epoch":
            self._move(derive(self.seed, "epoch", epoch))

    def start_step(self, seed: int) -> None:
        if self.settings.refresh == "step":
            self._move(derive(seed, "noise"))

    def _move(self, moment: int) -> None:
        self.moment, self.drawn = moment, {}

    def forward(self, tables: Mapping[str, Tensor], rows: Tensor | None = None) -> dict[str, Tensor]:
        if not self.training:
            return {name: _taken(table, self.some(name, rows)) for name, table in tables.items()}
        found = {}
        for name, table in tables.items():
            scale = self.settings.feature_scale if name in self.fixed else self.settings.structure_scale
            if name not in self.drawn:
                draw = torch.Generator(table.device).manual_seed(derive(self.moment, name))
                self.drawn[name] = self._draw(table.detach(), self._moments(name, table.detach()), scale, draw)
            found[name] = self._mix(table, self.some(name, rows), *self.drawn[name], scale * self.settings.strength)
        return found

    def _moments(self, name: str, table: Tensor) -> tuple[Tensor, Tensor]:
        if name in self.fixed:
            return getattr(self, f"{name}_mean"), getattr(self, f"{name}_deviation")
        return moments(table)

    def _draw(
        self, table: Tensor, columns: tuple[Tensor, Tensor], scale: float, draw: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return the rows that are changed and what they are mixed with, ``(rows, width)``."""
        raise NotImplementedError(type(self).__name__)

    def _mix(self, table: Tensor, some: Tensor | None, rows: Tensor, noise: Tensor, strength: float) -> Tensor:
        """Return the table, or `some` of its rows, with `noise` in those `rows` of it that are changed."""
        raise NotImplementedError(type(self).__name__)


class Masking(DrawnNoise):
    """With a probability, a row moves by `strength` towards a random one: (1 - e) x + e (mean + deviation z) (Eq. 1).

    The deviation is unbiased, and nothing of the noise has a gradient. Every table draws for itself.
    """

    class Config(Noise.Config):
        kind: Literal["masking"] = "masking"
        probability: float = Field(0.2, ge=0, le=1, description="rho: of a row to be changed")
        strength: float = Field(0.7, ge=0, le=1, description="epsilon: share of the noise in a changed row")
        refresh: Literal["epoch", "step"] = Field("epoch", description="how long drawn noise stays")
        structure_scale: float = Field(
            1.0, ge=0, le=1, description="on both numbers for learned tables; 0: these are clean"
        )
        feature_scale: float = Field(1.0, ge=0, le=1, description="on both numbers for features; 0: these are clean")

    settings: Config

    def _draw(
        self, table: Tensor, columns: tuple[Tensor, Tensor], scale: float, draw: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        uniform = torch.rand(len(table), generator=draw, device=table.device)
        rows = (uniform < scale * self.settings.probability).nonzero().squeeze(1)
        return rows, columns[0] + columns[1] * _standard(table[rows], draw)

    def _mix(self, table: Tensor, some: Tensor | None, rows: Tensor, noise: Tensor, strength: float) -> Tensor:
        taken, places = _taken(table, some), rows
        if some is not None:
            wanted = torch.isin(rows, some)
            rows, noise = rows[wanted], noise[wanted]
            places = torch.searchsorted(some, rows)
        return taken.index_copy(0, places, (1 - strength) * table[rows] + strength * noise)


class Gaussian(DrawnNoise):
    """Every row moves a little: x + strength * deviation * z, with the deviations of `Masking` and no mean."""

    class Config(Noise.Config):
        kind: Literal["gaussian"] = "gaussian"
        strength: float = Field(0.1, ge=0, description="in standard deviations of a column")
        refresh: Literal["epoch", "step"] = Field("step", description="how long drawn noise stays")
        structure_scale: float = Field(1.0, ge=0, description="on the strength for learned tables; 0: these are clean")
        feature_scale: float = Field(1.0, ge=0, description="on the strength for features; 0: these are clean")

    settings: Config

    def _draw(
        self, table: Tensor, columns: tuple[Tensor, Tensor], scale: float, draw: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        return torch.arange(len(table), device=table.device), columns[1] * _standard(table, draw)

    def _mix(self, table: Tensor, some: Tensor | None, rows: Tensor, noise: Tensor, strength: float) -> Tensor:
        return _taken(table, some) + strength * _taken(noise, some)


class Dropping(Noise):
    """Dropout on every coordinate of the inputs in place of masking (SNAG Table 3); a new draw at every step.

    What is kept is divided by ``1 - probability``.
    """

    class Config(Noise.Config):
        kind: Literal["dropout"] = "dropout"
        probability: float = Field(0.1, ge=0, lt=1)

    def __init__(
        self, settings: Config, seed: int, features: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> None:
        super().__init__()
        self.probability, self.fixed = settings.probability, frozenset(features)

    def forward(self, tables: Mapping[str, Tensor], rows: Tensor | None = None) -> dict[str, Tensor]:
        dropped = {name: F.dropout(table, self.probability, self.training) for name, table in tables.items()}
        return {name: _taken(table, self.some(name, rows)) for name, table in dropped.items()}


class NoNoise(Noise):
    """The inputs as they are."""

    class Config(Noise.Config, Nothing):
        pass

    def __init__(
        self, settings: Config, seed: int, features: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> None:
        super().__init__()
        self.fixed = frozenset(features)

    def forward(self, tables: Mapping[str, Tensor], rows: Tensor | None = None) -> dict[str, Tensor]:
        return {name: _taken(table, self.some(name, rows)) for name, table in tables.items()}


def moments(table: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and unbiased standard deviation of every column, ``(width,)``; of less than two rows no deviation."""
    if len(table) < 2:
        return (table.mean(0) if len(table) else table.new_zeros(table.shape[1])), table.new_zeros(table.shape[1])
    return table.mean(0), table.std(0)


def _taken(table: Tensor, rows: Tensor | None) -> Tensor:
    return table if rows is None else table[rows]


def _standard(like: Tensor, draw: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=draw, device=like.device, dtype=like.dtype)
