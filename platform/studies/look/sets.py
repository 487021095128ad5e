"""The vectors of a dataset, set by set: the features that it came with, and the letters of its names."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kgprism.platform.data.catalogue import feature_sets
from kgprism.platform.data.catalogue.feature_sets import FeatureSet
from kgprism.platform.data.graph import AlignedGraphs, Dataset, Features, MultiModalGraph
from kgprism.platform.data.surface_forms import bigrams
from kgprism.platform.errors import DataError

#: What the sides of a stored set are called on the page.
_SIDES = {"kg1": "left", "kg2": "right", "kg": "graph"}
#: Modalities that most readers look for.
_FIRST = ("image", "text", "name", "char")


@dataclass(frozen=True, eq=False)
class VectorSet:
    """One set of vectors: ``sides`` holds one for each graph, none where a graph lacks it, and rows of zeros as given.

    ``header``: what is kept of how the set was made, key and value.
    """

    name: str
    sides: tuple[Features | None, ...]
    header: tuple[tuple[str, str], ...] = ()

    @cached_property
    def known(self) -> tuple[Features | None, ...]:
        """The vectors that are not zero; none where a graph has no such."""
        there = (side.known if side else None for side in self.sides)
        return tuple(side if side and len(side.entities) else None for side in there)

    @property
    def width(self) -> int:
        """Numbers of the widest vector."""
        return max((side.values.shape[1] for side in self.sides if side), default=0)

    @property
    def trouble(self) -> str:
        """Why vectors of the graphs cannot be compared; empty if they can."""
        if any(side is None for side in self.known):
            return "no vectors" if not any(self.known) else "only one graph has vectors"
        widths = [side.values.shape[1] for side in self.known if side]
        return "" if len(set(widths)) == 1 else f"widths differ: {' and '.join(f'{width:,}' for width in widths)}"


def graphs_of(dataset: Dataset) -> dict[str, MultiModalGraph]:
    """Return the graphs of a dataset by what they are called."""
    if isinstance(dataset, AlignedGraphs):
        return {"left": dataset.left, "right": dataset.right}
    return {"graph": dataset.graph}


def vector_sets(dataset: Dataset) -> tuple[list[VectorSet], list[str]]:
    """Return every set of vectors that any graph has: the dataset's own, the stored ones such as ``image:clip``.

    Where both graphs' entities have names, their letters are one more. Then a line for each stored set that runs would
    refuse: damaged, or made of other entities.
    """
    graphs = list(graphs_of(dataset).values())
    names = sorted({name for graph in graphs for name in graph.features})
    found = [VectorSet(name, tuple(graph.features.get(name) for graph in graphs)) for name in names]
    stored, refused = feature_sets.surveyed(dataset.name)
    for kept in stored:
        try:
            vectors = feature_sets.read(dataset, kept)
        except DataError as error:
            refused.append(str(error))
            continue
        sides = tuple(vectors[side] for side in feature_sets.sides(dataset))
        found.append(VectorSet(f"{kept.modality}:{kept.name}", sides, tuple(_header(kept))))
    if isinstance(dataset, AlignedGraphs) and "char" in dataset.modalities:
        found.append(VectorSet("char", tuple(_letters(graphs))))
    return sorted(found, key=_order), refused


def _order(one: VectorSet) -> tuple[int, str]:
    """Sort sets of a modality side by side, the usual modalities first."""
    modality = one.name.partition(":")[0]
    return (_FIRST.index(modality) if modality in _FIRST else len(_FIRST), one.name)


def _header(kept: FeatureSet) -> Iterator[tuple[str, str]]:
    """Yield what made a set; of the weights' digest as much as tells them apart."""
    header = kept.header
    yield "encoder", header.encoder
    yield "weights", header.weights[:12]
    yield from (("library", header.library), ("preprocessing", header.preprocessing), ("pool", header.pool))
    for side, counts in header.counts.items():
        yield _SIDES[side], ", ".join(f"{count:,} {what}" for what, count in counts.items())


def _letters(graphs: list[MultiModalGraph]) -> Iterator[Features]:
    """Yield how often each pair of letters is in the words of names, as the modality char counts them."""
    cells, width = bigrams([name for graph in graphs for name in _named(graph)])
    first = 0
    for graph in graphs:
        mine = cells[(cells[:, 0] >= first) & (cells[:, 0] < first + len(graph.entities))]
        entities, rows = np.unique(mine[:, 0], return_inverse=True)
        values = np.zeros((len(entities), width), np.float32)
        values[rows, mine[:, 1]] = mine[:, 2]
        yield Features(entities - first, values)
        first += len(graph.entities)


def _named(graph: MultiModalGraph) -> list[str]:
    """Return a name for each entity, empty where there is none."""
    return graph.names or [""] * len(graph.entities)
