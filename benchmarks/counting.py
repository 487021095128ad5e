"""The multiply-adds that an alignment method cannot avoid, counted from shapes: what its formulas ask for, once.

A product of n x k by k x m is 2 n k m operations. Counted are the maps of the entities whose vectors a step needs, the
nonzero features only; graph layers over the edges that reach them; the products of the losses. Forward, and backward
where something behind it learns: a map of constant features has no gradient of its input. Element-wise work, norms and
exponentials are not counted, nor is what a program repeats to save memory.
"""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

Terms = dict[str, float]


class Shapes:
    """What counting asks of a joint graph: nonzero features and edges of some entities, and who reaches them."""

    def __init__(self, graph: Any, modalities: Any) -> None:
        self.size, self.graph, self.relations = graph.entities, graph, graph.relations
        self.nonzero = {name: graph.features[name].count_nonzero(1).double() for name in sorted(modalities)}
        head, tail = graph.triples[:, 0], graph.triples[:, 2]
        keys = torch.cat([head * self.size + tail, tail * self.size + head]).unique()
        self.row, self.column = keys // self.size, keys % self.size

    def edges(self, mask: Tensor) -> float:
        """Return how many directed edges lead to the entities of a mask, without those to themselves."""
        return float(mask[self.row].sum())

    def wider(self, mask: Tensor) -> Tensor:
        """Return the mask with all neighbours."""
        found = mask.clone()
        found[self.column[mask[self.row]]] = True
        return found

    def everyone(self) -> Tensor:
        return torch.ones(self.size, dtype=torch.bool)

    def maps(self, mask: Tensor, widths: Mapping[str, int]) -> float:
        """Return the operations of one linear map of each modality's constant features."""
        return sum(2 * width * float(self.nonzero[name][mask].sum()) for name, width in widths.items())


def contrast(size: int, width: int, products: int) -> float:
    """Return the operations of a loss over `size` pairs that takes so many products of size x width x size."""
    return products * 2.0 * size * size * width


#: Products of a loss, forward and backward: both sides against each other and each against itself, or the former alone.
BOTH, ACROSS = 3 + 4, 1 + 2
PRODUCTS = {"icl": BOTH, "multi_similarity": BOTH, "info_nce": ACROSS, "nca": ACROSS, "none": 0, "null": 0}


def attention(shapes: Shapes, mask: Tensor, width: int, settings: Any, stacks: int = 1, back: bool = True) -> float:
    """Count diagonal attention: a product an edge and head, and backward one for values and one for vectors."""
    total = 0.0
    for _ in range(settings.depth):
        total += 2 * (shapes.edges(mask) + float(mask.sum())) * width * settings.heads * (3 if back else 1)
        mask = shapes.wider(mask)
    return stacks * total


def convolution(shapes: Shapes, mask: Tensor, widths: list[int], back: bool = True) -> float:
    """Count graph convolution of a learned table: maps, then sums over neighbours whose weights are constant."""
    total = 0.0
    for inner, outer in reversed(list(pairwise(widths))):
        total += 2 * (shapes.edges(mask) + float(mask.sum())) * outer * (2 if back else 1)
        mask = shapes.wider(mask)
        total += 2 * float(mask.sum()) * inner * outer * (3 if back else 1)
    return total


def reflection(shapes: Shapes, mask: Tensor, width: int, depth: int, back: bool = True) -> float:
    """Count relation reflection: a sum over neighbours, an inner product and a sum over directions an edge."""
    total = 0.0
    for _ in range(depth):
        total += 3 * 2 * shapes.edges(mask) * width * (3 if back else 1)
        mask = shapes.wider(mask)
    return total


def reached(shapes: Shapes, mask: Tensor, depth: int) -> Tensor:
    """Return who is within `depth` steps."""
    for _ in range(depth):
        mask = shapes.wider(mask)
    return mask


def modal_views(config: Any, shapes: Shapes, mask: Tensor, sizes: list[int]) -> Terms:
    """Count EVA and MCLEA; the agreement's similarities are those of the contrast."""
    widths = {name: config.image_width if name == "image" else config.modal_width for name in shapes.nonzero}
    graph, table = config.structure, config.table_width
    if graph.kind == "convolution":
        layers = convolution(shapes, mask, [table, graph.hidden_width, graph.width])
        out = graph.width
    else:
        layers, out = attention(shapes, mask, table, graph), table
    alone = PRODUCTS[getattr(config, "graph_loss", config.modal_loss).kind] * out
    own = PRODUCTS[config.modal_loss.kind] * sum(widths.values()) + alone
    joint = PRODUCTS[config.joint_loss.kind] * (sum(widths.values()) + out)
    return {
        "maps": 2 * shapes.maps(mask, widths),
        "graph": layers,
        "losses": sum(contrast(size, 1, own + joint) for size in sizes),
    }


def interacting(joints: int, config: Any, shapes: Shapes, mask: Tensor, sizes: list[int]) -> Terms:
    """Count MEAformer (one joint view) and SNAG (two): a transformer over the modalities of the entities of a step."""
    names, width = len(shapes.nonzero) + 1, config.width
    layer = config.interaction
    token = layer.layers * (4 * width * width + 2 * width * layer.feed_forward + 2 * names * width)
    loss = PRODUCTS[config.loss.kind] if hasattr(config, "loss") else BOTH
    # Modalities, hidden modalities, and joint views as wide as all modalities.
    return {
        "maps": 2 * shapes.maps(mask, dict.fromkeys(shapes.nonzero, width)),
        "graph": attention(shapes, mask, width, config.propagation),
        "interaction": 3 * 2.0 * float(mask.sum()) * names * token,
        "losses": sum(contrast(size, (2 + joints) * names * width, loss) for size in sizes),
    }


def loginmea(config: Any, shapes: Shapes, mask: Tensor, sizes: list[int], back: bool = True) -> Terms:
    """Count the low-rank fusion of everyone who reaches the step's entities, two branches of reflection, one loss."""
    depth, width, modal = config.propagation.depth, config.graph_width, config.modal_width
    inside = reached(shapes, mask, depth)
    names = len(shapes.nonzero)
    fusion = 2.0 * float(inside.sum()) * names * config.fusion.rank * (modal + 1) * width
    wide = names * modal + (2 * depth + 1) * width
    mean = 2 * (shapes.edges(inside) + float(inside.sum())) * width
    return {
        "maps": (2 if back else 1) * shapes.maps(inside, dict.fromkeys(shapes.nonzero, modal)),
        "fusion": (3 if back else 1) * fusion,
        "graph": 2 * reflection(shapes, mask, width, depth, back) + (2 if back else 1) * mean,
        "losses": sum(contrast(size, wide, PRODUCTS[config.loss.kind]) for size in sizes),
    }


def ibmea(config: Any, shapes: Shapes, mask: Tensor, sizes: list[int]) -> Terms:
    """Count the encoders of everyone, whose divergence is a mean over all; two stacks of attention; the losses."""
    everyone, names = shapes.everyone(), len(shapes.nonzero)
    width, graph = config.modal_width, config.graph_width
    heads = 3 * 2.0 * shapes.size * names * 2 * width * width
    single = PRODUCTS[config.modal_loss.kind] * (names * width + graph)
    joint = PRODUCTS[config.joint_loss.kind] * (names * width + graph)
    return {
        "maps": 2 * shapes.maps(everyone, dict.fromkeys(shapes.nonzero, width)) + heads,
        "graph": attention(shapes, everyone, graph, config.propagation, stacks=2),
        "losses": sum(contrast(size, 1, single + joint) for size in sizes),
    }


def simdiff(config: Any, shapes: Shapes, mask: Tensor, sizes: list[int]) -> Terms:
    """Count views and levels; everyone is generated, since the reconstruction is a mean over all."""
    everyone = shapes.everyone() if config.reconstruction else mask
    names, width, latent = len(shapes.nonzero) + 1, config.modal_width, config.diffusion.latent
    known = dict.fromkeys(shapes.nonzero, width)
    levels = {"joint": names, "topology": 2, "semantic": names - 2, "modal": names}
    wide = sum(count * width for level, count in levels.items() if getattr(config.levels, level))
    views = sum(weight > 0 for _, weight in config.views)
    frozen = config.diffusion.workspace.kind == "frozen"
    one = (2 if frozen else 3) * 2 * width * latent + 3 * getattr(config.diffusion.denoiser, "layers", 0) * latent**2
    return {
        "maps": 2 * shapes.maps(everyone, known),
        "graph": attention(shapes, everyone, config.graph_width, config.propagation),
        "generator": 2.0 * float(everyone.sum()) * names * config.diffusion.steps * one,
        "losses": sum(contrast(size, views * wide, BOTH) for size in sizes),
    }


METHODS: Mapping[str, Callable[..., Terms]] = {
    "eva": modal_views,
    "mclea": modal_views,
    "meaformer": partial(interacting, 1),
    "snag_alignment": partial(interacting, 2),
    "loginmea": loginmea,
    "ibmea": ibmea,
    "simdiff": simdiff,
}


def epoch(name: str, method: Any, task: Any) -> Terms:
    """Return GFLOP of one epoch's steps by term."""
    shapes = Shapes(method.graph, method.config.modalities)
    total: Terms = {}
    for batch in task.steps(0):
        mask = torch.zeros(shapes.size, dtype=torch.bool)
        for pairs in batch.slices:
            mask[torch.cat([pairs.left, pairs.right]).cpu()] = True
        found = METHODS[name](method.config, shapes, mask, [len(pairs) for pairs in batch.slices])
        total = {term: total.get(term, 0.0) + 1e-9 * count for term, count in found.items()}
    return total
