"""A trial that was asked for, and what is known of one that has ended: for the searcher alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from kgprism.platform.studies.search.sampling.attributes import REASON
from kgprism.platform.studies.search.trainable import Curve


@dataclass
class AskedTrial:
    """A trial that was asked for. It may wait long for a process: only while it has one it holds processors."""

    trial: optuna.Trial
    overrides: dict[str, Any]
    identity: str
    clock: Callable[[], float]
    curve: dict[int, float] = field(default_factory=dict)
    _since: float | None = None
    _before: float = 0.0

    @property
    def held(self) -> bool:
        """Whether it has a process."""
        return self._since is not None

    @property
    def seconds(self) -> float:
        """How long it had one in all, those before that died included."""
        return self._before + (0.0 if self._since is None else self.clock() - self._since)

    def begin(self) -> None:
        """Note that its process is there."""
        if self._since is None:
            self._since = self.clock()

    def end(self) -> None:
        """Note that its process is through, or has died."""
        self._before, self._since = self.seconds, None


@dataclass(frozen=True)
class KnownTrial:
    """A trial that has ended."""

    number: int
    state: TrialState
    curve: Curve
    values: Sequence[float] | None
    reason: str

    @classmethod
    def of(cls, trial: FrozenTrial) -> "KnownTrial":
        """Return what the study knows of one."""
        values, reason = trial.values, trial.user_attrs.get(REASON, "")
        return cls(trial.number, trial.state, trial.intermediate_values, values, reason)
