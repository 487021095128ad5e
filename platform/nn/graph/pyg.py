"""Layers of PyTorch Geometric in every slot for a graph encoder: does it matter which convolution there is?

Diagonal attention and relation reflection are not made of these layers: PyTorch Geometric holds a row of numbers for
each edge, some gigabytes here, where `Incidence` has gradients of edge values without it.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Literal, Self

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.nn.graph.union import Layers, Propagation

#: The convolutions with heads of attention.
HEADED = ("gat", "gatv2", "transformer")


class PyG(Propagation):
    """A stack of one convolution over both graphs as one undirected graph, every entity its own neighbour too.

    GCN (Kipf and Welling, ICLR 2017), GAT (Veličković et al., ICLR 2018), GATv2 (Brody et al., ICLR 2022), GraphSAGE
    (Hamilton et al., NeurIPS 2017), GIN (Xu et al., ICLR 2019), graph transformer (Shi et al., IJCAI 2021), R-GCN
    (Schlichtkrull et al., ESWC 2018; it alone sees relations, inverse ones as relations of their own, and repeats).
    Memory: edges times heads times width for attention, edges times width for the others.
    """

    class Config(Propagation.Config):
        kind: Literal["pyg"] = "pyg"
        conv: Literal["gcn", "gat", "gatv2", "sage", "gin", "transformer", "rgcn"] = "gcn"
        depth: int = Field(2, ge=1)
        width: int = Field(0, ge=0, description="between the layers; 0: that of the input, as the output always is")
        heads: int = Field(2, ge=1, description="of gat, gatv2 and transformer; averaged")
        bases: int = Field(8, ge=1, description="matrices that the relations of rgcn share")
        dropout: float = Field(0.0, ge=0, lt=1, description="between the layers")

        @model_validator(mode="after")
        def _read(self) -> Self:
            """Refuse a number that nothing would read: a search would spend its trials on it."""
            read = {"heads": self.conv in HEADED, "bases": self.conv == "rgcn"}
            read |= {"width": self.depth > 1, "dropout": self.depth > 1}
            for name, there in read.items():
                default = type(self).model_fields[name].default
                if not there and getattr(self, name) != default:
                    why = f"conv={self.conv}" if name in ("heads", "bases") else "depth=1"
                    raise ValueError(f"{name}: {why} reads none, leave it at {default}")
            return self

    edges: Tensor
    types: Tensor

    def __init__(self, settings: Config, graph: JointGraph, width: int) -> None:
        super().__init__()
        self.settings, self.relations = settings, graph.relations
        head, relation, tail = graph.triples.unbind(1)
        edges = torch.stack([torch.cat([head, tail]), torch.cat([tail, head])])
        types = torch.cat([relation, relation + graph.relations])
        if settings.conv != "rgcn":
            edges = edges[:, edges[0] != edges[1]].unique(dim=1)
        self.register_buffer("edges", edges, persistent=False)
        self.register_buffer("types", types, persistent=False)

    def branch(self, width: int) -> Layers:
        return Convolutions(self, width)

    def convolution(self, width: int, wanted: int) -> nn.Module:
        """Return one layer from `width` to `wanted`."""
        from torch_geometric import nn as pyg  # seconds to load, for this part alone

        attention = {"heads": self.settings.heads, "concat": False}
        made: dict[str, Callable[[], Any]] = {
            "gcn": lambda: pyg.GCNConv(width, wanted),
            "gat": lambda: pyg.GATConv(width, wanted, **attention),
            "gatv2": lambda: pyg.GATv2Conv(width, wanted, **attention),
            "sage": lambda: pyg.SAGEConv(width, wanted),
            "gin": lambda: pyg.GINConv(_perceptron(width, wanted), train_eps=True),
            "transformer": lambda: pyg.TransformerConv(width, wanted, **attention),
            "rgcn": lambda: pyg.RGCNConv(width, wanted, 2 * self.relations, num_bases=self.settings.bases),
        }
        convolution: nn.Module = made[self.settings.conv]()
        return convolution


class Convolutions(Layers):
    """ReLU and dropout between the layers and none after the last; returns every output."""

    def __init__(self, shared: PyG, width: int) -> None:
        super().__init__()
        depth, hidden = shared.settings.depth, shared.settings.width or width
        widths = [width, *[hidden] * (depth - 1), width]
        self.layers = nn.ModuleList(shared.convolution(*pair) for pair in pairwise(widths))
        self.graph, self.dropout = shared, shared.settings.dropout

    def forward(self, x: Float[Tensor, "entities width"]) -> list[Float[Tensor, "entities _"]]:
        edges = (self.graph.edges, self.graph.types) if self.graph.settings.conv == "rgcn" else (self.graph.edges,)
        outputs: list[Tensor] = []
        for layer in self.layers:
            x = layer(F.dropout(outputs[-1].relu(), self.dropout, self.training) if outputs else x, *edges)
            outputs.append(x)
        return outputs


def _perceptron(width: int, wanted: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, wanted), nn.ReLU(), nn.Linear(wanted, wanted))
