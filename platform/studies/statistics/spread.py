"""How far the mean of scores over seeds and queries may be from what more of both would give."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kgprism.platform.studies.statistics.tails import student, student_quantile

#: What an interval speaks about: other queries of the same run, or other seeds and other queries.
Covers = Literal["queries", "seeds and queries"]


@dataclass(frozen=True)
class Spread:
    """A mean, its standard error, and how many degrees of freedom the error was estimated from.

    ``in_tails`` are those of p-values: among a table's rows the smallest counts, and there three seeds that are alike
    by chance would give more stars than promised. ``seeds`` is how many there were.
    """

    mean: float
    error: float
    freedom: float
    in_tails: float
    covers: Covers
    seeds: int

    def half_width(self, level: float = 0.95) -> float:
        """Return how far the interval of Student's t reaches to either side."""
        return self.error * student_quantile(self.freedom, (1 + level) / 2)

    def chance(self, value: float = 0) -> float:
        """Return the two-sided p-value of the mean against `value`."""
        if self.error == 0:
            return float(self.mean == value)
        return 2 * student(self.in_tails, -abs(self.mean - value) / self.error)

    def equivalent(self, margin: float, value: float = 0) -> float:
        """Return the p-value of two one-sided tests: small where the mean is surely less than `margin` from `value`."""
        away = self.mean - value
        if self.error == 0:
            return float(abs(away) >= margin)
        below, above = (away - margin) / self.error, (away + margin) / self.error
        return max(student(self.freedom, below), student(self.freedom, -above))


def spread(scores: Sequence[np.ndarray], *, crossed: bool) -> Spread | None:
    """Return the spread of the mean of `scores`, an array ``(queries,)`` a seed; none where a single number is all.

    With `crossed` every seed was asked the same queries in the same order, and both are random effects: the variance is
    that of a two-way layout without repeats, its degrees of freedom Satterthwaite's (Searle, Casella and McCulloch,
    Variance Components, 1992, chapter 4), with the joint part counted as the seeds'. Otherwise seeds have queries of
    their own, and their means say all.
    """
    seeds, queries = len(scores), min((len(row) for row in scores), default=0)
    if not queries or (seeds == 1 and queries == 1):
        return None
    means = np.array([row.mean() for row in scores])
    mean = float(means.mean())
    if seeds == 1:
        return Spread(mean, float(scores[0].std(ddof=1) / np.sqrt(queries)), queries - 1, queries - 1, "queries", 1)
    by_seed = float(means.var(ddof=1) / seeds)
    if not crossed or queries == 1:
        return Spread(mean, by_seed**0.5, seeds - 1, seeds - 1, "seeds and queries", seeds)
    table = np.stack(scores)
    by_query = float(table.mean(0).var(ddof=1) / queries)
    rest = table - table.mean(0) - table.mean(1, keepdims=True) + mean
    by_both = float((rest**2).sum() / ((seeds - 1) * (queries - 1)) / table.size)
    # The estimate may fall below its parts, which it cannot be in truth.
    variance = max(by_seed + by_query - by_both, by_seed, by_query)

    def freedom(weight: float) -> float:
        squares = (weight * by_seed + by_both) ** 2 / (seeds - 1) + by_query**2 / (queries - 1)
        return max(seeds - 1.0, variance**2 / squares) if squares else seeds - 1.0

    # Simulated over seeds that differ less than queries and more: intervals hold what they say with weight 1, the tails
    # of up to twenty rows with 3.
    return Spread(mean, variance**0.5, freedom(1), freedom(3), "seeds and queries", seeds)
