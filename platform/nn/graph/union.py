"""The undirected graph that most encoders see (alignment specification, 0.4), and the contract of all of them."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.module import Module
from kgprism.platform.nn.graph.sparse import Incidence
from kgprism.platform.part import Nothing, Part


class UnionGraph(nn.Module):
    """Both graphs as one undirected graph with self-loops.

    ``edges`` holds each connected pair once a direction; ``weights`` (edges,) are the entries of D^-1/2 (A + I) D^-1/2,
    where A counts the triples between two entities in either direction; triples from an entity to itself are dropped.
    """

    weights: Tensor
    shares: Tensor

    def __init__(self, graph: JointGraph) -> None:
        super().__init__()
        size = graph.entities
        head, tail = graph.triples[:, 0], graph.triples[:, 2]
        head, tail = head[head != tail], tail[head != tail]
        every = torch.arange(size)
        keys = torch.cat([head * size + tail, tail * size + head, every * size + every])
        keys, counts = keys.unique(return_counts=True)
        row, column = keys // size, keys % size
        degree = torch.zeros(size).index_add(0, row, counts.float())
        self.edges = Incidence(row, column, size, size)
        self.register_buffer("weights", counts * (degree[row] * degree[column]).rsqrt(), persistent=False)
        self.register_buffer("shares", 1 / torch.bincount(row).float()[row], persistent=False)

    def mean(self, x: Float[Tensor, "entities width"]) -> Float[Tensor, "entities width"]:
        """Return the uniform mean over each entity and its neighbours."""
        return self.edges.multiply(self.shares, x)


class Layers(nn.Module):
    """Contract: from hidden states ``(entities, width)`` to the list of its layers' outputs, the last one last."""

    def forward(self, x: Float[Tensor, "entities width"]) -> list[Float[Tensor, "entities _"]]:
        raise NotImplementedError(type(self).__name__)

    def last(
        self, x: Float[Tensor, "entities width"], some: Int[Tensor, "some"] | None = None
    ) -> Float[Tensor, "_ width"]:
        """Return the last output, `x` itself without a layer: of all entities or of `some`, ascending ids."""
        last = [x, *self(x)][-1]
        return last if some is None else last.index_select(0, some)


class Propagation(Module):
    """Contract: how entities speak to their neighbours. It is what all stacks share; `branch` makes one of its own."""

    class Config(Part):
        def build(self, graph: JointGraph, width: int) -> "Propagation":
            return self.made(graph, width)

    def branch(self, width: int) -> Layers:
        """Return a stack of layers for hidden states of that width."""
        raise NotImplementedError(type(self).__name__)

    def out(self, width: int) -> int:
        """Return the width of what a stack for that width returns last."""
        return width


class NoPropagation(Propagation):
    """Entities do not speak."""

    class Config(Propagation.Config, Nothing):
        pass

    def branch(self, width: int) -> Layers:
        return NoLayers()


class NoLayers(Layers):
    """A stack of no layers."""

    def forward(self, x: Float[Tensor, "entities width"]) -> list[Float[Tensor, "entities _"]]:
        return []
