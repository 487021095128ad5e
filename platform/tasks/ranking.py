"""One judge for all tasks: ranks with honest ties, which no chunk, device or order of candidates can change."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kgprism.platform.errors import RunError
from kgprism.platform.settings import METRICS, Metric

#: Coordinates of unit vectors are rounded to multiples of its inverse.
GRID = 2.0**24
#: What is also told as papers that count ties for them would.
OPTIMISTIC: tuple[Metric, ...] = ("hits_at_1", "mrr")


@dataclass(frozen=True, eq=False)
class Ranks:
    """One rank a query, 1 being the best: ``realistic`` float32, the mean over all orders of the ties; ``optimistic``
    int32, as if the true candidate came first among its equals.
    """

    realistic: np.ndarray
    optimistic: np.ndarray

    @classmethod
    def of(cls, counts: Tensor) -> "Ranks":
        """Return the ranks that a complete `tally` ``(2, queries)`` stands for."""
        higher, equal = counts.cpu().numpy()
        assert (equal > 0).all(), "the true candidate must be among the candidates"
        return cls((higher + (equal + 1) / 2).astype(np.float32), (higher + 1).astype(np.int32))

    def metrics(self) -> dict[str, float]:
        """Return all of `METRICS` of the realistic ranks; Hits@1 and MRR of the optimistic ones."""
        realistic = self.realistic.astype(np.float64)
        found = {word: float(metric.of(realistic).mean()) for word, metric in METRICS.items()}
        return found | {f"{word}_optimistic": float(METRICS[word].of(self.optimistic).mean()) for word in OPTIMISTIC}


def tally(scores: Tensor, truth: Tensor) -> Tensor:
    """Count for each query the candidates that score higher than the true one, and those that score the same.

    `scores` ``(queries, candidates)``, `truth` ``(queries,)``; returns ``(2, queries)``. The true candidate counts as
    one that scores the same. Counts over parts of the candidates add up.

    Raises:
        RunError: if a score is not finite.
    """
    if not torch.isfinite(scores.sum(dtype=torch.float64)):
        raise RunError("a score is not finite: nothing can be ranked")
    compared = scores > truth[:, None], scores == truth[:, None]
    return torch.stack([found.sum(1, dtype=torch.int32) for found in compared])


def subtract_known(counts: Tensor, queries: Tensor, scores: Tensor, truth: Tensor) -> None:
    """Take other true candidates out of a tally, in place; ``scores[i]`` is what one got for query ``queries[i]``."""
    for row, counted in enumerate((scores > truth[queries], scores == truth[queries])):
        counts[row].index_add_(0, queries, counted.to(counts.dtype), alpha=-1)


def unit(vectors: Tensor) -> Tensor:
    """Return rows of length one, in float64, between which dot products are exact; a row of zeros stays zero.

    Coordinates are multiples of 2**-24, so products are multiples of 2**-48 and no partial sum reaches 2: float64 holds
    each without rounding, in whatever order a matrix product adds them. Equal rows therefore tie, and the result is the
    same for any chunk, number of threads and device. The grid moves a cosine by less than float32 rounding does.

    Raises:
        RunError: if a value is not finite.
    """
    if not torch.isfinite(vectors).all():
        raise RunError("an embedding is not finite: nothing can be ranked")
    rows = vectors.double()
    length = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    return (rows / length.masked_fill(length == 0, 1)).mul_(GRID).round_().div_(GRID)


class Csls:
    """Cosines less the mean cosine to the `k` nearest of the other side, on both sides (Lample et al., 2018, Eq. 3).

    Scores are `k` times those of the equation: sums instead of means. Between rows of `unit` they are exact for up to 8
    neighbours, so that candidates tie if they tie in the equation, and a score is the same wherever it is computed.
    Where a side has fewer than `k` candidates, all of them are neighbours, and as many of the other side.
    """

    def __init__(self, left: Tensor, right: Tensor, k: int, chunk: int) -> None:
        self.left, self.right, self.chunk = left, right, chunk
        self.k = min(k, len(left), len(right))
        self.around_left, self.around_right = left.new_zeros(len(left)), right.new_zeros(len(right))
        if self.k:
            self._densities()

    def _densities(self) -> None:
        """Add up the `k` highest cosines of each row and of each column."""
        highest = self.right.new_zeros(0, len(self.right))
        for start in range(0, len(self.left), self.chunk):
            block = self.left[start : start + self.chunk] @ self.right.T
            self.around_left[start : start + self.chunk] = _top(block, self.k, 1).sum(1)
            highest = _top(torch.cat([highest, _top(block, self.k, 0)]), self.k, 0)
        self.around_right = highest.sum(0)

    def blocks(self, worker: int = 0, workers: int = 1) -> Iterator[tuple[int, Tensor]]:
        """Yield the first row and the scores ``(chunk, right)`` of each of a worker's chunks of left rows."""
        for start in range(worker * self.chunk, len(self.left), workers * self.chunk):
            part = slice(start, start + self.chunk)
            yield start, self._score(self.left[part] @ self.right.T, self.around_left[part, None], self.around_right)

    def at(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Return single scores, ``(n,)``."""
        cosine = (self.left[rows] * self.right[columns]).sum(1)
        return self._score(cosine, self.around_left[rows], self.around_right[columns])

    def _score(self, cosine: Tensor, around_left: Tensor, around_right: Tensor) -> Tensor:
        """Turn cosines into scores, in place."""
        return cosine.mul_(2 * max(self.k, 1)).sub_(around_left).sub_(around_right)


def _top(scores: Tensor, k: int, dim: int) -> Tensor:
    """Return the `k` highest along a dimension, or all if there are fewer."""
    return scores.topk(min(k, scores.shape[dim]), dim).values
