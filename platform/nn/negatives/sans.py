"""SANS: negatives from the neighbourhood of the known end (Ahrabian et al., EMNLP 2020; completion specification, 3.6).

A support says for every entity which others are near it in the training graph, whatever the relations and directions.
"""

from typing import Literal

import numpy as np
import torch
from pydantic import Field
from scipy.sparse import csr_matrix
from torch import Tensor

from kgprism.platform.batch import Side, Triples
from kgprism.platform.data.triple_index import Known
from kgprism.platform.module import Module
from kgprism.platform.nn.negatives.sampler import CorruptionSampler, Ground, Negatives, Sampler, View
from kgprism.platform.part import Nothing, Part, Slot

#: Walkers that step together.
_WALKERS = 2_000_000


class Support(Module):
    """Contract."""

    class Config(Part):
        def build(self, triples: Tensor, entities: int) -> "Support":
            return self.made(triples, entities)

    def __init__(self, entities: int) -> None:
        super().__init__()
        self.entities = entities

    def sizes(self, known: Tensor) -> Tensor:
        """Return how many are near each entity."""
        raise NotImplementedError(type(self).__name__)

    def members(self, known: Tensor, places: Tensor) -> Tensor:
        """Return the entity at a place of each one's row, in ascending order."""
        raise NotImplementedError(type(self).__name__)

    def places(self, known: Tensor, others: Tensor) -> Tensor:
        """Return the places of `others` in the rows of `known`, -1 where they are not near; on the CPU."""
        raise NotImplementedError(type(self).__name__)


class NoSupport(Support):
    """Everybody is near everybody: negatives are uniform."""

    class Config(Support.Config, Nothing):
        pass

    def __init__(self, settings: Config, triples: Tensor, entities: int) -> None:
        super().__init__(entities)

    def sizes(self, known: Tensor) -> Tensor:
        return torch.full_like(known, self.entities)

    def members(self, known: Tensor, places: Tensor) -> Tensor:
        return places

    def places(self, known: Tensor, others: Tensor) -> Tensor:
        return others


class Neighbours(Support):
    """Rows of a sparse matrix, one an entity."""

    offsets: Tensor
    indices: Tensor

    def __init__(self, near: csr_matrix) -> None:
        super().__init__(near.shape[0])
        near.sort_indices()
        self.register_buffer("offsets", torch.from_numpy(near.indptr.astype(np.int64)), persistent=False)
        self.register_buffer("indices", torch.from_numpy(near.indices.astype(np.int32)), persistent=False)

    def sizes(self, known: Tensor) -> Tensor:
        return self.offsets[known + 1] - self.offsets[known]

    def members(self, known: Tensor, places: Tensor) -> Tensor:
        if not len(self.indices):
            return places
        return self.indices[(self.offsets[known] + places).clamp_(max=len(self.indices) - 1)].long()

    def places(self, known: Tensor, others: Tensor) -> Tensor:
        offsets = self.offsets.numpy()
        numbers = np.arange(1, len(self.indices) + 1) - np.repeat(offsets[:-1], np.diff(offsets))
        rows = csr_matrix((numbers.astype(np.int32), self.indices.numpy(), offsets), (self.entities, self.entities))
        # Copies: SciPy sets a flag that arrays in PyTorch's memory do not let go.
        found = np.asarray(rows[known.numpy().copy(), others.numpy().copy()])
        return torch.from_numpy(found.ravel().astype(np.int64) - 1)


def adjacency(triples: Tensor, entities: int) -> csr_matrix:
    """Return who shares a training triple with whom, ``(entities, entities)`` of booleans, symmetric."""
    head, _, tail = triples.numpy().T
    ends = np.concatenate([head, tail]), np.concatenate([tail, head])
    return csr_matrix((np.ones(len(ends[0]), bool), ends), (entities, entities))


class Hops(Neighbours):
    """All who are exactly `hops` or one fewer steps away by some path: the nonzeros of A^(k-1) A + A^(k-1)."""

    class Config(Support.Config):
        kind: Literal["hops"] = "hops"
        hops: int = Field(2, ge=2, le=5, description="k; at 2, a third of all entities are near in DB15K")

    def __init__(self, settings: Config, triples: Tensor, entities: int) -> None:
        adjacent = adjacency(triples, entities)
        reached = adjacent
        for _ in range(settings.hops - 2):
            reached = reached @ adjacent
        super().__init__(reached @ adjacent + reached)


class Walks(Neighbours):
    """All at whom some of `walks` random walks of `length` steps ends.

    Every walk starts at the entity itself, as the paper says: the release goes on from where the last walk ended.
    """

    class Config(Support.Config):
        kind: Literal["walks"] = "walks"
        walks: int = Field(1000, ge=1, description="n_rw: walks an entity")
        length: int = Field(2, ge=1, description="k: steps a walk")

    def __init__(self, settings: Config, triples: Tensor, entities: int) -> None:
        adjacent = adjacency(triples, entities)
        first, degree = adjacent.indptr.astype(np.int64), np.diff(adjacent.indptr)
        starts = np.flatnonzero(degree)
        draw = np.random.default_rng(torch.initial_seed())
        near = csr_matrix((entities, entities), dtype=bool)
        together = max(1, _WALKERS // max(len(starts), 1))
        for done in range(0, settings.walks, together):
            start = np.repeat(starts, min(together, settings.walks - done))
            here = start
            for _ in range(settings.length):
                here = adjacent.indices[first[here] + (draw.random(len(here)) * degree[here]).astype(np.int64)]
            near = near + csr_matrix((np.ones(len(here), bool), (start, here)), near.shape)
        super().__init__(near)


class SANS(Sampler):
    """Replace one end by a uniform unknown entity near the other: whole batches, first tails, then heads.

    Where all that are near make known triples, any unknown entity may come. Known ones are skipped exactly; the release
    redraws. Entities that training does not know have no row and are never asked for.

    ``tails`` and ``heads`` know the places of the known answers in every row, so that a number below the rest's size
    names one of it.
    """

    class Config(Sampler.Config):
        kind: Literal["sans"] = "sans"
        count: int = Field(128, ge=1, description="K: negatives a positive")
        support: Slot[Hops.Config | Walks.Config | NoSupport.Config] = Walks.Config()

    def __init__(self, settings: Config, ground: Ground) -> None:
        super().__init__()
        graph = ground.graph
        half = torch.full((graph.relations,), 0.5)
        self.ends = CorruptionSampler(graph, settings.count, "cross", half)
        self.support = settings.support.build(graph.triples, graph.entities)
        self.tails, self.heads = self._taken(graph.triples, "tail"), self._taken(graph.triples, "head")

    def sample(self, batch: Triples, view: View) -> Negatives:
        draw = batch.draw("negatives")
        head = self.ends.sides(batch, draw, self.ends.count)
        uniform = torch.rand(head.shape, generator=draw, device=head.device)
        h, r, t = (column[:, None] for column in batch.triples.unbind(1))
        for_tail, for_head = self._near(self.tails, h, r, uniform), self._near(self.heads, t, r, uniform)
        near = torch.where(head, for_head, for_tail)
        return Negatives(torch.where(near < 0, self.ends.corrupt(batch, head, uniform), near), head)

    def _taken(self, triples: Tensor, side: Side) -> Known:
        """Return the index of known answers, each by its place in the known end's row."""
        known, relation, answer = triples.T if side == "tail" else triples.flip(1).T
        places = self.support.places(known, answer)
        rows = torch.stack([known, relation, places], 1)[places >= 0]
        return Known(rows if side == "tail" else rows.flip(1), self.support.entities, self.ends.tails.count, side)

    def _near(self, taken: Known, known: Tensor, relation: Tensor, uniform: Tensor) -> Tensor:
        """Return one unknown member of each row by numbers in [0, 1), -1 where there is none."""
        asked = taken.query(known, relation)
        begin, end = taken.bounds(asked)
        left = self.support.sizes(known) - (end - begin)
        drawn = (uniform.double() * left.clamp_min(1)).long()
        skipped = torch.searchsorted(taken.shifted, asked * taken.entities + drawn, right=True) - begin
        return self.support.members(known, drawn + skipped).where(left > 0, -1)
