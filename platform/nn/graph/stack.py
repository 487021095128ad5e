"""Stacks of layers over one graph; of some entities they make only what leads there, hop by hop."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from kgprism.platform.nn.graph.sparse import Incidence
from kgprism.platform.nn.graph.union import Layers


class Hop(NamedTuple):
    """What one layer sees: ``edges`` from its inputs, the columns, to its outputs, the rows.

    ``kept`` (edges,) are their places among the graph's, ``own`` (rows,) is each output's place among the inputs and
    ``inputs`` (columns,) are those entities' ids, ascending; none of them for the whole graph.
    """

    edges: Incidence
    kept: Int[Tensor, "edges"] | None = None
    own: Int[Tensor, "rows"] | None = None
    inputs: Int[Tensor, "columns"] | None = None


def chosen(x: Tensor, places: Tensor | None) -> Tensor:
    """Return some rows of a table, all where no places are told."""
    return x if places is None else x.index_select(0, places)


def leading(edges: Incidence, entities: Int[Tensor, "some"], depth: int) -> list[Hop]:
    """Return the hops of `depth` layers whose last one returns some entities, in their order, the first one first.

    Each entity has to be a neighbour of its own.
    """
    hops: list[Hop] = []
    place = torch.empty(edges.columns, dtype=torch.long, device=entities.device)
    for _ in range(depth):
        kept, row = edges.towards(entities)
        met = torch.zeros(edges.columns, dtype=torch.bool, device=entities.device)
        met[edges.column[kept]] = True
        inputs = met.nonzero().squeeze(1)
        place[inputs] = torch.arange(len(inputs), device=entities.device)
        part = Incidence(row, place[edges.column[kept]], len(entities), len(inputs))
        hops.append(Hop(part, kept, place[entities], inputs))
        entities = inputs
    return hops[::-1]


class Stack(Layers):
    """Layers that are called with hidden states and a `Hop`, `between` two of them, nothing after the last."""

    def __init__(self, edges: Incidence, layers: Iterable[nn.Module]) -> None:
        super().__init__()
        self.layers, self.edges = nn.ModuleList(layers), edges

    def between(self, x: Float[Tensor, "entities width"]) -> Float[Tensor, "entities width"]:
        """Return what the next layer is given."""
        raise NotImplementedError(type(self).__name__)

    def forward(self, x: Float[Tensor, "entities width"]) -> list[Float[Tensor, "entities _"]]:
        return self._outputs(x, [Hop(self.edges)] * len(self.layers))

    def last(
        self, x: Float[Tensor, "entities width"], some: Int[Tensor, "some"] | None = None
    ) -> Float[Tensor, "_ width"]:
        if some is None or not self.exact():
            return super().last(x, some)
        hops = leading(self.edges, some, len(self.layers))
        return self._outputs(chosen(x, hops[0].inputs), hops)[-1]

    def exact(self) -> bool:
        """Tell whether some entities may be made alone: nothing is drawn for all of them between the layers."""
        return True

    def _outputs(self, x: Tensor, hops: list[Hop]) -> list[Tensor]:
        outputs: list[Tensor] = []
        for layer, hop in zip(self.layers, hops, strict=True):
            x = layer(self.between(outputs[-1]) if outputs else x, hop)
            outputs.append(x)
        return outputs
