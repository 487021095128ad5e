"""Ray Tune's questions, answered by an Optuna study that is told the whole truth.

Only Optuna's public ask and tell. A trial that the scheduler stopped is PRUNED; one that crashed or whose metric is not
a number is FAIL; a finished one is COMPLETE with its best value, not its last.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.trial import TrialState
from ray.tune.search import Searcher

from kgprism.platform.configuration import Overrides, digest
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.study import REASON, REPEATS, RUN, evaluated
from kgprism.platform.studies.trainable import CURVE, EPOCH, FAILED, VALUE, Curve

#: Repetitions in a row after which chance takes the sampler's place, and after which the space counts as exhausted.
CHANCE, EXHAUSTED = 3, 12
_FINISHED: Any = Searcher.FINISHED


@dataclass(frozen=True)
class Recalled:
    """Who a configuration is, and its curve if it was ever carried out."""

    identity: str
    curve: Curve | None = None


@dataclass(frozen=True)
class Progress:
    """What happened to one trial; ``value`` is its best so far."""

    trial: int
    state: Literal["started", "running", "complete", "pruned", "failed", "repeated"]
    overrides: Overrides
    identity: str
    epoch: int | None = None
    value: float | None = None
    reason: str = ""


Listener = Callable[[Progress], None]


def _quiet(progress: Progress) -> None:
    """Listen to nothing."""


def _itself(overrides: Overrides) -> Recalled:
    """Know a configuration by its values alone."""
    return Recalled(digest(dict(overrides)))


@dataclass
class _Asked:
    trial: optuna.Trial
    overrides: dict[str, Any]
    identity: str
    curve: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Known:
    number: int
    state: TrialState
    curve: Curve
    reason: str


class StudySearcher(Searcher):
    """Asks the study until `trials` configurations are evaluated, those of earlier processes included."""

    def __init__(
        self,
        study: optuna.Study,
        suggest: Callable[[optuna.Trial], dict[str, Any]],
        trials: int,
        *,
        recall: Callable[[Overrides], Recalled] = _itself,
        listener: Listener = _quiet,
    ) -> None:
        maximised = study.direction == optuna.study.StudyDirection.MAXIMIZE
        super().__init__(metric=VALUE, mode="max" if maximised else "min")
        self.study, self.draw, self.recall, self.listener = study, suggest, recall, listener
        self.best = max if maximised else min
        self.running: dict[str, _Asked] = {}
        self.held: _Asked | None = None
        self.known = {
            t.user_attrs[RUN]: _Known(t.number, t.state, t.intermediate_values, t.user_attrs.get(REASON, ""))
            for t in evaluated(study)
            if RUN in t.user_attrs
        }
        self.left = trials - sum(1 for _ in evaluated(study))

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """Return the next configuration, none while it must wait for its twin, or that there is nothing left."""
        repeats = 0
        while self.left > 0 and repeats < EXHAUSTED:
            asked, self.held = self.held or self._ask(by_chance=repeats >= CHANCE), None
            if asked is None:
                continue
            if self._repeated(asked):
                repeats += 1
                continue
            if any(other.identity == asked.identity for other in self.running.values()):
                self.held = asked
                return None
            self.left -= 1
            self.running[trial_id] = asked
            self._tell_listener(asked, "started")
            return {"overrides": asked.overrides}
        return _FINISHED

    def _ask(self, by_chance: bool) -> _Asked | None:
        """Ask the study once; where the method refuses the configuration, or its run is finished, tell it at once."""
        usual = self.study.sampler
        if by_chance:
            self.study.sampler = optuna.samplers.RandomSampler(seed=len(self.study.get_trials(deepcopy=False)))
        trial = self.study.ask()
        overrides = self.draw(trial)
        self.study.sampler = usual
        try:
            recalled = self.recall(overrides)
        except ConfigurationError as error:
            self._tell(_Asked(trial, overrides, digest(overrides)), TrialState.FAIL, str(error))
            self.left -= 1
            return None
        trial.set_user_attr(RUN, recalled.identity)
        asked = _Asked(trial, overrides, recalled.identity)
        if recalled.curve and recalled.identity not in self.known:
            self._finish(asked, recalled.curve)
            self.left -= 1
            return None
        return asked

    def _repeated(self, asked: _Asked) -> bool:
        """Tell the study what it should know about a configuration that it proposes again."""
        known = self.known.get(asked.identity)
        if known is None:
            return False
        asked.trial.set_user_attr(REPEATS, known.number)
        self._report(asked, known.curve)
        value = self.best(known.curve.values()) if known.state == TrialState.COMPLETE else None
        if known.reason:
            asked.trial.set_user_attr(REASON, known.reason)
        self.study.tell(asked.trial, value, state=known.state)
        self._tell_listener(asked, "repeated", known.reason)
        return True

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Tell the study one intermediate value."""
        asked = self.running[trial_id]
        if EPOCH in result and int(result[EPOCH]) not in asked.curve:
            self._report(asked, {int(result[EPOCH]): result[VALUE]})
            self._tell_listener(asked, "running")

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Tell the study how a trial ended."""
        if error or not result or VALUE not in result:
            reason = "the process died or raised an error" if error else "ended without a value"
            self._tell(self.running.pop(trial_id), TrialState.FAIL, reason)
        elif FAILED in result:
            self._tell(self.running.pop(trial_id), TrialState.FAIL, result[FAILED])
        elif CURVE in result:
            self._finish(self.running.pop(trial_id), dict(result[CURVE]))
        else:
            # The scheduler's last word came with this result.
            self.on_trial_result(trial_id, result)
            self._tell(self.running.pop(trial_id), TrialState.PRUNED)

    def _finish(self, asked: _Asked, curve: Curve) -> None:
        """Tell a whole curve: its best value, or a failure if one of its values is not a number."""
        self._report(asked, curve)
        wrong = [epoch for epoch, value in asked.curve.items() if not math.isfinite(value)]
        if wrong:
            self._tell(asked, TrialState.FAIL, f"the value of epoch {wrong[0]} is not a number")
        else:
            self._tell(asked, TrialState.COMPLETE)

    def _report(self, asked: _Asked, curve: Curve) -> None:
        for epoch, value in curve.items():
            if epoch not in asked.curve:
                asked.curve[epoch] = value
                asked.trial.report(value, epoch)

    def _tell(self, asked: _Asked, state: TrialState, reason: str = "") -> None:
        if state == TrialState.FAIL:
            asked.trial.set_user_attr(REASON, reason)
        self.study.tell(asked.trial, self._value(asked) if state == TrialState.COMPLETE else None, state=state)
        self.known[asked.identity] = _Known(asked.trial.number, state, asked.curve, reason)
        names = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
        self._tell_listener(asked, names[state], reason)

    def _value(self, asked: _Asked) -> float | None:
        finite = [value for value in asked.curve.values() if math.isfinite(value)]
        return self.best(finite) if finite else None

    def _tell_listener(self, asked: _Asked, state: Any, reason: str = "") -> None:
        epoch = max(asked.curve, default=None)
        value = self._value(asked)
        self.listener(Progress(asked.trial.number, state, asked.overrides, asked.identity, epoch, value, reason))

    def __getstate__(self) -> dict[str, Any]:
        """Leave nothing for Tune to pickle: the storage is the memory, and Tune's state is thrown away."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Make the file that Tune wants to see."""
        Path(checkpoint_path).touch()

    def restore(self, checkpoint_path: str) -> None:
        """Refuse: a sweep is planned anew from its storage."""
        raise NotImplementedError("a sweep goes on by running it again")
