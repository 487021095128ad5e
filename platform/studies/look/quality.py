"""What is odd about vectors: rows of zeros, entities that share one, lengths far from the others'."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kgprism.platform.data.graph import Features

#: Vectors whose lengths are computed at once.
_ROWS = 4096
#: Interquartile ranges outside the quartiles that make a length an outlier (Tukey's far out), and the least share of
#: the median: lengths of one that differ by rounding are none.
_FAR, _LEAST = 3.0, 0.05


@dataclass(frozen=True, eq=False)
class Quality:
    """One graph's vectors of a set: ``twins`` groups of entity ids that share one, the largest first.

    ``lengths``: the shortest, the median and the longest, of vectors that are not zero; ``outliers`` entity ids and
    lengths, the farthest from the median first.
    """

    width: int
    numbers: str
    count: int
    entities: int
    zeros: int
    lengths: tuple[float, float, float] | None
    outliers: tuple[tuple[int, float], ...]
    twins: tuple[tuple[int, ...], ...]

    @property
    def coverage(self) -> float:
        """The share of the graph's entities that have a vector."""
        return self.count / self.entities if self.entities else 0.0


def quality(given: Features, entities: int) -> Quality:
    """Return what can be said of one graph's vectors, given as the source has them; the graph has `entities`."""
    known = given.known
    lengths = _lengths(known.values)
    return Quality(
        width=given.values.shape[1],
        numbers=str(given.values.dtype),
        count=len(known.entities),
        entities=entities,
        zeros=len(given.entities) - len(known.entities),
        lengths=(float(lengths.min()), float(np.median(lengths)), float(lengths.max())) if len(lengths) else None,
        outliers=tuple((int(known.entities[row]), float(lengths[row])) for row in _far(lengths)),
        twins=groups(zip(known.entities.tolist(), map(_digest, known.values), strict=True)),
    )


def groups(contents: Iterable[tuple[int, bytes]]) -> tuple[tuple[int, ...], ...]:
    """Return the entities that share their content with another one, group by group, the largest first."""
    found: dict[bytes, list[int]] = {}
    for entity, content in contents:
        found.setdefault(content, []).append(entity)
    shared = (tuple(sorted(some)) for some in found.values() if len(some) > 1)
    return tuple(sorted(shared, key=lambda some: (-len(some), some)))


def _digest(row: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(row).data, digest_size=16).digest()


def _lengths(values: np.ndarray) -> np.ndarray:
    """Return the length of each vector, float64 ``(n,)``."""
    parts = (values[start : start + _ROWS].astype(np.float64) for start in range(0, len(values), _ROWS))
    return np.concatenate([np.zeros(0), *(np.linalg.norm(part, axis=1) for part in parts)])


def _far(lengths: np.ndarray) -> np.ndarray:
    """Return the rows whose length is far from the others', the farthest first."""
    if not len(lengths):
        return np.zeros(0, np.int64)
    low, middle, high = np.quantile(lengths, (0.25, 0.5, 0.75))
    room = max(_FAR * (high - low), _LEAST * middle)
    rows = np.flatnonzero((lengths < low - room) | (lengths > high + room))
    return rows[np.argsort(-np.abs(lengths[rows] - middle), kind="stable")]
