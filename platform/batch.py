"""What one optimiser step sees, whole on every worker, with each worker answering for its own rows."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Pairs:
    """Training pairs that are each other's negatives: ids in the joint space, ``(pairs,)`` each.

    Every worker holds the whole slice, so negatives are the same for any number of workers; it scores ``rows`` only.
    """

    left: Tensor
    right: Tensor
    worker: int = 0
    workers: int = 1

    @property
    def rows(self) -> slice:
        """The rows that this worker answers for."""
        total = len(self.left)
        return slice(total * self.worker // self.workers, total * (self.worker + 1) // self.workers)

    def mean(self, values: Tensor) -> Tensor:
        """Turn one value a row of ours into this worker's share: averaged over workers it is the slice's mean."""
        return values.sum() * (self.workers / len(self.left))


@dataclass(frozen=True)
class Batch:
    """The slices of one optimiser step; their losses are summed."""

    slices: tuple[Pairs, ...]
