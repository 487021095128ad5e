"""One judge for all tasks: ranks with honest ties, which no chunk, device or order of candidates can change."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kgprism.platform.errors import RunError
from kgprism.platform.settings import METRICS, Metric

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
