"""Tests of paired rows: McNemar for hits, Holm over a table's rows, the size of an effect."""

from collections.abc import Sequence

import numpy as np

from kgprism.platform.studies.statistics.tails import at_most_heads


def mcnemar(mine: np.ndarray, other: np.ndarray) -> float:
    """Return the exact two-sided p-value that neither row hits more queries; both boolean ``(queries,)``.

    Source: McNemar 1947, as a sign test of the queries that only one of both hits.
    """
    won, lost = int((mine & ~other).sum()), int((other & ~mine).sum())
    return min(1.0, 2 * at_most_heads(min(won, lost), won + lost))


def holm(chances: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that the chance of any false alarm among them stays below the level.

    Source: Holm 1979. They keep their order; none is above 1.
    """
    adjusted, highest = [0.0] * len(chances), 0.0
    for rank, n in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        highest = max(highest, min(1.0, (len(chances) - rank) * chances[n]))
        adjusted[n] = highest
    return adjusted


def effect(differences: Sequence[np.ndarray]) -> float:
    """Return the mean difference of a query in standard deviations (Cohen's d of paired samples); 0 without spread."""
    every = np.concatenate(list(differences))
    deviation = float(every.std(ddof=1)) if len(every) > 1 else 0.0
    return float(every.mean()) / deviation if deviation else 0.0
