"""Graph convolution over the union graph: EVA's structure encoder (alignment specification, 0.5)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.nn.graph.stack import Hop, Stack, chosen
from kgprism.platform.nn.graph.union import Layers, Propagation, UnionGraph


class Convolution(Propagation):
    """Two layers of graph convolution; unlike attention it sees how many triples connect two entities (EVA)."""

    class Config(Propagation.Config):
        kind: Literal["convolution"] = "convolution"
        hidden_width: int = Field(400, ge=1)
        width: int = Field(200, ge=1, description="of the output")
        dropout: float = Field(0.0, ge=0, lt=1, description="between the layers")

    def __init__(self, settings: Config, graph: JointGraph, width: int) -> None:
        super().__init__()
        self.settings, self.union = settings, UnionGraph(graph)

    def branch(self, width: int) -> Layers:
        widths = (width, self.settings.hidden_width, self.settings.width)
        return ConvolutionStack(self.union, widths, self.settings.dropout)

    def out(self, width: int) -> int:
        return self.settings.width


class ConvolutionLayer(nn.Module):
    """``D^-1/2 (A + I) D^-1/2 X W + b``, both drawn from +-1 / sqrt(width of the output)."""

    def __init__(self, union: UnionGraph, width: int, wanted: int) -> None:
        super().__init__()
        self.union = union
        bound = wanted**-0.5
        self.weight = nn.Parameter(torch.empty(width, wanted).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(wanted).uniform_(-bound, bound))

    def forward(self, x: Float[Tensor, "inputs width"], hop: Hop | None = None) -> Float[Tensor, "outputs wanted"]:
        edges, kept, _, _ = hop or Hop(self.union.edges)
        return edges.multiply(chosen(self.union.weights, kept), x @ self.weight) + self.bias


class ConvolutionStack(Stack):
    """Layers of the given widths, ReLU and dropout between them; returns every layer's output."""

    def __init__(self, union: UnionGraph, widths: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__(union.edges, (ConvolutionLayer(union, *pair) for pair in pairwise(widths)))
        self.dropout = dropout

    def between(self, x: Float[Tensor, "entities width"]) -> Float[Tensor, "entities width"]:
        return F.dropout(x.relu(), self.dropout, self.training)

    def exact(self) -> bool:
        return not (self.dropout and self.training)
