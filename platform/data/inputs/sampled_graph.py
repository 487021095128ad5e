"""Parts of two large graphs: entities, and triples that are drawn around them hop by hop."""

from dataclasses import replace

import torch
from torch import Tensor

from kgprism.platform.data.inputs.joint import JointGraph


class Neighbourhoods:
    """A graph's triples by the entities at their ends."""

    def __init__(self, graph: JointGraph) -> None:
        self.graph = graph
        ends = torch.cat([graph.triples[:, 0], graph.triples[:, 2]])
        self.triples = ends.argsort(stable=True) % max(1, len(graph.triples))
        self.starts = torch.cat([torch.zeros(1, dtype=torch.long), ends.bincount(minlength=graph.entities).cumsum(0)])

    def sample(self, entities: Tensor, fan_out: int, hops: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the ids of all entities that are met, ascending, and the rows of the triples that led to them.

        From each new entity on a hop, at most `fan_out` of its triples are drawn without replacement, either way round.
        """
        met = fresh = entities.unique()
        rows = [torch.zeros(0, dtype=torch.long)]
        for _ in range(hops):
            rows.append(self._drawn(fresh, fan_out, draw))
            reached = self.graph.triples[rows[-1]][:, [0, 2]].unique()
            fresh = reached[~torch.isin(reached, met)]
            met = torch.cat([met, fresh])
        return met.sort().values, torch.cat(rows).unique()

    def _drawn(self, entities: Tensor, fan_out: int, draw: torch.Generator) -> Tensor:
        """Return the rows of triples that are drawn for these entities, one after the other."""
        first, counts = self.starts[entities], self.starts[entities + 1] - self.starts[entities]
        owner = torch.arange(len(entities)).repeat_interleave(counts)
        inside = torch.arange(len(owner)) - (counts.cumsum(0) - counts)[owner]
        order = torch.rand(len(owner), generator=draw).argsort()
        order = order[owner[order].argsort(stable=True)]
        # Shuffled inside each owner's stretch, the first ones are a draw without replacement.
        kept = order[inside < fan_out]
        return self.triples[first[owner[kept]] + inside[kept]]


def restrict(graph: JointGraph, entities: Tensor, rows: Tensor) -> JointGraph:
    """Return the graph of some entities, ids ascending, and some rows of triples between them, with ids from 0 on."""
    # Eight bytes an entity of the whole cost less than a search for each end of a triple.
    place = torch.full((graph.entities,), -1)
    place[entities] = torch.arange(len(entities))
    triples = graph.triples[rows].clone()
    triples[:, 0], triples[:, 2] = place[triples[:, 0]], place[triples[:, 2]]
    left = int((entities < graph.left).sum())
    return replace(
        graph,
        left=left,
        right=len(entities) - left,
        triples=triples,
        features={name: table[entities] for name, table in graph.features.items()},
        present={name: known[entities] for name, known in graph.present.items()},
    )
