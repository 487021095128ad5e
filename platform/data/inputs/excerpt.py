"""A small part of a dataset with everything of each kind that the whole has: what can be built of one can of both."""

from collections.abc import Iterable

import numpy as np

from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Dataset, Features, MultiModalGraph

#: Triples, pairs and, of each kind of feature and attribute, entities that are kept at least.
_TRIPLES, _PAIRS, _ENTITIES = 200, 200, 16


def excerpt(dataset: Dataset) -> Dataset:
    """Return a part with some triples, pairs, features, attributes and names, of each that the dataset has."""
    if isinstance(dataset, CompletionGraph):
        parts = (dataset.valid, dataset.test, dataset.known)
        graph, ids = _cut(dataset.graph, [part[: _TRIPLES // 4, [0, 2]] for part in parts])
        rest = (_renumbered(part, ids, [0, 2]) for part in parts)
        return CompletionGraph(dataset.name, graph, *rest)
    pairs = [dataset.pairs, *dataset.published.values()]
    left, left_ids = _cut(dataset.left, [part[:_PAIRS, 0] for part in pairs])
    right, right_ids = _cut(dataset.right, [part[:_PAIRS, 1] for part in pairs])

    def cut(part: np.ndarray) -> np.ndarray:
        return _renumbered(_renumbered(part, left_ids, [0]), right_ids, [1])

    published = {name: cut(part) for name, part in dataset.published.items()}
    return AlignedGraphs(dataset.name, left, right, cut(dataset.pairs), published)


def _cut(graph: MultiModalGraph, wanted: Iterable[np.ndarray]) -> tuple[MultiModalGraph, np.ndarray]:
    """Return the graph of `wanted` entities and some more, and the new id of each old one, -1 where it is left out."""
    kept = [graph.triples[:_TRIPLES, [0, 2]], graph.attribute_triples[:_ENTITIES, 0], *wanted]
    kept += [features.known.entities[:_ENTITIES] for features in graph.features.values()]
    kept += [np.array([n for n, name in enumerate(graph.names) if name][:_ENTITIES], np.int64)]
    entities = np.unique(np.concatenate([ids.ravel() for ids in kept]).astype(np.int64))
    ids = np.full(len(graph.entities), -1)
    ids[entities] = np.arange(len(entities))
    attributes = _renumbered(graph.attribute_triples, ids, [0])
    used, attributes[:, 1] = np.unique(attributes[:, 1], return_inverse=True)
    features = {}
    for modality, vectors in graph.features.items():
        there = ids[vectors.entities] >= 0
        features[modality] = Features(ids[vectors.entities[there]], vectors.values[there])
    cut = MultiModalGraph(
        [graph.entities[n] for n in entities],
        graph.relations,
        _renumbered(graph.triples, ids, [0, 2]),
        [graph.attributes[n] for n in used],
        attributes,
        features,
        ids[graph.pictured[ids[graph.pictured] >= 0]],
        [graph.names[n] for n in entities] if graph.names else [],
    )
    return cut, ids


def _renumbered(rows: np.ndarray, ids: np.ndarray, columns: list[int]) -> np.ndarray:
    """Return the rows whose entities, which stand in `columns`, are all there, by their new ids."""
    found = rows[(ids[rows[:, columns]] >= 0).all(1)].copy()
    found[:, columns] = ids[found[:, columns]]
    return found
