"""How much each positive counts."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from kgprism.platform.batch import Triples
from kgprism.platform.module import Module
from kgprism.platform.part import Nothing, Part


class Importance(Module):
    """Contract: one weight ``(n,)`` for each of our own rows, of mean one over the batch."""

    class Config(Part):
        def build(self, triples: Tensor, relations: int) -> "Importance":
            return self.made(triples, relations)

    def forward(self, batch: Triples) -> Tensor:
        raise NotImplementedError(type(self).__name__)


class Subsampling(Importance):
    """Weigh positives by 1 / sqrt(c(h, r) + c(t, -r)), counts from `first` on (Sun et al., 2019, release; spec 3.6)."""

    class Config(Importance.Config):
        kind: Literal["subsampling"] = "subsampling"
        first: int = Field(4, ge=1, description="what a count starts from")

    def __init__(self, settings: Config, triples: Tensor, relations: int) -> None:
        super().__init__()
        self.relations, self.first = relations, settings.first
        for name, column in (("tails", 0), ("heads", 2)):
            keys, counts = (triples[:, column] * relations + triples[:, 1]).unique(return_counts=True)
            self.register_buffer(f"{name}_keys", keys, persistent=False)
            self.register_buffer(f"{name}_counts", counts, persistent=False)

    def forward(self, batch: Triples) -> Tensor:
        head, relation, tail = batch.triples.unbind(1)
        frequency = self._count("tails", head, relation) + self._count("heads", tail, relation)
        weights = (frequency + 2 * (self.first - 1)).rsqrt()
        return weights[batch.rows] / weights.mean()

    def _count(self, name: str, known: Tensor, relation: Tensor) -> Tensor:
        keys = getattr(self, f"{name}_keys")
        place = torch.searchsorted(keys, known * self.relations + relation)
        return getattr(self, f"{name}_counts")[place].float()


class NoSubsampling(Importance):
    """Every positive weighs the same."""

    class Config(Importance.Config, Nothing):
        pass

    def forward(self, batch: Triples) -> Tensor:
        return torch.ones(len(batch), device=batch.triples.device)[batch.rows]
