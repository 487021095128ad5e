"""Who has a vector and a name, by the number of triples: the long tail often has neither."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kgprism.platform.data.graph import Features, MultiModalGraph

#: Buckets of degrees: the first number of each.
_BUCKETS = (0, 1, 2, 3, 5, 9, 17, 33, 65)


@dataclass(frozen=True)
class Bucket:
    """Entities of some degrees, and the share of them that has each thing."""

    degrees: str
    entities: int
    shares: tuple[float, ...]


def degrees(graph: MultiModalGraph) -> np.ndarray:
    """Return the number of triples that name each entity ``(entities,)``; a self-loop is one."""
    ends = graph.triples[:, [0, 2]]
    loops = graph.triples[ends[:, 0] == ends[:, 1], 0]
    size = len(graph.entities)
    return np.bincount(ends.ravel(), minlength=size) - np.bincount(loops, minlength=size)


def coverage(graph: MultiModalGraph, known: Sequence[Features | None]) -> tuple[Bucket, ...]:
    """Return the buckets of a graph in which any entity is: shares of those with each set's vector, a name last."""
    there = np.zeros((len(known) + 1, len(graph.entities)), bool)
    for row, features in enumerate(known):
        if features is not None:
            there[row, features.entities] = True
    there[-1, [entity for entity, name in enumerate(graph.names) if name]] = True
    place = np.searchsorted(_BUCKETS, degrees(graph), side="right") - 1
    found = []
    for number, first in enumerate(_BUCKETS):
        inside = place == number
        if inside.any():
            shares = tuple(there[:, inside].mean(axis=1).tolist())
            found.append(Bucket(_said(number, first), int(inside.sum()), shares))
    return tuple(found)


def _said(number: int, first: int) -> str:
    if number + 1 == len(_BUCKETS):
        return f"{first} and more"
    last = _BUCKETS[number + 1] - 1
    return str(first) if first == last else f"{first} to {last}"
