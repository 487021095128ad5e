"""Who is nearest by cosine: exact products in tiles, so that equal vectors tie and memory is bounded."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kgprism.platform.data.graph import Features
from kgprism.platform.tasks.cosines import unit

#: Candidates of a tile, and queries that are multiplied with them at once.
_TILE, _QUERIES = 2048, 512


@dataclass(frozen=True)
class Nearest:
    """The nearest candidates of one query, ids and cosines, the nearest first.

    ``rank`` of the true one among ``among`` candidates, in the middle of its equals; none where it has no vector.
    """

    entities: tuple[int, ...]
    cosines: tuple[float, ...]
    rank: float | None
    among: int


def rows_of(features: Features, entities: np.ndarray) -> np.ndarray:
    """Return the row of each entity's vector, -1 where it has none; entities of `features` ascend."""
    if not len(features.entities):
        return np.full(len(entities), -1)
    rows = np.searchsorted(features.entities, entities).clip(max=len(features.entities) - 1)
    return np.where(features.entities[rows] == entities, rows, -1)


def ranks(queries: np.ndarray, candidates: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the rank of each query's true candidate ``(n,)``, in the middle of its equals.

    `queries` and `candidates` are rows of numbers of one width, `truth` rows of `candidates`.
    """
    asked = _unit(queries)
    true = (asked.double() * _unit(candidates[truth])).sum(1)
    higher, equal = torch.zeros(len(asked), dtype=torch.long), torch.zeros(len(asked), dtype=torch.long)
    for tile in _tiles(candidates):
        for start in range(0, len(asked), _QUERIES):
            part = slice(start, start + _QUERIES)
            cosines = asked[part].double() @ tile.T
            higher[part] += (cosines > true[part, None]).sum(1)
            equal[part] += (cosines == true[part, None]).sum(1)
    return (higher + (equal + 1) / 2).double().numpy()


def nearest(
    queries: np.ndarray, candidates: Features, truth: np.ndarray, k: int, left_out: np.ndarray | None = None
) -> list[Nearest]:
    """Return the `k` nearest candidates of each query, of equal ones those with the lowest ids.

    `truth` ``(n,)`` and `left_out` ``(n,)`` are entity ids: who is sought, -1 for nobody, and who does not stand.
    """
    asked, true = _unit(queries).double(), torch.from_numpy(rows_of(candidates, truth))
    out = None if left_out is None else torch.from_numpy(rows_of(candidates, left_out))
    values = torch.cat([asked @ tile.T for tile in _tiles(candidates.values)], 1)
    if out is not None:
        values[out >= 0, out[out >= 0]] = -torch.inf
    best = values.sort(dim=1, descending=True, stable=True)
    found = []
    for row, place in enumerate(true.tolist()):
        standing = len(candidates.entities) - int(out is not None and bool(out[row] >= 0))
        chosen = best.indices[row, : min(k, standing)]
        rank = None
        if place >= 0:
            equal = int((values[row] == values[row, place]).sum())
            rank = int((values[row] > values[row, place]).sum()) + (equal + 1) / 2
        entities = tuple(candidates.entities[chosen.numpy()].tolist())
        found.append(Nearest(entities, tuple(values[row, chosen].tolist()), rank, standing))
    return found


def _tiles(values: np.ndarray) -> Iterator[Tensor]:
    """Yield rows of length one, float64, tile by tile."""
    for start in range(0, len(values), _TILE):
        yield _unit(values[start : start + _TILE]).double()


def _unit(values: np.ndarray) -> Tensor:
    """Return rows of length one, float32, between which float64 products are exact."""
    return unit(torch.from_numpy(np.array(values, np.float32)))  # a copy: files are mapped read-only
