"""From two graphs to one id space with the bags, images, texts and surface forms that a method is built from."""

from collections.abc import Collection, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import normalize

from kgprism.platform.data.graph import AlignedGraphs, Features
from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.data.inputs.missing_images import drop_numbers, fill_in, remove_images
from kgprism.platform.data.once import once_a_node
from kgprism.platform.data.surface_forms import bigrams
from kgprism.platform.errors import DataError, nearest
from kgprism.platform.seeding import generator
from kgprism.platform.settings import AlignmentData

#: Rows of all entities, and which of them were there.
Table = tuple[Tensor, Tensor]


def join(graphs: AlignedGraphs, settings: AlignmentData, seed: int, modalities: Collection[str]) -> JointGraph:
    """Return both graphs in one id space, with the features of `modalities` and of no others.

    Runs of one process share the tables, and where a keeper is at work those of a node: nobody writes into them.

    Raises:
        DataError: if the graphs lack a modality, or their vectors differ in width.
    """
    for absent in sorted(set(modalities) - graphs.modalities):
        raise DataError(f"{graphs.name} has no {absent} features{nearest(absent, graphs.modalities)}")
    left, right = graphs.left, graphs.right
    shift = [len(left.entities), len(left.relations), len(left.entities)]
    triples = np.concatenate([left.triples, right.triples + shift]).astype(np.int64, copy=False)
    made = {modality: _last(graphs, modality, triples, settings, seed) for modality in sorted(modalities)}
    features = {modality: table for modality, (table, _) in made.items()}
    present = {modality: known for modality, (_, known) in made.items()}
    relations = len(left.relations) + len(right.relations)
    return JointGraph(len(left.entities), len(right.entities), relations, torch.from_numpy(triples), features, present)


#: Of each dataset and modality the table of the last run, and what it hangs on: most runs of a process need it again.
_tables: WeakKeyDictionary[AlignedGraphs, dict[str, tuple[tuple[Any, ...], Table]]] = WeakKeyDictionary()


def _last(graphs: AlignedGraphs, modality: str, triples: np.ndarray, settings: AlignmentData, seed: int) -> Table:
    """Return a modality's table and the rows that were there, from the last run if it asked for the same."""
    tables = _tables.setdefault(graphs, {})
    what = _decisive(modality, settings, seed)
    if modality not in tables or tables[modality][0] != what:
        tables.pop(modality, None)  # before the next one is made: they are large
        made = once_a_node(graphs, what, lambda: _made(graphs, modality, triples, settings, seed))
        tables[modality] = (what, (torch.from_numpy(made["features"]), torch.from_numpy(made["present"])))
    return tables[modality][1]


def _decisive(modality: str, settings: AlignmentData, seed: int) -> tuple[Any, ...]:
    """Return all that a modality's table hangs on besides the graphs."""
    if modality == "image":
        return (modality, settings.missing_images, settings.image_ratio, settings.image_dropout, seed)
    counted = {"relation": settings.top_relations, "attribute": settings.top_attributes}
    return (modality, counted.get(modality, seed))


def _made(
    graphs: AlignedGraphs, modality: str, triples: np.ndarray, settings: AlignmentData, seed: int
) -> dict[str, np.ndarray]:
    if modality == "relation":
        table = _relations(graphs, triples, settings.top_relations)
        known = table.any(1)
    elif modality == "attribute":
        table = _attributes(graphs, settings.top_attributes)
        known = table.any(1)
    elif modality == "char":
        table, known = _characters(graphs, seed)
    else:
        values, there = _vectors(graphs, modality, triples, settings, seed)
        table, known = normalize(torch.from_numpy(values), dim=1), torch.from_numpy(there)
    return {"features": table.numpy(), "present": known.numpy()}


def _relations(graphs: AlignedGraphs, triples: np.ndarray, width: int) -> Tensor:
    """Count, for each entity, the triples with each of the most frequent relations; a self-loop counts twice."""
    column = _columns(triples[:, 1], graphs.left.relations + graphs.right.relations, width)[triples[:, 1]]
    kept = column < width
    cells = np.concatenate([triples[kept, 0] * width + column[kept], triples[kept, 2] * width + column[kept]])
    return _scatter(graphs, cells, width)


def _attributes(graphs: AlignedGraphs, width: int) -> Tensor:
    """Mark, for each entity, which of the most frequent attributes it has; equal names are one attribute."""
    left, right = graphs.left, graphs.right
    shift = [len(left.entities), len(left.attributes)]
    rows = np.concatenate([left.attribute_triples, right.attribute_triples + shift])
    codes, names = pd.factorize(np.array(left.attributes + right.attributes, object))
    merged = codes[rows[:, 1]]
    column = _columns(merged, names.tolist(), width)[merged]
    kept = column < width
    return _scatter(graphs, rows[kept, 0] * width + column[kept], width).clamp_(max=1)


def _characters(graphs: AlignedGraphs, seed: int) -> tuple[Tensor, Tensor]:
    """Count the pairs of letters inside the words of names; rows of length one, random where there is no pair."""
    cells, width = bigrams([*graphs.left.names, *graphs.right.names])
    table = np.zeros((len(graphs.left.entities) + len(graphs.right.entities), width), np.float32)
    table[cells[:, 0], cells[:, 1]] = cells[:, 2]
    known = table.any(1)
    table[~known] = _random(seed, "char", (int((~known).sum()), width))
    return normalize(torch.from_numpy(table), dim=1), torch.from_numpy(known)


def _random(seed: int, modality: str, shape: tuple[int, int]) -> np.ndarray:
    """Draw U(-0.5, 0.5), which stands for surface forms that nothing is known of (as released; spec 0.3)."""
    return generator(seed, modality, "filled").random(shape, np.float32) - np.float32(0.5)


def _columns(occurrences: np.ndarray, labels: Sequence[str], width: int) -> np.ndarray:
    """Return the column of each label, the most frequent first; `width` for those that find no place.

    Equal counts are ordered by label, so that the order of a source's files cannot matter.
    """
    counts = np.bincount(occurrences, minlength=len(labels)).tolist()
    order = sorted(range(len(labels)), key=lambda i: (-counts[i], labels[i], i))
    column = np.full(len(labels), width)
    column[order[:width]] = np.arange(min(width, len(labels)))
    return column


def _scatter(graphs: AlignedGraphs, cells: np.ndarray, width: int) -> Tensor:
    """Count how often each cell of an ``(entities, width)`` table is named."""
    table = torch.zeros(len(graphs.left.entities) + len(graphs.right.entities), width)
    table.view(-1).scatter_add_(0, torch.from_numpy(cells), torch.ones(1).expand(len(cells)))
    return table


def _vectors(
    graphs: AlignedGraphs, modality: str, triples: np.ndarray, settings: AlignmentData, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return raw vectors of all entities and which were there; images are also taken away, and filled in as asked."""
    count = len(graphs.left.entities) + len(graphs.right.entities)
    known = _stacked(graphs, modality)
    if modality != "image":
        values, there = fill_in(known, count, triples, "zero", generator(seed, modality))
        if modality == "name":
            values[~there] = _random(seed, modality, (int((~there).sum()), values.shape[1]))
        return values, there
    if settings.image_dropout:
        known = drop_numbers(known, settings.image_dropout, generator(seed, "images", "worn"))
    if settings.image_ratio < 1:
        paired = np.unique(graphs.pairs + np.array([0, len(graphs.left.entities)]))
        known = remove_images(known, paired, settings.image_ratio, generator(seed, "images", "removed"))
    return fill_in(known, count, triples, settings.missing_images, generator(seed, "images", "filled"))


def _stacked(graphs: AlignedGraphs, modality: str) -> Features:
    """Return the vectors of both graphs that are not zero, under joint ids."""
    left, right = graphs.left.features[modality].known, graphs.right.features[modality].known
    widths = left.values.shape[1], right.values.shape[1]
    if widths[0] != widths[1]:
        raise DataError(
            f"{graphs.name}: {modality} features are {widths[0]} wide on the left, {widths[1]} on the right"
        )
    entities = np.concatenate([left.entities, right.entities + len(graphs.left.entities)])
    return Features(entities, np.concatenate([left.values, right.values], dtype=np.float32))
