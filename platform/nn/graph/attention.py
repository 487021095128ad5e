"""Attention over the edges of the union graph (alignment specification, 0.5).

This attention and `reflection` are our own: PyTorch Geometric has neither, and the gradient of an edge's weight takes
it a table of edges times width, which `Incidence` never makes.
"""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.nn.graph.sparse import Incidence
from kgprism.platform.nn.graph.stack import Hop, Stack, chosen
from kgprism.platform.nn.graph.union import Layers, Propagation, UnionGraph


class Attention(Propagation):
    """A stack of diagonal attention layers over the union graph."""

    class Config(Propagation.Config):
        kind: Literal["attention"] = "attention"
        depth: int = Field(2, ge=1)
        heads: int = Field(2, ge=1)

    def __init__(self, settings: Config, graph: JointGraph, width: int) -> None:
        super().__init__()
        self.settings, self.union = settings, UnionGraph(graph)

    def branch(self, width: int) -> Layers:
        return DiagonalAttentionStack(self.union.edges, width, self.settings.heads, self.settings.depth)


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

    def forward(self, x: Float[Tensor, "inputs width"], hop: Hop | None = None) -> Float[Tensor, "outputs width"]:
        edges, _, own, _ = hop or Hop(self.edges)
        heads = []
        for kernel, mine, other in zip(self.kernel, self.own, self.other, strict=True):
            h = x * kernel
            scores = chosen(h @ mine, own)[edges.row] + (h @ other)[edges.column]
            heads.append(edges.multiply(edges.softmax(-F.leaky_relu(scores, 0.2)), h))
        return torch.stack(heads).mean(0)


class DiagonalAttentionStack(Stack):
    """Layers of `DiagonalAttention`, ELU between them; returns every layer's output."""

    def __init__(self, edges: Incidence, width: int, heads: int, depth: int) -> None:
        super().__init__(edges, (DiagonalAttention(edges, width, heads) for _ in range(depth)))

    def between(self, x: Float[Tensor, "entities width"]) -> Float[Tensor, "entities width"]:
        return F.elu(x)
