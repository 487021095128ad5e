"""What one optimiser step sees, whole on every worker, with each worker answering for its own rows."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from kgprism.platform.seeding import derive

#: The end of a triple that is asked for or replaced.
Side = Literal["head", "tail"]


class Shared:
    """Rows of which every worker holds all, so that negatives are the same for any number of workers."""

    worker: int
    workers: int

    def __len__(self) -> int:
        raise NotImplementedError

    @property
    def rows(self) -> slice:
        """The rows that this worker answers for."""
        total = len(self)
        return slice(total * self.worker // self.workers, total * (self.worker + 1) // self.workers)

    def mean(self, values: Tensor) -> Tensor:
        """Turn one value a row of ours into this worker's share: averaged over workers it is the mean over all rows."""
        return values.sum() * (self.workers / len(self))


@dataclass(frozen=True)
class Pairs(Shared):
    """Training pairs that are each other's negatives: ids in the joint space, ``(pairs,)`` each."""

    left: Tensor
    right: Tensor
    worker: int = 0
    workers: int = 1

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True)
class Batch:
    """The slices of one optimiser step; their losses are summed. ``seed`` is this step's own."""

    slices: tuple[Pairs, ...]
    seed: int = 0

    def compact(self) -> tuple[Tensor, tuple[Pairs, ...]]:
        """Return the entities of all slices, ascending ids ``(entities,)``, and the slices by places among these."""
        ends = [side for part in self.slices for side in (part.left, part.right)]
        entities, places = torch.cat(ends).unique(return_inverse=True)
        found = places.split([len(side) for side in ends])
        pairs = zip(self.slices, found[::2], found[1::2], strict=True)
        return entities, tuple(replace(part, left=left, right=right) for part, left, right in pairs)


@dataclass(frozen=True)
class Triples(Shared):
    """The positive triples of one optimiser step, ``(triples, 3)`` head, relation, tail.

    ``step`` counts the steps of the whole training from 0; ``seed`` is this step's own, and ``progress`` the share of
    the training that lies behind it.
    """

    triples: Tensor
    step: int = 0
    seed: int = 0
    progress: float = 0.0
    worker: int = 0
    workers: int = 1

    def __len__(self) -> int:
        return len(self.triples)

    def draw(self, name: str) -> torch.Generator:
        """Return a generator on the triples' device, the same on every worker, for one user of random numbers."""
        return torch.Generator(self.triples.device).manual_seed(derive(self.seed, name))
