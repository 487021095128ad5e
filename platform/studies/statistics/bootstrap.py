"""The hierarchical bootstrap: seeds are drawn again, then the queries of each."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from kgprism.platform.studies.statistics.spread import Spread

#: Draws of a sample, as many as there is room for: the mean of many queries is near normal after few.
FEWEST, MOST, ROOM = 200, 1000, 5_000_000
#: Where the level of an interval is not said.
LEVEL = 0.95


def interval(drawn: np.ndarray, spread: Spread, level: float = LEVEL) -> tuple[float, float]:
    """Return the interval of a mean whose bootstrap gave the means `drawn`.

    Its shape is that of the bootstrap. A bootstrap of a few seeds is too narrow by their small number, and one of
    crossed seeds and queries counts their joint part thrice (Owen, The pigeonhole bootstrap, 2007): its width is
    therefore brought to that of the `spread`.
    """
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]) - spread.mean
    width = float(high - low)
    if width <= 0:
        return spread.mean - spread.half_width(level), spread.mean + spread.half_width(level)
    scale = 2 * spread.half_width(level) / width
    return float(spread.mean + low * scale), float(spread.mean + high * scale)


def means(scores: Sequence[np.ndarray], *, crossed: bool) -> np.ndarray:
    """Return the means of drawn samples ``(rounds, ...)`` of scores ``(queries, ...)`` a seed.

    Equal numbers are drawn alike, so that rows of a table can be compared.
    """
    rounds = min(MOST, max(FEWEST, ROOM // max(map(len, scores))))
    flat = [row.reshape(len(row), -1).astype(np.float32) for row in scores]
    by_seed = np.stack([_weights(rounds, len(row), 0 if crossed else n) @ row / len(row) for n, row in enumerate(flat)])
    drawn = np.einsum("srk,rs->rk", by_seed, _weights(rounds, len(scores), -1)) / len(scores)
    return np.asarray(drawn.reshape(rounds, *scores[0].shape[1:]), np.float64)


@lru_cache(maxsize=16)
def _weights(rounds: int, count: int, stream: int) -> np.ndarray:
    """Return how often each of `count` is drawn ``(rounds, count)``, in `count` draws with replacement."""
    random = np.random.default_rng([count, stream + 1])
    drawn = random.integers(0, count, size=(rounds, count))
    drawn += np.arange(rounds)[:, None] * count
    return np.bincount(drawn.ravel(), minlength=rounds * count).reshape(rounds, count).astype(np.float32)
