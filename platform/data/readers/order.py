"""Entity order by hash: in many sources the pairs stand on equal rows of both files, which gives the answer away."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from kgprism.platform.data.graph import AlignedGraphs, Features, MultiModalGraph


def ranks(side: str, labels: Sequence[str]) -> np.ndarray:
    """Return every entity's new id ``(entities,)``: the rank of SHA-256 over side, NUL and label."""
    digests = [hashlib.sha256(f"{side}\0{label}".encode()).digest() for label in labels]
    new = np.empty(len(labels), np.int64)
    new[sorted(range(len(labels)), key=digests.__getitem__)] = np.arange(len(labels))
    return new


def renumber(graph: MultiModalGraph, new: np.ndarray) -> MultiModalGraph:
    """Return the same graph with entity ``i`` called ``new[i]``; rows of triples and attributes keep their order."""
    old = np.argsort(new)
    triples, attribute_triples = graph.triples.copy(), graph.attribute_triples.copy()
    triples[:, [0, 2]] = new[triples[:, [0, 2]]]
    attribute_triples[:, 0] = new[attribute_triples[:, 0]]
    return MultiModalGraph(
        entities=[graph.entities[i] for i in old],
        relations=graph.relations,
        triples=triples,
        attributes=graph.attributes,
        attribute_triples=attribute_triples,
        features={modality: _renumbered(found, new) for modality, found in graph.features.items()},
        pictured=np.sort(new[graph.pictured]),
        names=[graph.names[i] for i in old] if graph.names else [],
    )


def _renumbered(features: Features, new: np.ndarray) -> Features:
    ids = new[features.entities]
    ascending = np.argsort(ids)
    return Features(ids[ascending], features.values[ascending])


def aligned(
    name: str, left: MultiModalGraph, right: MultiModalGraph, pairs: np.ndarray, published: Mapping[str, np.ndarray]
) -> AlignedGraphs:
    """Return the dataset with both graphs in hash order; the pairs stay in the source's order."""
    sides = ranks("left", left.entities), ranks("right", right.entities)

    def moved(rows: np.ndarray) -> np.ndarray:
        return np.stack([sides[0][rows[:, 0]], sides[1][rows[:, 1]]], axis=1)

    splits = {part: moved(rows) for part, rows in published.items()}
    return AlignedGraphs(name, renumber(left, sides[0]), renumber(right, sides[1]), moved(pairs), splits)
