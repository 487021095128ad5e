"""One vector an entity of several pictures or texts: their mean, the first that could be had, or the best."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from kgprism.platform.data.graph import Features
from kgprism.platform.errors import ConfigurationError, RunError, nearest
from kgprism.platform.features.chunks import Encoded

Pool = Literal["mean", "first", "best"]
POOLS: tuple[Pool, ...] = get_args(Pool)

Entity = tuple[str, int]
#: Reads all finished chunks, one in memory at a time, in the same order each time.
Read = Callable[[], Iterable[Encoded]]


def known_pool(word: str) -> Pool:
    """Return the word for a way of pooling.

    Raises:
        ConfigurationError: naming the nearest.
    """
    for pool in POOLS:
        if word == pool:
            return pool
    raise ConfigurationError(f"--pool: unknown word '{word}'{nearest(word, POOLS)}")


def chosen(items: Mapping[Entity, Sequence[bytes]], there: set[bytes], pool: Pool) -> dict[Entity, list[bytes]]:
    """Return the contents of entities that have vectors: each once, and of `first` one an entity."""
    found = {entity: [one for one in dict.fromkeys(contents) if one in there] for entity, contents in items.items()}
    return {entity: contents[:1] if pool == "first" else contents for entity, contents in found.items() if contents}


def best(
    items: Mapping[Entity, list[bytes]], read: Read, names: Mapping[Entity, np.ndarray]
) -> dict[Entity, list[bytes]]:
    """Return of each entity the picture whose vector is most alike to that of its name (cosine), else the first."""
    asked = {entity: contents for entity, contents in items.items() if len(contents) > 1 and entity in names}
    users = _users(asked)
    scores: dict[tuple[Entity, bytes], float] = {}
    for encoded in read():
        for content, vector in zip(encoded.contents, encoded.values, strict=True):
            for entity in users.get(content, ()):
                scores[entity, content] = _cosine(vector, names[entity])
    found = {entity: contents[:1] for entity, contents in items.items()}
    for entity, contents in asked.items():
        found[entity] = [max(contents, key=lambda one: scores[entity, one])]
    return found


def pooled(
    items: Mapping[Entity, list[bytes]], read: Read, sides: Iterable[str], width: int, dtype: str
) -> dict[str, Features]:
    """Return each side's features: the mean of an entity's vectors, rows ascending.

    Sums are taken in the order of chunks: they are the same however many processes made them.

    Raises:
        RunError: for values that float16 cannot hold.
    """
    entities = {side: sorted(row for of, row in items if of == side) for side in sides}
    place = {(side, row): n for side, rows in entities.items() for n, row in enumerate(rows)}
    sums = {side: np.zeros((len(rows), width), np.float32) for side, rows in entities.items()}
    users = _users(items)
    for encoded in read():
        for content, vector in zip(encoded.contents, encoded.values, strict=True):
            for entity in users.get(content, ()):
                sums[entity[0]][place[entity]] += vector
    found = {}
    for side, rows in entities.items():
        counts = np.array([len(items[side, row]) for row in rows], np.float32)
        values = sums.pop(side)
        values /= counts[:, None]
        if dtype == "float16" and values.size and max(values.max(), -values.min()) > np.finfo(np.float16).max:
            raise RunError("the encoder's numbers are larger than float16 holds: --dtype float32")
        found[side] = Features(np.array(rows, np.int64), values.astype(dtype, copy=False))
    return found


def _users(items: Mapping[Entity, list[bytes]]) -> dict[bytes, list[Entity]]:
    found: dict[bytes, list[Entity]] = {}
    for entity, contents in items.items():
        for content in contents:
            found.setdefault(content, []).append(entity)
    return found


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    norms = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / norms if norms else 0.0
