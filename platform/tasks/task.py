"""What the training loop knows of a task."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from kgprism.platform.batch import Batch, Triples
from kgprism.platform.method import Method
from kgprism.platform.settings import SecondStage


@dataclass(frozen=True)
class Judgement:
    """One evaluation: ``metrics`` such as ``tail/mrr``; ``ranks`` such as ``tail/realistic``, one number a query."""

    metrics: Mapping[str, float]
    ranks: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Restart:
    """What happens to the optimiser at the start of an epoch: a factor on its rate, and whether it is made anew."""

    rate_factor: float
    fresh: bool


@dataclass(frozen=True)
class Stage:
    """A training of its own that begins at epoch `start`, counted from 0."""

    start: int
    settings: SecondStage


class Task(Protocol):
    """Batches, judge and pseudo-labels of one run; it holds no weights."""

    #: the parts that are judged while training, such as ``("valid", "test")``
    splits: tuple[str, ...]
    #: the second training of the run, if there is one
    stage: Stage | None

    @classmethod
    def settle(cls, config: Any, dataset: Any, drawn: bool = False) -> tuple[Any, tuple[str, ...]]:
        """Return a method's settings as they hold for the data, and a line for each change.

        What depends on the data is settled before a run has its identity, so that equal runs have equal ones. With
        `drawn` no split of the source's own is taken unless it is asked for by its word.
        """

    @classmethod
    def compose(cls, kind: Any, config: Any, dataset: Any, seed: int) -> "tuple[Method, Task]":
        """Build a method of this class and its task from settled settings and data."""

    def learner(self, method: Any) -> Method:
        """Return what is asked for losses: the method, or one that shows it parts of the data."""

    def steps(self, epoch: int, worker: int = 0, workers: int = 1) -> Iterator[Batch | Triples]:
        """Yield one batch a backward pass; the order depends on the seed and the epoch only."""

    def count(self, method: Any, split: str, worker: int = 0, workers: int = 1) -> Tensor:
        """Compare the candidates of a worker's share of a split; the method is in eval mode, without gradients.

        Integers, whose sum over workers is the same for any number of them.

        Raises:
            RunError: if a score is not finite.
        """

    def judgement(self, split: str, counts: Tensor) -> Judgement:
        """Turn the sum of all workers' counts into ranks and metrics."""

    def restart(self, epoch: int) -> Restart | None:
        """Say what happens to the optimiser before this epoch (pseudo-pairs change the rate)."""

    def propose(self, epoch: int, when: str, method: Any) -> np.ndarray | None:
        """Return new training pairs ``(pairs, 2)`` or none; `when` is ``before`` or ``after`` the epoch's steps."""

    def accept(self, proposal: np.ndarray) -> None:
        """Train on these pairs from now on; called on every worker with what the first one proposed."""

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint must hold to go on exactly; plain values and arrays."""

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint's state."""


def without_absent(
    config: Any, name: str, offered: Collection[str], advice: Mapping[str, str]
) -> tuple[Any, list[str]]:
    """Return settings without the modalities that the data `name` lack, and a line for each; `advice` ends some."""
    absent = sorted(config.modalities - set(offered))
    lacks = [f"{name} has no {modality} features: left out{advice.get(modality, '')}" for modality in absent]
    return config.model_copy(update={"modalities": config.modalities - set(absent)}), lacks
