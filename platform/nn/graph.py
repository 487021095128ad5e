"""The undirected graph that most encoders see, and attention over its edges (spec 0.4, 0.5)."""

from typing import Any, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from kgprism.platform.data.joint import JointGraph
from kgprism.platform.nn.sparse import Incidence
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


class DiagonalAttention(nn.Module):
    """One layer of attention with an element-wise kernel, heads averaged: MCLEA's graph layer (spec 0.5).

    The weight of a neighbour is ``exp(-LeakyReLU(a . [h_i ; h_j]))``, minus sign included, as released.
    """

    def __init__(self, edges: Incidence, width: int, heads: int) -> None:
        super().__init__()
        self.edges = edges
        bound = (2 * width) ** -0.5
        self.kernel = nn.Parameter(torch.ones(heads, width))
        self.own = nn.Parameter(torch.empty(heads, width).uniform_(-bound, bound))
        self.other = nn.Parameter(torch.empty(heads, width).uniform_(-bound, bound))

    def forward(self, x: Float[Tensor, "entities width"]) -> Float[Tensor, "entities width"]:
        heads = []
        for kernel, own, other in zip(self.kernel, self.own, self.other, strict=True):
            h = x * kernel
            scores = (h @ own)[self.edges.row] + (h @ other)[self.edges.column]
            heads.append(self.edges.multiply(self.edges.softmax(-F.leaky_relu(scores, 0.2)), h))
        return torch.stack(heads).mean(0)


class DiagonalAttentionStack(nn.Module):
    """Layers of `DiagonalAttention`, ELU between them and none after the last; returns every layer's output."""

    def __init__(self, edges: Incidence, width: int, heads: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DiagonalAttention(edges, width, heads) for _ in range(depth))

    def forward(self, x: Float[Tensor, "entities width"]) -> list[Float[Tensor, "entities width"]]:
        outputs: list[Tensor] = []
        for number, layer in enumerate(self.layers, start=1):
            x = layer(x)
            outputs.append(x)
            x = F.elu(x) if number < len(self.layers) else x
        return outputs


class Propagation(Part):
    """How entities speak to their neighbours: ``build`` makes what branches share, ``branch`` one stack of layers."""

    def branch(self, shared: nn.Module, width: int) -> nn.Module:
        """Return a module from hidden states to the list of its layers' outputs."""
        raise TypeError(f"{type(self).__name__} has no layers")


class Attention(Propagation):
    """A stack of diagonal attention layers over the union graph."""

    kind: Literal["attention"] = "attention"
    depth: int = Field(2, ge=1)
    heads: int = Field(2, ge=1)

    def build(self, graph: JointGraph, width: int) -> nn.Module:
        return UnionGraph(graph)

    def branch(self, shared: Any, width: int) -> nn.Module:
        return DiagonalAttentionStack(shared.edges, width, self.heads, self.depth)


class NoPropagation(Nothing):
    """Entities do not speak."""

    def branch(self, shared: nn.Module, width: int) -> nn.Module:
        """Return a stack of no layers."""
        return NoLayers()


class NoLayers(nn.Module):
    """A stack of no layers."""

    def forward(self, x: Tensor) -> list[Tensor]:
        return []
