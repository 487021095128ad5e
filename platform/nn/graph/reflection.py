"""Attention whose messages are mirrored at the direction of the relations between two entities (LoginMEA).

Mirroring ``h`` at the unit vector ``r`` is ``h - 2 (r . h) r`` (Eq. 10-12). The sum over neighbours therefore splits
into two sparse products and one sparse inner product: no entity-by-entity matrix, no vector an edge is ever held.
"""

from typing import Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.nn.graph.sparse import Incidence
from kgprism.platform.nn.graph.union import Layers, Propagation


def relation_sets(
    pair: Int[Tensor, "entries"], relation: Int[Tensor, "entries"]
) -> tuple[Int[Tensor, "pairs"], Int[Tensor, "sets"]]:
    """Number the different multisets of relations that connect pairs: far fewer than pairs.

    Entries are sorted by pair, then relation. Returns the set of each pair and the first entry of each set's example.
    """
    _, counts = pair.unique_consecutive(return_counts=True)
    first = counts.cumsum(0) - counts
    sets = torch.zeros(len(counts), dtype=torch.long)
    known, depth, going = 1, 0, torch.arange(len(counts))
    while len(going):
        # Pairs that agreed so far part by their next relation; those at their end keep a number nobody else gets.
        key = sets[going] * (int(relation.max()) + 1) + relation[first[going] + depth]
        distinct, number = key.unique(return_inverse=True)
        sets[going] = known + number
        known, depth = known + len(distinct), depth + 1
        going = going[counts[going] > depth]
    sets = sets.unique(return_inverse=True)[1]
    example = torch.empty(int(sets.max()) + 1 if len(sets) else 0, dtype=torch.long)
    example[sets.flip(0)] = first.flip(0)
    return sets, example


class RelationReflection(Propagation):
    """Relation-reflecting attention; the relations' embeddings are shared by all branches.

    Directed entity pairs have the unit mean of their relations' embeddings (spec 4.2, `adj_rrea`): a triple (h, r, t)
    lets t speak to h through r, and h to t through the inverse of r; no self-loops are added.
    """

    class Config(Propagation.Config):
        kind: Literal["relation_reflection"] = "relation_reflection"
        depth: int = Field(2, ge=1)

    averages: Tensor

    def __init__(self, settings: Config, graph: JointGraph, width: int) -> None:
        super().__init__()
        self.settings = settings
        size, (head, relation, tail) = graph.entities, graph.triples.unbind(1)
        keys = torch.cat([head * size + tail, tail * size + head])
        relations = torch.cat([relation, relation + graph.relations])
        order = torch.argsort(relations, stable=True)
        order = order[torch.argsort(keys[order], stable=True)]
        keys, relations = keys[order], relations[order]
        pairs, counts = keys.unique_consecutive(return_counts=True)
        sets, example = relation_sets(keys, relations)
        lengths = torch.zeros(len(example), dtype=torch.long)
        lengths[sets] = counts
        member = torch.repeat_interleave(torch.arange(len(example)), lengths)
        offset = torch.arange(len(member)) - (lengths.cumsum(0) - lengths)[member]
        row, column = pairs // size, pairs % size
        self.neighbours = Incidence(row, column, size, size)
        self.speakers = Incidence(sets, column, len(example), size)
        self.listeners = Incidence(row, sets, size, len(example))
        self.members = Incidence(member, relations[example[member] + offset], len(example), 2 * graph.relations)
        self.register_buffer("averages", 1 / lengths[member].float(), persistent=False)
        self.embedding = nn.Parameter(nn.init.xavier_uniform_(torch.empty(2 * graph.relations, width)))

    def branch(self, width: int) -> Layers:
        return ReflectionStack(self, width, self.settings.depth)

    def directions(self) -> Float[Tensor, "sets width"]:
        """Return the unit direction of every set of relations."""
        return F.normalize(self.members.multiply(self.averages, self.embedding))

    def reflect(
        self,
        attention: Float[Tensor, "pairs"],
        directions: Float[Tensor, "sets width"],
        x: Float[Tensor, "entities width"],
    ) -> Float[Tensor, "entities width"]:
        """Return ``sum_j attention_ij (x_j - 2 (r_ij . x_j) r_ij)`` (Eq. 10, 12)."""
        along = attention * self.speakers.dots(directions, x)
        return self.neighbours.multiply(attention, x) - 2 * self.listeners.multiply(along, directions)


class ReflectionStack(Layers):
    """Layers over one reflection graph, a scoring vector each; returns every layer's output."""

    def __init__(self, graph: RelationReflection, width: int, depth: int) -> None:
        super().__init__()
        self.graph = graph
        self.scores = nn.ParameterList(nn.init.xavier_uniform_(torch.empty(1, width)) for _ in range(depth))

    def forward(self, x: Float[Tensor, "entities width"]) -> list[Float[Tensor, "entities _"]]:
        directions, outputs = self.graph.directions(), []
        for score in self.scores:
            # Eq. 11: the score of an edge is its relations' alone.
            attention = self.graph.neighbours.softmax((directions @ score[0])[self.graph.listeners.column])
            x = self.graph.reflect(attention, directions, x).tanh()
            outputs.append(x)
        return outputs
